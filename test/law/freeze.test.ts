/**
 * The law of digests: two values share one if and only if they cannot be told apart, by a comparer that knows nothing of how
 * digests are made. The generator has few leaves and small nodes, so that equal and nearly equal pairs are common.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import fc from 'fast-check'
import { digest } from 'permafrost'
import { assertSame } from '../codec/same.js'
import { root } from '../support/project.js'

/** How to make a value anew. */
type Recipe = () => unknown

const leaves: readonly Recipe[] = [
  undefined,
  null,
  true,
  false,
  0,
  -0,
  1,
  -1,
  Number.NaN,
  2 ** 53,
  '',
  'a',
  'b',
  'ab',
  '0',
  '1',
  'é',
  '\ud800',
  '\udc00',
  0n,
  1n,
  -1n,
].map((leaf) => () => leaf)

/** Where an error was made is told by its stack, and does not count. */
const withoutStack = (error: Error): Error => Object.assign(error, { stack: '' })

const hollow: readonly Recipe[] = [
  () => [],
  () => ({}),
  () => Object.create(null),
  () => new Array(1),
  () => new Array(2),
  () => new Map(),
  () => new Set(),
  () => new Date(0),
  () => new Date(1),
  () => /a/,
  () => /a/g,
  () => new Uint8Array([1]),
  () => new Int8Array([1]),
  () => new Uint8Array([1, 0]),
  () => new Uint16Array([1]),
  () => new Uint8Array([1]).buffer,
  () => withoutStack(new Error('a')),
  () => withoutStack(new Error('b')),
  () => withoutStack(new TypeError('a')),
  () => Object(1),
  () => Object('1'),
  () => Object.freeze({}),
  () => Symbol.for('a'),
]

const key = fc.constantFrom('a', 'b', '0', '1', '__proto__', 'length')
const { value } = fc.letrec<{ value: Recipe; node: Recipe }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(...leaves),
    fc.constantFrom(...hollow),
    tie('node'),
  ),
  node: fc.oneof(
    fc.array(tie('value'), { maxLength: 3 }).map(
      (items): Recipe =>
        () =>
          items.map((item) => item()),
    ),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 3 }).map(
      (entries): Recipe =>
        () => {
          const object = {}
          for (const [name, item] of entries) {
            Object.defineProperty(object, name, {
              value: item(),
              writable: true,
              enumerable: true,
              configurable: true,
            })
          }
          return object
        },
    ),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 2 }).map(
      (entries): Recipe =>
        () =>
          new Map(entries.map(([k, v]) => [k(), v()])),
    ),
    fc.array(tie('value'), { maxLength: 2 }).map(
      (items): Recipe =>
        () =>
          new Set(items.map((item) => item())),
    ),
    // one value twice, and a cycle through it
    tie('value').map(
      (item): Recipe =>
        () => {
          const shared = item()
          return [shared, shared]
        },
    ),
    tie('value').map(
      (item): Recipe =>
        () => {
          const cycle: unknown[] = [item()]
          cycle.push(cycle)
          return cycle
        },
    ),
  ),
}))

function same(a: unknown, b: unknown): boolean {
  try {
    assertSame(a, b)
    return true
  } catch (error) {
    // a TypeError: the message of a difference would name an object that has no text
    if (error instanceof assert.AssertionError || error instanceof TypeError) return false
    throw error
  }
}

const runs = Number(process.env['PERMAFROST_LAW_RUNS'] ?? 4000)

test('values share a digest if and only if they cannot be told apart', () => {
  fc.assert(
    fc.property(value, value, (one, other) => {
      assert.equal(digest(one()) === digest(other()), same(one(), other()))
    }),
    { numRuns: runs },
  )
})

test('a value made twice has one digest, inside others too', () => {
  fc.assert(
    fc.property(value, (recipe) => {
      assert.equal(digest(recipe()), digest(recipe()))
      assert.equal(digest([recipe()]), digest([recipe()]))
      assert.notEqual(digest([recipe()]), digest(recipe()))
    }),
    { numRuns: runs },
  )
})

test('closures share a digest if and only if what they capture cannot be told apart', () => {
  const capture = (captured: unknown) => () => captured
  fc.assert(
    fc.property(value, value, (one, other) => {
      assert.equal(digest(capture(one())) === digest(capture(other())), same(one(), other()))
    }),
    { numRuns: Math.ceil(runs / 8) },
  )
})

test('digests are the same in other processes, folders and with other flags', () => {
  const sample = fc.sample(value, { numRuns: 200, seed: 7 })
  const digests = sample.map((recipe) => digest(recipe()))
  const program = `
    process.env.PERMAFROST_LAW_SAMPLE = '1'
    const { sampleDigests } = await import(${JSON.stringify(import.meta.url)})
    console.log(JSON.stringify(sampleDigests()))`
  if (process.env['PERMAFROST_LAW_SAMPLE'] !== undefined) return
  for (const [flags, cwd] of [
    [[], root],
    [['--max-old-space-size=200', '--stack-size=500'], '/'],
    [['--jitless'], root],
  ] as const) {
    const done = spawnSync(process.execPath, [...flags, '--input-type=module', '-e', program], {
      cwd,
      encoding: 'utf8',
      env: {
        ...process.env,
        NODE_TEST_CONTEXT: undefined,
        PERMAFROST_LAW_SAMPLE: '1',
        PERMAFROST_LAW_RUNS: '1',
      },
    })
    const printed = done.stdout.split('\n').find((line) => line.startsWith('["'))
    assert.deepEqual(JSON.parse(printed ?? 'null'), digests, done.stderr)
  }
})

export function sampleDigests(): string[] {
  return fc.sample(value, { numRuns: 200, seed: 7 }).map((recipe) => digest(recipe()))
}
