/** Pairs of calls that once had one key: what an option, a wrapper, a spelling or a place hides. Each was a wrong hit. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import vm from 'node:vm'
import { type Codec, digest, FreezeError, memoize } from 'permafrost'
import { MemoizedGroup } from '#src/group.js'
import { strongKeyOf } from '#src/key.js'
import { memoOfWrapper } from '#src/memoize.js'
import { folderWith, temporaryFolder, temporaryGroup } from './support/temporary.js'

const globals = globalThis as Record<string, any>

test('functions that are called besides compare and look up, too', (t) => {
  const { group } = temporaryGroup(t)
  const EMPTY = {}
  const isEmpty = (x: unknown) => x === EMPTY
  const asked = group.memoize((x: unknown) => globals['hunted' + 'Table'].isEmpty(x), { calls: [isEmpty] })
  assert.notEqual(asked.key(EMPTY).digest, asked.key({}).digest)

  const secrets = new WeakMap<object, string>()
  const secretOf = (x: object) => secrets.get(x)
  const told = group.memoize((x: object) => globals['hunted' + 'Table'].secretOf(x), { calls: [secretOf] })
  const one = {}
  const nothing = told.key(one).digest
  secrets.set(one, 'a')
  const something = told.key(one).digest
  assert.notEqual(something, nothing)
  secrets.set(one, 'b')
  assert.notEqual(told.key(one).digest, something)
  assert.equal(told.key({}).digest, nothing)
})

test('whether what a function captures is what one that it calls besides captures', () => {
  const [one, other] = [{}, {}]
  const isOne = (x: unknown) => x === one
  const keyOf = (captured: object) =>
    memoize(() => globals['hunted' + 'Table'].isOne(captured), { calls: [isOne] }).key().digest
  assert.notEqual(keyOf(one), keyOf(other))
})

test('`eval` that is spelled with escapes may look at `this`', (t) => {
  const { group } = temporaryGroup(t)
  const hidden = group.memoize(new Function('return ev\\u0061l("th" + "is.x")') as (this: object) => unknown)
  assert.notEqual(hidden.key.call({ x: 1 }).digest, hidden.key.call({ x: 2 }).digest)
})

test('an array stays one without its prototype', () => {
  const array = Object.setPrototypeOf(['a'], Object.prototype)
  const object = { 0: 'a' }
  Object.defineProperty(object, 'length', { value: 1, writable: true })
  assert.deepEqual(Object.getOwnPropertyDescriptors(object), Object.getOwnPropertyDescriptors(array))
  assert.notEqual(digest(array), digest(object))
})

test('references to equal bytes that two codecs read as two values', (t) => {
  const { group } = temporaryGroup(t)
  const hex: Codec = {
    name: 'hex',
    encode: (value) => Buffer.from(value as string, 'hex'),
    decode: (bytes) => Buffer.from(bytes).toString('hex'),
  }
  const text: Codec = {
    name: 'text',
    encode: (value) => Buffer.from(value as string),
    decode: (bytes) => Buffer.from(bytes).toString(),
  }
  const one = group.memoize(() => '41', { codec: hex, name: 'one' })
  const other = group.memoize(() => 'A', { codec: text, name: 'other' })
  const read = group.memoize((ref: { get(): string }) => ref.get())
  assert.deepEqual([read(one.ref()), read(other.ref())], ['41', 'A'])
})

/** Both digests, or that there is none. */
const sameOrRefused = (one: Function, other: Function): boolean => {
  try {
    return digest(one) === digest(other)
  } catch (error) {
    assert.ok(error instanceof FreezeError)
    return false
  }
}

test('the name of a function expression is hidden wherever V8 counts the first line of a script', (t) => {
  const { at } = folderWith(t, {})
  const source = `(given) => {
    const make = function self() { return () => self.given };
    return Object.assign(make, { given })()
  }`
  for (const [lineOffset, columnOffset] of [
    [0, 0],
    [10, 0],
    [0, 300],
    [7, 300],
  ] as const) {
    for (const text of [source, source.replaceAll('\n', ' ')]) {
      const filename = at(`${lineOffset}-${columnOffset}-${text.length}.js`)
      const make = vm.runInThisContext(text, { filename, lineOffset, columnOffset })
      assert.deepEqual([make(1)(), make(2)()], [1, 2])
      assert.ok(!sameOrRefused(make(1), make(2)), `${lineOffset}, ${columnOffset}`)
    }
  }
})

test('what is remembered of a walk by SHA-256 is no answer for one by XXH3, nor the other way round', (t) => {
  using group = new MemoizedGroup({ directory: temporaryFolder(t) })
  const once = (times: number) => {
    const inner = group.memoize((x: number) => x + times, { closure: 'once' })
    return { inner, outer: group.memoize((x: number) => inner(x)) }
  }
  const strong = (fn: Parameters<typeof memoOfWrapper>[0]) =>
    strongKeyOf(memoOfWrapper(fn, 'test'), undefined, [1])
  const [one, other] = [once(1), once(1)]
  const usual = one.inner.key(1)
  const first = strong(one.outer)
  assert.deepEqual(strong(other.outer), first)
  assert.equal(other.inner.key(1).digest, usual.digest)
  assert.equal(usual.code.length, 32)
  assert.equal(first.code.length, 64)
})
