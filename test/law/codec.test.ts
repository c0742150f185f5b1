/**
 * The fidelity law over values of all supported kinds nested in all ways, and what a decoder owes to hostile bytes.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { codecOf, registerClass } from '#src/codec/codec.js'
import { assertSame } from '../codec/same.ts'

class Pair {
  constructor(
    readonly left: unknown,
    readonly right: unknown,
  ) {}
}
registerClass(Pair, {
  name: 'law/Pair',
  version: 1,
  encode: ({ left, right }) => [left, right],
  decode: ([left, right]: [unknown, unknown]) => new Pair(left, right),
})

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc
    .array(fc.integer({ min: 0xd7ff, max: 0xe000 }), { maxLength: 4 })
    .map((units) => String.fromCharCode(...units)),
  fc.constantFrom(
    '__proto__',
    'constructor',
    'hasOwnProperty',
    'toJSON',
    'length',
    '',
    '0',
    '4294967295',
    'stack',
  ),
  fc.string({ minLength: 60, maxLength: 70 }),
)
const key = fc.oneof({ weight: 6, arbitrary: text }, fc.constantFrom(Symbol.for('a'), Symbol.toStringTag))
const plainLeaf = fc.oneof(
  fc.constantFrom(null, true, false, 0, 1, 2 ** 31, 2 ** 32, -(2 ** 31) - 1, 2 ** 53),
  fc.integer(),
  fc.double({ noDefaultInfinity: true, noNaN: true }).map((number) => number + 0),
  fc.string({ unit: 'grapheme' }),
)
const errors = [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError]
const leaf = fc.oneof(
  plainLeaf,
  text,
  fc.constantFrom(undefined, -0, Number.NaN, Infinity, -Infinity, Symbol.iterator, Symbol.for('\ud800')),
  fc.bigInt(),
  fc.double(),
  fc.date({ noInvalidDate: false }),
  fc.constantFrom(/a/g, /[/]/dimsuy).map((regExp) => new RegExp(regExp)),
  fc.webUrl().map((url) => new URL(url)),
  fc.array(fc.tuple(text, text), { maxLength: 3 }).map((pairs) => new URLSearchParams(pairs)),
  fc.uint8Array(),
  fc.float64Array(),
  fc.bigInt64Array(),
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  fc.uint8Array().map((bytes) => new Uint8Array(bytes).buffer),
  fc.uint8Array({ minLength: 9 }).map((bytes) => new DataView(bytes.buffer, 1, 8)),
  fc.oneof(fc.boolean(), fc.double(), text, fc.bigInt()).map((value) => Object(value) as object),
)

/** Objects to be given members. Functions, so that each value has its own. */
const shell: fc.Arbitrary<() => object> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(() => ({})) },
  { weight: 2, arbitrary: fc.constant(() => []) },
  fc.constant(() => new Map()),
  fc.constant(() => new Set()),
  fc.constant(() => Object.create(null) as object),
  fc.constantFrom(...errors).map((maker) => () => new maker('m')),
  fc.constant(() => new AggregateError([], 'm')),
  leaf.filter((value) => typeof value === 'object' && value !== null).map((value) => () => value as object),
)
const part = fc.record({
  shell,
  members: fc.array(fc.tuple(key, fc.nat({ max: 1000 })), { maxLength: 5 }),
  attributes: fc.oneof({ weight: 4, arbitrary: fc.constant(7) }, fc.nat({ max: 7 })),
  integrity: fc.constantFrom(undefined, undefined, undefined, 'preventExtensions', 'seal', 'freeze'),
})

/** Up to 12 objects with each other and leaves as members, so that they share parts and contain themselves. */
const graph = fc
  .tuple(fc.array(part, { minLength: 1, maxLength: 12 }), fc.array(leaf, { minLength: 1, maxLength: 12 }))
  .map(([parts, leaves]) => {
    const objects = parts.map(({ shell }) => shell())
    const all: unknown[] = [...objects, ...leaves]
    const at = (place: number) => all[place % all.length]
    for (const [index, { members, attributes, integrity }] of parts.entries()) {
      const object = objects[index]!
      for (const [key, place] of members) {
        if (object instanceof Map && typeof key === 'string') object.set(at(key.length), at(place))
        else if (object instanceof Set) object.add(at(place))
        else if (Array.isArray(object) && place % 3 > 0) define(object, place % 20, at(place), 7)
        else define(object, key, at(place), attributes)
      }
      if (integrity !== undefined) attempt(() => Reflect.apply(Object[integrity], Object, [object]))
    }
    const pairs = leaves.map((value, index) => new Pair(value, leaves[(index + 1) % leaves.length]))
    return { objects, pairs, deep: new Pair(pairs[0], objects) }
  })

function define(object: object, key: PropertyKey, value: unknown, attributes: number): void {
  attempt(() =>
    Object.defineProperty(object, key, {
      value,
      writable: (attributes & 1) !== 0,
      enumerable: (attributes & 2) !== 0,
      configurable: (attributes & 4) !== 0,
    }),
  )
}

/** Lengths of arrays cannot be anything, and typed arrays cannot be frozen. */
function attempt(change: () => unknown): void {
  try {
    change()
  } catch {}
}

const plain = fc.letrec<{ any: unknown }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    plainLeaf,
    fc.array(tie('any'), { maxLength: 6 }),
    fc.dictionary(
      fc.string({ unit: 'grapheme' }).filter((key) => key !== '__proto__'),
      tie('any'),
      { maxKeys: 6, noNullPrototype: true },
    ),
  ),
})).any

describe('decode(encode(value))', () => {
  const cbor = codecOf('cbor')

  it('cannot be told from the value, whatever it is made of', () => {
    fc.assert(
      fc.property(graph, (value) => assertSame(cbor.decode(cbor.encode(value)), value)),
      { numRuns: 3000 },
    )
  })

  it('cannot be told from plain data in any codec but raw', () => {
    fc.assert(
      fc.property(plain, (value) => {
        for (const name of ['cbor', 'json', 'v8'] as const) {
          const codec = codecOf(name)
          assertSame({ value: codec.decode(codec.encode(value)) }, { value })
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('cannot be told from anything that a codec did not refuse', () => {
    fc.assert(
      fc.property(graph, fc.constantFrom('json', 'v8'), ({ objects }, name) => {
        const codec = codecOf(name)
        for (const value of objects) {
          let bytes: Uint8Array
          try {
            bytes = codec.encode(value)
          } catch (error) {
            assert.equal((error as { code?: unknown }).code, 'ERR_UNENCODABLE')
            continue
          }
          assertSame(codec.decode(bytes), value)
        }
      }),
      { numRuns: 1000 },
    )
  })
})

describe('decoding hostile bytes', () => {
  const survives = (name: 'cbor' | 'json' | 'v8' | 'raw', bytes: Uint8Array) => {
    try {
      codecOf(name).decode(bytes)
    } catch (error) {
      assert.deepEqual(
        [(error as Error).name, (error as { code?: unknown }).code],
        ['CodecError', 'ERR_UNDECODABLE'],
        String((error as Error).stack),
      )
    }
    assert.equal(({} as Record<string, unknown>).polluted, undefined)
    assert.equal(Object.keys(Object.prototype).length, 0)
  }

  it('gives a value or a CodecError for random bytes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom('cbor', 'json', 'v8', 'raw'),
        (bytes, name) => {
          survives(name, bytes)
          survives('cbor', Uint8Array.of(0xc9, 0x84, ...bytes))
        },
      ),
      { numRuns: 3000 },
    )
  })

  it('gives a value or a CodecError for stored bytes that were cut, changed or doubled', () => {
    fc.assert(
      fc.property(
        graph,
        fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 4 }),
        fc.nat(),
        (value, changes, cut) => {
          const bytes = Buffer.from(codecOf('cbor').encode(value))
          survives('cbor', bytes.subarray(0, cut % bytes.length))
          survives('cbor', Buffer.concat([bytes, bytes]))
          for (const [at, byte] of changes) bytes[at % bytes.length] = byte
          survives('cbor', bytes)
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('gives a CodecError for all strict beginnings of stored bytes', () => {
    const value = [
      new Date(1),
      new Map([['a', -0]]),
      Buffer.from('abc'),
      new Error('m'),
      1n,
      [1.5],
      { a: 'x'.repeat(40) },
    ]
    for (const stored of [value, { a: [1, 'x'.repeat(300), 1.5, null] }]) {
      const bytes = codecOf('cbor').encode(stored)
      for (let length = 0; length < bytes.length; length++)
        assert.throws(() => codecOf('cbor').decode(bytes.subarray(0, length)), { code: 'ERR_UNDECODABLE' })
    }
  })

  const item = (...parts: (number | string)[]) =>
    Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.of(part))))
  const packed = (table: unknown[], ...more: number[]) => {
    const { length } = table
    assert.equal(length, 4)
    return Buffer.concat([Buffer.of(0xc9), codecOf('cbor').encode(table), Buffer.from(more)])
  }
  const refused: Record<string, Uint8Array> = {
    'no bytes': Buffer.of(),
    'an array of 4 billion elements': item(0x9a, 0xff, 0xff, 0xff, 0xff),
    'a map of 4 billion members': item(0xba, 0xff, 0xff, 0xff, 0xff),
    'a text of 4 billion characters': item(0x7a, 0xff, 0xff, 0xff, 0xff),
    'a count of 64 bits': item(0x9b, 0, 0, 0, 0, 0, 0, 0, 1),
    'an indefinite length': item(0x9f, 0xff),
    'a million nested arrays': Buffer.alloc(1_000_000, 0x81),
    'a tag': item(0xc1, 0),
    'a byte string': item(0x41, 0),
    'the key __proto__': item(0xa1, 0x69, '__proto__', 0xa1, 0x68, 'polluted', 0x01),
    'a key that is a number': item(0xa1, 0x01, 0x01),
    'a kind nobody knows': packed([[0], ['Process'], [[0, true, []]], []]),
    'a kind named like a method': packed([[0], ['constructor'], [[0, true, []]], []]),
    'a node without a kind': packed([[0], ['Map'], [[7, true, []]], []]),
    'a reference to no node': packed([[5], ['Map'], [[0, true, []]], []]),
    'a reference to a method': packed([['at'], ['Map'], [[0, true, []]], []]),
    'a view on a view': packed([[0], ['Uint8Array'], [[0, true, [[0], 0, 0]]], []]),
    'a view beyond its buffer': packed(
      [
        [0],
        ['Uint8Array', 'ArrayBuffer'],
        [
          [0, true, [[1], 0, 9]],
          [1, true, [0]],
        ],
        [1],
      ],
      0,
    ),
    'a leaf used twice': packed([
      [0],
      ['ArrayBuffer'],
      [
        [0, true, [0]],
        [0, true, [0]],
      ],
      [0],
    ]),
    'a leaf larger than the bytes': packed([[0], ['ArrayBuffer'], [[0, true, [0]]], [1e15]]),
    'a leaf of negative size': packed([[0], ['ArrayBuffer'], [[0, true, [0]]], [-8]]),
    'a leaf of no number': packed([[0], ['ArrayBuffer'], [[0, true, ['__proto__']]], [0]]),
    'an array of negative length': packed([[0], ['Array'], [[0, true, [-1]]], []]),
    'a regular expression that is none': packed([[0], ['RegExp'], [[0, true, ['(', '']]], []]),
    'a URL that is none': packed([[0], ['URL'], [[0, true, ['nonsense']]], []]),
    'a bigint that is none': packed([[0], ['bigint'], [[0, true, [false, 'xyz']]], []]),
    'a property without a value': packed([[0], ['object'], [[0, true, [], 'a']], []]),
    'an instance in its own state': packed([[0], ['class'], [[0, true, ['law/Pair', 1, [0]]]], []]),
    'an instance of no class': packed([[0], ['class'], [[0, true, ['__proto__', 1, null]]], []]),
  }
  for (const [what, bytes] of Object.entries(refused)) {
    it(`refuses ${what}`, () => {
      assert.throws(() => codecOf('cbor').decode(bytes), { name: 'CodecError', code: 'ERR_UNDECODABLE' })
    })
  }

  it('defines the property __proto__ rather than the prototype', () => {
    const got = codecOf('cbor').decode(
      packed([
        [0],
        ['object'],
        [
          [0, true, [], '__proto__', [1]],
          [0, true, [], 'polluted', 1],
        ],
        [],
      ]),
    )
    assert.equal(Object.getPrototypeOf(got), Object.prototype)
    assert.ok(Object.hasOwn(got as object, '__proto__'))
  })

  it('makes long arrays without the memory they claim', () => {
    const got = codecOf('cbor').decode(packed([[0], ['Array'], [[0, true, [4_294_967_295]]], []]))
    assert.equal((got as unknown[]).length, 4_294_967_295)
  })
})
