import assert from 'node:assert/strict'
import constants from 'node:constants'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { frozenState, ignore, inputVersion } from 'permafrost'
import { defaultWalkOptions, freezeArguments } from '#src/freeze/freeze.js'
import * as marks from '#src/freeze/marks.js'
import { areSame, hashOf, keptOf, partsOf } from '#src/freeze/records.js'
import { temporaryGroup } from '../support/temporary.js'

const NOWHERE: ReadonlyMap<object | symbol, unknown> = new Map()
const digestOf = (args: readonly unknown[]) => freezeArguments(args, defaultWalkOptions).digest

/** Values that are easily taken for each other. */
const value = fc.oneof(
  fc.constantFrom<unknown>(
    0,
    -0,
    1,
    '1',
    '',
    'a',
    'é',
    '\ud800',
    '\udc00',
    true,
    false,
    null,
    undefined,
    Number.NaN,
    0.5,
    1e300,
  ),
  fc.constantFrom<unknown>(
    'x'.repeat(13),
    `${'x'.repeat(12)}y`,
    'x'.repeat(64),
    'x'.repeat(65),
    1n,
    Symbol.iterator,
  ),
  fc.double(),
  fc.string(),
)
const name = fc.constantFrom('a', 'b', '0', '1', 'length', 'toString', '__proto__')
const record = fc.array(fc.tuple(name, value), { maxLength: 4 }).map((members) => {
  const made: object = {}
  for (const [key, held] of members)
    Object.defineProperty(made, key, { value: held, configurable: true, enumerable: true, writable: true })
  return made
})
const args = fc.array(fc.oneof(value, record), { maxLength: 3 })

test('two calls have the same parts where a walk finds them the same, and nowhere else', () => {
  let both = 0
  fc.assert(
    fc.property(args, args, (one, other) => {
      const first = partsOf(one, NOWHERE)
      const kept = first && keptOf(first)
      const second = partsOf(other, NOWHERE)
      if (kept === undefined || second === undefined) return
      both++
      const same = digestOf(one) === digestOf(other)
      assert.equal(areSame(kept, second), same)
      if (same) assert.equal(hashOf(kept), hashOf(second))
    }),
    { numRuns: 20_000 },
  )
  assert.ok(both > 1000)
})

const like = (object: object): object => Object.defineProperties({}, Object.getOwnPropertyDescriptors(object))
const twin = {}

/** What a walk sees in an object beside its names and values. */
const WALKED: Readonly<Record<string, readonly unknown[]>> = {
  'an object in an object': [{ a: {} }],
  'an array': [[1]],
  'a function': [{ a: () => 1 }],
  'a symbol': [{ a: Symbol.iterator }],
  'a bigint': [{ a: 1n }],
  'a long text': [{ a: 'x'.repeat(65) }],
  'many members': [Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`a${i}`, i]))],
  'a key that is a symbol': [{ [Symbol('a')]: 1 }],
  'a getter': [
    {
      get a() {
        throw new Error('nobody may run this')
      },
    },
  ],
  'a setter': [{ set a(_: unknown) {} }],
  'a member that is hidden': [Object.defineProperty({ a: 1 }, 'a', { enumerable: false })],
  'one that cannot be written': [Object.defineProperty({ a: 1 }, 'a', { writable: false })],
  'one that cannot be deleted': [Object.defineProperty({ a: 1 }, 'a', { configurable: false })],
  'a frozen object': [Object.freeze({ a: 1 })],
  'a sealed object': [Object.seal({})],
  'an object that cannot be extended': [Object.preventExtensions({})],
  'no prototype': [Object.create(null)],
  'another prototype': [Object.create({})],
  'an instance': [new (class A {})()],
  'a Date': [new Date(0)],
  'a Map': [new Map()],
  'a Proxy': [
    new Proxy(
      {},
      {
        getPrototypeOf() {
          throw new Error('nobody may run this')
        },
      },
    ),
  ],
  'a constructor of its own': [{ constructor: 1 }],
  'a state of its own': [{ [frozenState]: () => 1 }],
  'a version of its own': [{ [inputVersion]: () => 1 }],
  'an object that is ignored': [marks.ignore({})],
  'two objects, which may be one': [{}, {}],
  'one object twice': [twin, twin],
  'a module of Node': [constants],
}

describe('what a walk would see is left to the walk:', () => {
  for (const [what, given] of Object.entries(WALKED))
    test(what, () => assert.equal(partsOf(given, NOWHERE), undefined))

  test('a module of Node is not what has the same members', () => {
    assert.notEqual(digestOf([constants]), digestOf([like(constants)]))
  })

  test('an object that the code has, too', () => {
    const shared = {}
    assert.notEqual(partsOf([shared], NOWHERE), undefined)
    assert.equal(partsOf([shared], new Map([[shared, 0]])), undefined)
  })
})

test('a call with an object that was seen before finds what that one left, one with another does not', (t) => {
  const { group } = temporaryGroup(t)
  let runs = 0
  const counting = ignore({ run: () => runs++ })
  const sum = group.memoize((options: Record<string, unknown>) => {
    counting.run()
    return Object.values(options).join()
  })
  const runsOf = (given: Record<string, unknown>): number => {
    const before = runs
    assert.equal(sum(given), Object.values(given).join())
    return runs - before
  }
  const given: Record<string, unknown> = { a: 1, b: 'x'.repeat(20) }
  assert.equal(runsOf(given), 1)
  assert.equal(runsOf(given), 0)
  assert.equal(runsOf({ a: 1, b: 'x'.repeat(20) }), 0)
  given['a'] = 2
  assert.equal(runsOf(given), 1)
  given['a'] = 1
  assert.equal(runsOf(given), 0)
  assert.equal(runsOf({ b: 'x'.repeat(20), a: 1 }), 1, 'in another order')
  assert.equal(runsOf({ ...given, c: undefined }), 1)
  assert.equal(runsOf(Object.freeze({ ...given })), 1)
  assert.equal(runsOf({ ...given, a: -0 }), 1)
  assert.equal(runsOf({ ...given, a: 0 }), 1)
  assert.equal(sum.key(given).digest, sum.key({ ...given }).digest)
})

test('a function that compares its argument with what it has tells that one from others like it', (t) => {
  const { group } = temporaryGroup(t)
  const EMPTY = {}
  const isEmpty = group.memoize((x: object) => x === EMPTY)
  for (let round = 0; round < 2; round++) {
    assert.equal(isEmpty({}), false)
    assert.equal(isEmpty(EMPTY), true)
  }
})

test('the key is the one that a walk gives', (t) => {
  const { group, reopen } = temporaryGroup(t)
  const fn = (x: object) => x
  const memoized = group.memoize(fn)
  const first = memoized.key({ a: 1 })
  assert.deepEqual(memoized.key({ a: 1 }), first)
  assert.deepEqual(reopen().memoize(fn).key({ a: 1 }), first)
})
