import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { codecOf } from '#src/codec/codec.js'
import { assertRefused, assertSame } from './same.ts'

const shared = { a: 1 }

const hole = Object.assign(new Array(2), { 1: 1 })
const accessor = {
  get a() {
    return assert.fail('invoked')
  },
}

/** What the formats would change, and where in the value it is. */
const changed: readonly [value: unknown, path: RegExp][] = [
  [Object.create(null), /^result$/],
  [{ a: () => 1 }, /^result\.a$/],
  [Symbol.iterator, /^result$/],
  [{ a: { [Symbol.for('a')]: 1 } }, /^result\.a$/],
  [[new (class A {})()], /^result\[0\]$/],
  [[Object.freeze({})], /^result\[0\]$/],
  [accessor, /^result\.a$/],
  [[Object.defineProperty({ b: 1 }, 'a', { value: 1 })], /^result\[0\](\.a)?$/],
  [[Object.assign(new Map(), { a: 1 })], /^result\[0\]$/],
  [{ b: Buffer.from('a') }, /^result\.b$/],
  [[new Error('m')], /^result\[0\]$/],
  [[Object.assign(/a/g, { lastIndex: 3 })], /^result\[0\]$/],
]

for (const name of ['json', 'v8'] as const) {
  describe(`the ${name} codec`, () => {
    const codec = codecOf(name)

    it('gives back plain data', () => {
      const value = { a: [1, 'x', null, true, { b: [] }], '': {}, constructor: 1, '😀': 'é' }
      assertSame(codec.decode(codec.encode(value)), value)
    })

    it('refuses what it would change', () => {
      for (const [value, path] of changed) {
        assertRefused(() => codec.encode(value), path)
      }
    })

    it('gives a CodecError for bytes that are not its own', () => {
      for (const bytes of ['', '{', '[1,]', '\xff']) {
        assert.throws(() => codec.decode(Buffer.from(bytes, 'latin1')), { code: 'ERR_UNDECODABLE' })
      }
    })

    it('gives a fresh value each time', () => {
      const bytes = codec.encode([{ a: 1 }])
      assertSame(codec.decode(bytes), codec.decode(bytes))
    })
  })
}

describe('the json codec', () => {
  it('refuses what JSON has no word for', () => {
    const others = [
      undefined,
      Number.NaN,
      Infinity,
      -0,
      1n,
      new Date(),
      hole,
      Object.assign([1], { a: 1 }),
      '\ud800',
    ]
    for (const value of others) {
      assertRefused(() => codecOf('json').encode([value]), /^result\[0\]/, /as JSON/)
    }
    assertRefused(() => codecOf('json').encode({ a: shared, b: shared }), 'result.b')
  })
})

describe('the v8 codec', () => {
  const v8 = codecOf('v8')

  it('gives back what a structured clone keeps', () => {
    const value = [
      -0,
      1n,
      '\ud800',
      undefined,
      hole,
      shared,
      shared,
      new Map([[shared, new Set([1])]]),
      new Date(1),
      /a/g,
      Object('a'),
      Object.assign([1], { a: 1 }),
      JSON.parse('{"__proto__":1}'),
    ]
    value.push(value)
    assertSame(v8.decode(v8.encode(value)), value)
  })

  it('refuses what is too deep for the engine', () => {
    let deep: unknown = null
    for (let i = 0; i < 100_000; i++) deep = [deep]
    assertRefused(() => v8.encode(deep), 'result', /with v8/)
  })
})

describe('the raw codec', () => {
  const raw = codecOf('raw')

  it('gives back bytes, and a Buffer as a Buffer', () => {
    for (const value of [Buffer.from('abc'), new Uint8Array([1, 2]), Buffer.alloc(0), new Uint8Array(0)]) {
      assertSame(raw.decode(raw.encode(value)), value)
    }
  })

  it('takes only the bytes that a view shows, and gives back memory of its own', () => {
    const bytes = raw.encode(new Uint8Array([1, 2, 3, 4]).subarray(1, 3))
    const got = raw.decode(bytes) as Uint8Array
    bytes.fill(9)
    assert.deepEqual([...got], [2, 3])
    assert.equal(got.buffer.byteLength, 2)
  })

  it('refuses anything else', () => {
    class Bytes extends Uint8Array {}
    const named = Object.assign(new Uint8Array(1), { a: 1 })
    const fixed = Object.preventExtensions(new Uint8Array(1))
    const others = [
      'abc',
      new Int8Array(1),
      new ArrayBuffer(1),
      [1],
      null,
      new Bytes(1),
      named,
      fixed,
      new Uint8Array(new SharedArrayBuffer(1)),
    ]
    for (const value of others) assertRefused(() => raw.encode(value), 'result')
  })

  it('gives a CodecError for bytes that are not its own', () => {
    for (const bytes of [Buffer.of(), Buffer.of(2, 1)])
      assert.throws(() => raw.decode(bytes), { code: 'ERR_UNDECODABLE' })
  })
})

describe('codecOf', () => {
  it('gives each built-in codec a stored name with a version', () => {
    const names = (['cbor', 'json', 'v8', 'raw'] as const).map((name) => codecOf(name).name)
    assert.equal(new Set(names).size, 4)
    for (const name of names) assert.match(name, /\d/)
  })
})
