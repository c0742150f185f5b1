import assert from 'node:assert/strict'
import { createReadStream } from 'node:fs'
import { describe, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { digest, FreezeError, frozenState, ignore, inputVersion } from 'permafrost'
import { defaultWalkOptions, freezeArguments } from '#src/freeze/freeze.js'
import { temporaryGroup } from '../support/temporary.js'

class Point {
  x = 1
  #hidden: number
  constructor(hidden = 0) {
    this.#hidden = hidden
  }
  get sum(): number {
    return this.x + this.#hidden
  }
}
class Point2 {
  x = 1
}
const cyclic = (tail: unknown) => {
  const list: unknown[] = [1]
  list.push(list, 2, 3, tail)
  return list
}
const backTo = (root: boolean) => {
  const child: Record<string, unknown> = {}
  const tree = { child }
  child['back'] = root ? tree : child
  return tree
}
const shared = {}
const matched = (at: number) => [...'abca'.matchAll(/a/g)][at]

/** Each is another value than all others. */
const distinct: readonly (readonly [string, unknown])[] = [
  ['undefined', undefined],
  ['null', null],
  ['true', true],
  ['false', false],
  ['0', 0],
  ['-0', -0],
  ['1', 1],
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
  ['2 ** 53', 2 ** 53],
  ['1n', 1n],
  ['-1n', -1n],
  ['1n << 65n', 1n << 65n],
  ['2n << 65n', 2n << 65n],
  ['""', ''],
  ['"1"', '1'],
  ['"a"', 'a'],
  ['"true"', 'true'],
  ['a lone surrogate', '\ud800'],
  ['another lone surrogate', '\ud801'],
  ['the replacement character', '\ufffd'],
  ['latin1 text', 'é'],
  ['decomposed text', 'e\u0301'],
  ['a long string', 'x'.repeat(100)],
  ['a long wide string', 'λ'.repeat(100)],
  ['Symbol.iterator', Symbol.iterator],
  ['Symbol.for(a)', Symbol.for('a')],
  ['Symbol(a)', Symbol('a')],
  ['Symbol()', Symbol()],
  ['[]', []],
  ['[[]]', [[]]],
  ['[undefined]', [undefined]],
  ['a hole', new Array(1)],
  ['two holes', new Array(2)],
  ['[1, 2]', [1, 2]],
  ['[2, 1]', [2, 1]],
  ['["1", 2]', ['1', 2]],
  ['[[1], 2]', [[1], 2]],
  ['[[1, 2]]', [[1, 2]]],
  ['["a,b"]', ['a,b']],
  ['["a", "b"]', ['a', 'b']],
  ['an array with a property', Object.assign([1, 2], { extra: 1 })],
  ['a match', matched(0)],
  ['another match', matched(1)],
  ['{}', {}],
  ['null prototype', Object.create(null)],
  ['{ a: 1 }', { a: 1 }],
  ['{ a: 1 } without prototype', Object.assign(Object.create(null), { a: 1 })],
  ['{ a: undefined }', { a: undefined }],
  ['{ a: 1, b: 2 }', { a: 1, b: 2 }],
  ['{ b: 2, a: 1 }', { b: 2, a: 1 }],
  ['{ a: { b: 1 } }', { a: { b: 1 } }],
  ['own __proto__', JSON.parse('{"__proto__": 1}')],
  ['a symbol key', { [Symbol.for('k')]: 1 }],
  ['a frozen object', Object.freeze({ a: 1 })],
  ['a sealed object', Object.seal({ a: 1 })],
  ['a hidden property', Object.defineProperty({}, 'a', { value: 1 })],
  ['an accessor', Object.defineProperty({}, 'a', { get: () => 1, enumerable: true, configurable: true })],
  [
    'another accessor',
    Object.defineProperty({}, 'a', { get: () => 2, enumerable: true, configurable: true }),
  ],
  ['shared references', [shared, shared]],
  ['equal references', [{}, {}]],
  ['a cycle', cyclic(4)],
  ['another cycle', cyclic(5)],
  ['a reference to the root', backTo(true)],
  ['a reference to the child', backTo(false)],
  ['new Map', new Map()],
  ['a Map', new Map([['a', 1]])],
  ['a Map of another order', new Map(Object.entries({ a: 1, b: 2 }))],
  ['a Map of one order', new Map(Object.entries({ b: 2, a: 1 }))],
  ['new Set', new Set()],
  ['Set {1, 2, 3}', new Set([1, 2, 3])],
  ['Set {1, 2, 4}', new Set([1, 2, 4])],
  ['Set {{1}, {2}}', new Set([new Set([1]), new Set([2])])],
  ['Set {1, 2}', new Set([1, 2])],
  ['Date(0)', new Date(0)],
  ['Date(1)', new Date(1)],
  ['an invalid date', new Date(Number.NaN)],
  ['/abc/', /abc/],
  ['/def/', /def/],
  ['/def/m', /def/m],
  ['lastIndex 3', Object.assign(/def/g, { lastIndex: 3 })],
  ['lastIndex 0', /def/g],
  ['an Error', new Error('a')],
  ['another Error', new Error('b')],
  ['a TypeError', new TypeError('a')],
  ['an Error with a cause', new Error('a', { cause: 1 })],
  ['an AggregateError', new AggregateError([new Error('a')], 'a')],
  ['Number(1)', Object(1)],
  ['String(1)', Object('1')],
  ['Boolean(true)', Object(true)],
  ['BigInt(1)', Object(1n)],
  ['an ArrayBuffer', new Uint8Array([1, 2, 3, 4]).buffer],
  ['another ArrayBuffer', new Uint8Array([1, 2, 3, 5]).buffer],
  ['a SharedArrayBuffer', new SharedArrayBuffer(4)],
  ['a DataView', new DataView(new ArrayBuffer(4))],
  ['Uint8Array', new Uint8Array(4)],
  ['Uint8ClampedArray', new Uint8ClampedArray(4)],
  ['Int8Array', new Int8Array(4)],
  ['Uint16Array', new Uint16Array(2)],
  ['Int32Array', new Int32Array(1)],
  ['Float32Array', new Float32Array(1)],
  ['Float64Array', new Float64Array(1)],
  ['BigInt64Array', new BigInt64Array(1)],
  ['Buffer', Buffer.alloc(4)],
  ['a big Uint8Array', new Uint8Array(100_000)],
  ['another big Uint8Array', new Uint8Array(100_000).fill(1)],
  ['a URL', new URL('http://a.example/')],
  ['another URL', new URL('http://b.example/')],
  ['URLSearchParams', new URLSearchParams('a=1')],
  ['other URLSearchParams', new URLSearchParams('a=2')],
  ['an instance', new Point(0)],
  ['an instance with another private field', new Point(1)],
  ['an instance of another class', new Point2()],
  ['a NumberFormat', new Intl.NumberFormat('de')],
  ['another NumberFormat', new Intl.NumberFormat('en')],
  ['Math.max', Math.max],
  ['Math.min', Math.min],
  ['Math', Math],
  ['a bound function', Math.max.bind(null, 3)],
  ['another bound function', Math.max.bind(null, 4)],
  [
    'arguments',
    (function (..._: unknown[]) {
      return arguments
    })(1),
  ],
]

describe('no two different values share a digest:', () => {
  const seen = new Map<string, string>()
  for (const [name, value] of distinct) {
    test(name, () => {
      const found = digest(value)
      assert.match(found, /^[0-9a-f]{32}$/)
      assert.equal(seen.get(found), undefined, `${name} has the digest of ${seen.get(found)}`)
      seen.set(found, name)
      assert.equal(digest(value), found, 'the digest is not stable')
    })
  }
})

describe('equal values share a digest:', () => {
  const makeClass = () =>
    class Same {
      a = 1
      m() {
        return 2
      }
    }
  const pairs: readonly (readonly [string, unknown, unknown])[] = [
    ['arrays', [1, [2]], [1, [2]]],
    ['cycles', cyclic(4), cyclic(4)],
    ['functions from different lines', () => 1, () => 1],
    ['classes made twice by one factory', makeClass(), makeClass()],
    ['instances of those', new (makeClass())(), new (makeClass())()],
    ['typed arrays', new Float64Array([1]), new Float64Array([1])],
    ['views with and without offset', new Uint8Array(new ArrayBuffer(8), 4, 4), new Uint8Array(4)],
    ['NaN of any sign', Number.NaN, new Float64Array(new BigUint64Array([0xfff8000000000001n]).buffer)[0]],
    ['bound functions', Math.max.bind(null, 3), Math.max.bind(null, 3)],
    ['errors with other stacks', new Error('a'), (() => new Error('a'))()],
    ['WeakMaps that are ignored', { a: ignore(new WeakMap()) }, { a: ignore(new WeakMap()) }],
    ['abort signals', new AbortController().signal, AbortSignal.abort()],
    ['consoles', { console }, { console }],
  ]
  for (const [name, one, other] of pairs) test(name, () => assert.equal(digest(one), digest(other)))
})

test('getters are never called', () => {
  const trap = {
    get a(): number {
      throw new Error('called')
    },
  }
  digest(trap)
  digest([trap])
  digest(Object.create(trap))
})

test('what cannot be frozen is refused with its path', () => {
  function* generator() {
    yield 1
  }
  const refused: readonly (readonly [string, unknown])[] = [
    ['a Promise', Promise.resolve()],
    ['a WeakMap', new WeakMap()],
    ['a WeakSet', new WeakSet()],
    ['a WeakRef', new WeakRef({})],
    ['a Proxy', new Proxy({}, {})],
    ['a Proxy', new Proxy(() => 1, {})],
    ['a generator in flight', generator()],
    ['an iterator in flight', new Map().keys()],
    ['an iterator in flight', [].values()],
    ['a Blob', new Blob(['a'])],
    ['a ReadableStream', new ReadableStream()],
  ]
  for (const [what, value] of refused) {
    assert.throws(
      () => digest({ opts: [value] }),
      (error: unknown) =>
        error instanceof FreezeError && error.path === 'value.opts[0]' && error.message.includes(what),
      what,
    )
  }
})

test('streams, sockets and workers are refused', async () => {
  const stream = createReadStream(import.meta.filename)
  assert.throws(() => digest({ stream }), /cannot freeze a stream at value\.stream/)
  stream.destroy()
  const worker = new Worker('0', { eval: true })
  assert.throws(() => digest({ worker }), FreezeError)
  await worker.terminate()
})

test('a list of 100,000 nested objects has a digest, and depth matters', () => {
  const nested = (depth: number) => {
    let list: unknown = null
    for (let index = 0; index < depth; index++) list = { next: list }
    return list
  }
  assert.notEqual(digest(nested(100_000)), digest(nested(99_999)))
})

test('a shared graph is walked once: 25 levels of pairs', () => {
  const build = (): unknown => {
    let level: unknown = ['leaf']
    for (let depth = 0; depth < 25; depth++) level = [level, level]
    return level
  }
  assert.equal(digest(build()), digest(build()))
})

test('an object may say itself what it is', () => {
  class Connection {
    handle = new WeakMap()
    constructor(readonly url: string) {}
    [frozenState]() {
      return this.url
    }
  }
  assert.equal(digest(new Connection('a')), digest(new Connection('a')))
  assert.notEqual(digest(new Connection('a')), digest(new Connection('b')))
  assert.notEqual(digest(new Connection('a')), digest('a'))
})

test('an input may say its version from private fields, which its prototype does not have', (t) => {
  class Table {
    #revision = 1
    insert(): void {
      this.#revision++
    }
    [inputVersion]() {
      return this.#revision
    }
  }
  const { group } = temporaryGroup(t)
  const count = group.memoize((table: Table) => typeof table, { name: 'count' })
  const table = new Table()
  const before = count.key(table)
  table.insert()
  const after = count.key(table)
  assert.equal(after.args, before.args)
  assert.notEqual(after.inputs, before.inputs)
})

test('10,000 short-lived classes share no digest', () => {
  const seen = new Set<string>()
  for (let index = 0; index < 10_000; index++) {
    seen.add(
      digest(
        class {
          static value = index
        },
      ),
    )
  }
  assert.equal(seen.size, 10_000)
})

test("a call's arguments have the digest of an array of them", () => {
  const samples: readonly unknown[][] = [
    [],
    [1, 'a', true],
    [{ a: 1 }],
    [[1], undefined, null, 1n, new Map([[1, 2]])],
  ]
  for (const args of samples) {
    assert.equal(freezeArguments(args, defaultWalkOptions).digest, digest(args))
  }
})
