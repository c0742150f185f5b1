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

/** Trees that are almost plain, which are written in place. */
const records = fc.array(
  fc.record({ id: fc.nat(), at: fc.date({ noInvalidDate: false }), text, big: fc.bigInt(), list: plain }),
  { maxLength: 4 },
)
const deep = fc
  .tuple(fc.constantFrom(150, 199, 200, 201, 450), leaf, fc.boolean())
  .map(([depth, leaf, isMap]) => {
    let value: unknown = leaf
    for (let i = 0; i < depth; i++) value = i % 7 === 0 && isMap ? new Map([[i, value]]) : [value]
    return value
  })

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
  .tuple(
    fc.array(part, { minLength: 1, maxLength: 12 }),
    fc.array(fc.oneof({ weight: 8, arbitrary: leaf }, plain, records, deep), { minLength: 1, maxLength: 12 }),
  )
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
          survives('cbor', Uint8Array.of(0xcb, 0x85, ...bytes))
          survives(
            'cbor',
            Uint8Array.of(0xcb, 0x85, 0x82, 0x63, 0x4d, 0x61, 0x70, 0x63, 0x53, 0x65, 0x74, ...bytes),
          )
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
  /** Buffers are items already. */
  const encoded = (value: unknown): Uint8Array => {
    if (Buffer.isBuffer(value)) return value
    if (!Array.isArray(value)) return codecOf('cbor').encode(value)
    return Buffer.concat([Buffer.of(0x80 | value.length), ...value.map(encoded)])
  }
  const node = (number: number) => Buffer.of(0xca, number)
  const packed = (
    names: string[],
    heads: unknown[],
    bodies: unknown[],
    root: unknown = node(0),
    sizes: number[] = [],
    ...more: number[]
  ) => Buffer.concat([Buffer.of(0xcb), encoded([names, sizes, heads, bodies, root]), Buffer.from(more)])
  const inPlace = (names: string[], ...parts: unknown[]) =>
    packed(names, [], [], Buffer.concat([Buffer.of(0xc9), encoded(parts)]))
  const refused: Record<string, Uint8Array> = {
    'no bytes': Buffer.of(),
    'an array of 4 billion elements': item(0x9a, 0xff, 0xff, 0xff, 0xff),
    'a map of 4 billion members': item(0xba, 0xff, 0xff, 0xff, 0xff),
    'a text of 4 billion characters': item(0x7a, 0xff, 0xff, 0xff, 0xff),
    'a bigint of 4 billion bytes': item(0xc2, 0x5a, 0xff, 0xff, 0xff, 0xff),
    'a bigint of text': item(0xc2, 0x61, '1'),
    'a count of 64 bits': item(0x9b, 0, 0, 0, 0, 0, 0, 0, 1),
    'an indefinite length': item(0x9f, 0xff),
    'a million nested arrays': Buffer.alloc(1_000_000, 0x81),
    'a million nested tags': Buffer.alloc(1_000_000, 0xc7),
    'a million nested objects': Buffer.concat([
      Buffer.of(0xcb, 0x85, 0x81, 0x63),
      Buffer.from('Set'),
      Buffer.of(0x80, 0x80, 0x80),
      Buffer.alloc(1_000_000, Buffer.of(0xc9, 0x82, 0x00, 0x81)),
    ]),
    'a tag': item(0xc1, 0),
    'a byte string': item(0x41, 0),
    'a symbol of no text': item(0xc7, 0),
    'a date of text': item(0xcc, 0x61, '1'),
    'a date of dates': Buffer.alloc(1_000_000, 0xcc),
    'a well-known symbol nobody knows': item(0xc8, 0x61, 'x'),
    'the key __proto__': item(0xa1, 0x69, '__proto__', 0xa1, 0x68, 'polluted', 0x01),
    'a key that is a number': item(0xa1, 0x01, 0x01),
    'an object of a kind without nodes before it': item(0xc9, 0x82, 0, 0x80),
    'a node without nodes before it': item(0xca, 0),
    'nodes that are not an array': item(0xcb, 0xa0),
    'a kind nobody knows': packed(['Process'], [[0, []]], [0, [[]]]),
    'a kind named like a method': packed(['constructor'], [[0, []]], [0, [[]]]),
    'a node without a kind': packed(['Map'], [[7, []]], [0, [[]]]),
    'a node of a kind named length': packed(['Map'], [['length', []]], [0, [[]]]),
    'a node that is not filled': packed(['Map'], [[0, []]], []),
    'a mention of no node': packed(['Map'], [[0, []]], [0, [[]]], node(5)),
    'a map key without a value': packed(['Map'], [[0, []]], [0, [[1]]]),
    'an object of no kind': inPlace(['Map'], 3, []),
    'an object of a kind named length': inPlace(['Map'], 'length', []),
    'an object of a class in place': inPlace(['class'], 0, ['law/Pair', 1, [1, 2]]),
    'a view in place': inPlace(['Uint8Array'], 0, [0, 0, 0]),
    'an object without contents': inPlace(['Map'], 0),
    'a view on a view': packed(['Uint8Array'], [[0, [0, 0, 0]]], [0, [[]]]),
    'a view on itself by name': packed(['Uint8Array'], [[0, ['length', 0, 0]]], [0, [[]]]),
    'a view beyond its buffer': packed(
      ['Uint8Array', 'ArrayBuffer'],
      [
        [0, [1, 0, 9]],
        [1, [0]],
      ],
      [0, [[]], 1, [[]]],
      node(0),
      [1],
      0,
    ),
    'a leaf used twice': packed(
      ['ArrayBuffer'],
      [
        [0, [0]],
        [0, [0]],
      ],
      [0, [[]], 1, [[]]],
      node(0),
      [0],
    ),
    'a leaf larger than the bytes': packed(['ArrayBuffer'], [[0, [0]]], [0, [[]]], node(0), [1e15]),
    'a leaf over the value': packed(['ArrayBuffer'], [[0, [0]]], [0, [[]]], node(0), [4]),
    'a leaf of negative size': packed(['ArrayBuffer'], [[0, [0]]], [0, [[]]], node(0), [-8]),
    'a leaf of no number': packed(['ArrayBuffer'], [[0, ['__proto__']]], [0, [[]]], node(0), [0]),
    'an array of negative length': inPlace(['Array'], 0, [-1]),
    'a regular expression that is none': inPlace(['RegExp'], 0, ['(', '']),
    'a URL that is none': inPlace(['URL'], 0, ['nonsense']),
    'a property without a value': inPlace(['object'], 0, [], true, 7, 'a'),
    'a property of no name': inPlace(['object'], 0, [], true, 7, 1, 1),
    'attributes of no number': inPlace(['object'], 0, [], true, 'a', 'a', 1),
    'an instance in its own state': packed(['class'], [[0, []]], [0, ['law/Pair', 1, node(0)]]),
    'an instance of no class': packed(['class'], [[0, []]], [0, ['__proto__', 1, null]]),
  }
  for (const [what, bytes] of Object.entries(refused)) {
    it(`refuses ${what}`, () => {
      assert.throws(() => codecOf('cbor').decode(bytes), { name: 'CodecError', code: 'ERR_UNDECODABLE' })
    })
  }

  it('defines the property __proto__ rather than the prototype', () => {
    const got = codecOf('cbor').decode(inPlace(['object'], 0, [], true, 7, '__proto__', { polluted: 1 }))
    assert.equal(Object.getPrototypeOf(got), Object.prototype)
    assert.ok(Object.hasOwn(got as object, '__proto__'))
  })

  it('gives arrays no more room than there are bytes', () => {
    const claims = Buffer.alloc(1_000_000, Buffer.of(0x9a, 0x00, 0x0f, 0x00, 0x00))
    const before = process.memoryUsage().rss
    for (let i = 0; i < 20; i++)
      assert.throws(() => codecOf('cbor').decode(claims), { code: 'ERR_UNDECODABLE', message: /too deep/ })
    assert.ok(process.memoryUsage().rss - before < 200_000_000)
  })

  it('makes long arrays without the memory they claim', () => {
    const got = codecOf('cbor').decode(inPlace(['Array'], 0, [4_294_967_295]))
    assert.equal((got as unknown[]).length, 4_294_967_295)
  })
})
