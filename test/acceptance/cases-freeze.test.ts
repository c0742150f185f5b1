/**
 * The acceptance cases that the tests of charmonium.freeze make of values: which are the same, in every process, in each form.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forms, program } from '../support/forms.js'

/** Each is another value than all others, whatever its kind. */
const distinct = `
import * as path from 'node:path'
import * as helper from './helper.ts'
import { frozenState } from 'permafrost'

const cyclic = (tail: number) => { const list: unknown[] = [1]; list.push(list, 2, 3, tail); return list }
const backTo = (root: boolean) => {
  const child: Record<string, unknown> = {}
  const tree = { child }
  child.back = root ? tree : child
  return tree
}
const bytes = (text: string) => new TextEncoder().encode(text)
const stepped = (pattern: RegExp) => { pattern.exec('abca'); return pattern }
const classOf = (value: number) => class Same { static value = value; baz() { return value } }
const accessor = (message: string) => ({ get value(): never { throw new Error(message) } })
class Logger {
  handlers: unknown[] = []
  constructor(readonly name: string) {}
  [frozenState]() { return this.name }
}
class C {
  constructor(readonly state = 1) {}
  static foo(): number { return 1 }
  baz(): number { return this.state }
}
const g0 = 10
const g1 = 11
const add = (a: number, b: number) => a + b
const shared = {}

export const distinct: Record<string, unknown> = {
  null: null, undefined, NaN: Number.NaN, zero: 0, 'minus zero': -0, false: false, true: true, 'empty text': '',
  '[]': [], '{}': {}, 'new Map': new Map(), 'new Set': new Set(), 'no prototype': Object.create(null), hole: new Array(1),
  hello: bytes('hello'), world: bytes('world'), Buffer: Buffer.from('hello'), ArrayBuffer: bytes('hello').buffer,
  DataView: new DataView(bytes('hello').buffer), text: 'hello',
  '[1, 2]': [1, 2], '[2, 1]': [2, 1], 1: 1, '1n': 1n, '"1"': '1', '1n << 65n': 1n << 65n, '2n << 65n': 2n << 65n,
  'a cycle': cyclic(4), 'a cycle with another end': cyclic(5), 'back to the root': backTo(true), 'back to the child': backTo(false),
  'shared references': [shared, shared], 'equal references': [{}, {}],
  '{1, 2, 3}': new Set([1, 2, 3]), '{1, 2, 4}': new Set([1, 2, 4]), '{1, 2}': new Set([1, 2]),
  '{{1}, {2}}': new Set([new Set([1]), new Set([2])]), '{1, {1}}': new Set<unknown>([1, new Set([1])]),
  'a, b': { a: 1, b: 2 }, 'b, a': { b: 2, a: 1 }, swapped: { a: 2, b: 1 }, nested: { a: { b: 1 }, b: {} },
  'Map a, b': new Map([['a', 1], ['b', 2]]), 'Map b, a': new Map([['b', 2], ['a', 1]]),
  '() => 1': () => 1, '() => 2': () => 2, '() => g0': () => g0, '() => g1': () => g1, join: path.join, resolve: path.resolve,
  'Math.max': Math.max, 'Math.min': Math.min, 'node:path': path, 'node:path/posix': path.posix, 'a module': helper,
  'C.foo': C.foo, 'C.prototype.baz': C.prototype.baz, 'baz of one': C.prototype.baz.bind(new C(1)),
  'baz of another': C.prototype.baz.bind(new C(2)), 'bound 3': add.bind(null, 3), 'bound 4': add.bind(null, 4),
  'class of 3': classOf(3), 'class of 4': classOf(4), 'instance of 3': new (classOf(3))(), 'instance of 4': new (classOf(4))(),
  'method of 3': new (classOf(3))().baz, 'method of 4': new (classOf(4))().baz, 'class C': C, 'an instance': new C(), 'another state': new C(2),
  'an accessor': accessor('one'), 'another accessor': accessor('other'), 'a logger': new Logger('a'), 'another logger': new Logger('b'),
  '/abc/': /abc/, '/def/': /def/, '/def/m': /def/m, '/a/g': /a/g, 'lastIndex 1': stepped(/a/g),
  'a match': [...'abca'.matchAll(/a/g)][0], 'the next match': [...'abca'.matchAll(/a/g)][1],
  Float32Array: new Float32Array([1, 2]), Float64Array: new Float64Array([1, 2]), Int32Array: new Int32Array([1, 2]),
  Uint32Array: new Uint32Array([1, 2]), 'http://a': new URL('http://a'), 'http://b': new URL('http://b'),
  'Date(0)': new Date(0), 'Date(1)': new Date(1), 'an error': new RangeError('a'), 'another error': new RangeError('b'),
  'a frozen object': Object.freeze({ a: 1 }), 'another frozen object': Object.freeze({ a: 2 }), 'Symbol.for(a)': Symbol.for('a'),
}
`

/** Both of a pair are the same value. */
const equivalent = `
import { digest, frozenState, ignore, memoize } from 'permafrost'

const cyclic = () => { const list: unknown[] = [1]; list.push(list, 2); return list }
const one = () => 1
const classOf = (value: number) => class Same { static value = value; state = value }
const withAccessor = () => ({ get value(): never { throw new Error('called') } })
class Stateful {
  constructor(readonly state: number, readonly rest: unknown) {}
  [frozenState]() { return this.state }
}
class Logger {
  handlers: unknown[] = []
  constructor(readonly name: string) {}
  [frozenState]() { return this.name }
}
const handled = new Logger('a')
handled.handlers.push(console)
const add = (a: number, b: number) => a + b
const square = (x: number) => x ** 2
const remembering = () => {
  const seen = ignore(new Map<number, number>())
  return (x: number) => seen.get(x) ?? seen.set(x, x ** 2).get(x)
}
const warm = remembering()
warm(4)
const cold = memoize((x: number) => x + 40)
const before = digest(cold)
cold(2)
const key = (options: object, value: unknown) => memoize((x: unknown) => x, options).key(value).digest

export const equivalent: Record<string, readonly [unknown, unknown]> = {
  arrays: [[1, [2]], [1, [2]]],
  'recursive arrays': [cyclic(), cyclic()],
  'functions from different lines': [one,
    () => 1],
  accessors: [withAccessor(), withAccessor()],
  'typed arrays': [new Float32Array([1, 2]), new Float32Array([1, 2])],
  'a view of a larger buffer': [new Uint8Array([1, 2]), new Uint8Array([0, 1, 2, 3]).subarray(1, 3)],
  'classes of a factory': [classOf(3), classOf(3)],
  'their instances': [new (classOf(3))(), new (classOf(3))()],
  'equal states, the rest another and unfreezable': [new Stateful(1, Promise.resolve(1)), new Stateful(1, new WeakMap())],
  'loggers of one name': [handled, new Logger('a')],
  'bound functions': [add.bind(null, 3), add.bind(null, 3)],
  'a warm and a cold cache': [warm, remembering()],
  'a memoized function before and after a call': [before, digest(cold)],
  '2 min and 120 s': [key({ ttl: '2m' }, 1), key({ ttl: '120s' }, 1)],
  'objects of another order, where it is ignored': [
    key({ keyOrder: 'ignore' }, { a: 1, b: new Map([[1, 2], [3, 4]]) }), key({ keyOrder: 'ignore' }, { b: new Map([[3, 4], [1, 2]]), a: 1 })],
  'ignored WeakMaps': [ignore(new WeakMap()), ignore(new WeakMap([[{}, 1]]))],
  AbortControllers: [new AbortController(), new AbortController()],
  'stdout and stderr, which are for printing': [process.stdout, process.stderr],
}
`

const main = `
import { digest } from 'permafrost'
import { distinct } from './distinct.ts'
import { equivalent } from './equivalent.ts'

const digestOf = (value: unknown): string => {
  try { return digest(value) } catch (error) { return String(error) }
}
const cloned: Record<string, readonly [unknown, unknown]> = {}
for (const [name, value] of Object.entries(distinct)) {
  let copy: unknown
  // what is no plain data has no copy
  try { copy = structuredClone(value) } catch { continue }
  cloned[name] = [digestOf(value), digestOf(copy)]
}
console.log(JSON.stringify({
  distinct: Object.fromEntries(Object.entries(distinct).map(([name, value]) => [name, digestOf(value)])),
  equivalent: Object.fromEntries(Object.entries(equivalent).map(([name, pair]) => [name, pair.map(digestOf)])),
  cloned,
}))
`

interface Told {
  readonly distinct: Readonly<Record<string, string>>
  readonly equivalent: Readonly<Record<string, readonly [string, string]>>
  readonly cloned: Readonly<Record<string, readonly [string, string]>>
}

const isDigest = (text: string): boolean => /^[0-9a-f]{32}$/.test(text)

/** What structuredClone() makes another value of: it drops classes, prototypes, lastIndex and frozenness. */
const CLONED_TO_OTHERS: readonly string[] = [
  'Buffer',
  'a frozen object',
  'a logger',
  'an instance',
  'another frozen object',
  'another logger',
  'another state',
  'http://a',
  'http://b',
  'instance of 3',
  'instance of 4',
  'lastIndex 1',
  'no prototype',
]

const dataOf = new Map<string, object>()

for (const form of forms) {
  test(`in ${form.name}`, async (t) => {
    const user = program(t, form, { distinct, equivalent, main, helper: 'export const one = () => 1\n' })
    const [first, second] = [{}, { node: ['--random-seed=7', '--hash-seed=7'] }].map((options): Told => {
      const { printed, stderr } = user.run('main', options)
      assert.equal(stderr, '')
      return JSON.parse(printed[0]!)
    }) as [Told, Told]

    await t.test('AC-40 different values of all kinds have different digests', () => {
      const names = new Map<string, string>()
      for (const [name, digest] of Object.entries(first.distinct)) {
        assert.ok(isDigest(digest), `${name}: ${digest}`)
        assert.equal(names.get(digest), undefined, `the same as ${name}`)
        names.set(digest, name)
      }
      assert.equal(names.size, 94)
    })

    await t.test('AC-41 another process has the same digests', () => {
      assert.deepEqual(second, first)
    })

    await t.test('AC-42 a structured clone has the same digest, unless it is another value', () => {
      const others = Object.entries(first.cloned).filter(([, [value, copy]]) => value !== copy)
      assert.deepEqual(others.map(([name]) => name).sort(), CLONED_TO_OTHERS)
      assert.equal(Object.keys(first.cloned).length, 69)
    })

    await t.test('AC-43 equivalent values have the same digest', () => {
      for (const [name, [one, other]] of Object.entries(first.equivalent)) {
        assert.ok(isDigest(one), `${name}: ${one}`)
        assert.equal(one, other, name)
      }
      assert.equal(Object.keys(first.equivalent).length, 18)
    })

    await t.test('AC-41 data has the same digest in each form', () => {
      const data = Object.entries(first.cloned).filter(([, [value, copy]]) => value === copy)
      dataOf.set(form.name, Object.fromEntries(data))
      assert.deepEqual(dataOf.get(form.name), dataOf.get('ESM'))
    })
  })
}
