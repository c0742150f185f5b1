import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { describe, it } from 'node:test'
import { runInNewContext } from 'node:vm'
import { codecOf, registerClass } from '#src/codec/codec.js'
import { assertRefused, assertSame } from './same.ts'

const cbor = codecOf('cbor')
const copy = (value: unknown): any => cbor.decode(cbor.encode(value))
const refuses = (value: unknown, path: string, message?: RegExp) =>
  assertRefused(() => cbor.encode(value), path, message)

function with_(object: object, properties: PropertyDescriptorMap): object {
  return Object.defineProperties(object, properties)
}

function cyclic() {
  const map = new Map<unknown, unknown>()
  const object: Record<string, unknown> = { map }
  object.self = object
  map.set(object, [map, new Set([object])])
  return object
}

function without(object: object, key: string): object {
  Reflect.deleteProperty(object, key)
  return object
}

function captured(error: Error): Error {
  Error.captureStackTrace(error)
  return error
}

function systemError(): unknown {
  try {
    return statSync('/nowhere/at/all')
  } catch (error) {
    return error
  }
}

/** Of a hidden subclass of RangeError, one for each code. */
function nodeError(): unknown {
  try {
    return Buffer.alloc(-1)
  } catch (error) {
    return error
  }
}

function ownCause() {
  const error = new Error('m')
  error.cause = error
  return error
}

const manyKeys = Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [`k${i}`, i]))

/** Values that come back as they were, by the name of what is special about them. */
const faithful: Record<string, unknown> = {
  undefined: undefined,
  null: null,
  'minus zero': -0,
  'numbers around powers of two': [31, 32, 33, 53, 63, 64].flatMap((n) => [
    2 ** n - 1,
    2 ** n,
    -(2 ** n),
    -(2 ** n) - 1,
  ]),
  'small numbers': [
    0, 23, 24, 255, 256, 65535, 65536, -1, -24, -25, -256, -257, -65536, -65537, 0.5, 5e-324, 1e308,
  ],
  'NaN and infinities': [Number.NaN, Infinity, -Infinity],
  bigints: [0n, -1n, 2n ** 64n, -(2n ** 64n), 12345678901234567890123456789012345678901234567890n ** 20n],
  'strings of all lengths': [0, 1, 15, 16, 17, 23, 24, 31, 32, 33, 255, 256, 65535, 65536].flatMap((n) => [
    'x'.repeat(n),
    'é'.repeat(n),
    '😀'.repeat(n),
  ]),
  'lone surrogates': ['\ud800', 'a\udc00b', '\udc00\ud800', { '\ud800': 1 }],
  'a byte order mark, a NUL and a replacement character': ['\ufeffa', '\0', '\ufffd', '\ufeff'],
  'registered and well-known symbols': [
    Symbol.for('a'),
    Symbol.for('\ud800'),
    Symbol.iterator,
    Symbol.asyncIterator,
  ],
  'symbol keys': { [Symbol.for('a')]: 1, b: 2, [Symbol.toStringTag]: 'T' },
  'undefined in objects and arrays': { a: undefined, b: [undefined, 1] },
  'keys in order': { b: 1, a: 2, 10: 3, 9: 4, '-1': 5, '01': 6 },
  'keys that objects inherit': {
    constructor: 1,
    toString: 2,
    hasOwnProperty: 3,
    valueOf: 4,
    '': 5,
    toJSON: 6,
    length: 7,
  },
  'an own __proto__': JSON.parse('{"__proto__":{"a":1},"b":2}'),
  'null prototypes': Object.assign(Object.create(null), { a: 1, ['__proto__']: 2 }),
  'many keys': manyKeys,
  'many keys and something special': { ...manyKeys, special: -0 },
  holes: [, 1, , undefined, ,],
  'a long sparse array': Object.assign([], { 4000000000: 1 }),
  'an empty array of some length': new Array(7),
  'properties on arrays': Object.assign([1, 2], { name: 'x', [Symbol.for('s')]: 3 }),
  'frozen, sealed and fixed': [
    Object.freeze({ a: Object.freeze(Object.assign(new Array(3), { 1: 1 })) }),
    Object.seal({ a: 1 }),
    Object.preventExtensions({ a: 1 }),
    Object.freeze(new Map([[1, 2]])),
    Object.freeze(Object.create(null)),
  ],
  'property attributes': [
    with_({ z: 1 }, { a: { value: 1 }, b: { value: 2, enumerable: true }, c: { value: 3, writable: true } }),
    with_([1, 2, 3], { 1: { enumerable: false }, length: { writable: false } }),
  ],
  'cycles through objects, Maps and Sets': cyclic(),
  'shared parts': ((part) => [part, { part }, new Map([[part, part]])])({ a: [1] }),
  'Maps and Sets': [
    new Map<unknown, unknown>([
      [-0, 1],
      ['a', new Map()],
      [Number.NaN, 2],
    ]),
    new Set([1, '1', 1n, [], {}]),
  ],
  'Maps with properties': Object.assign(new Map([[1, 2]]), { a: 1 }),
  dates: [
    new Date(0),
    new Date(-1),
    new Date(8.64e15),
    new Date(Number.NaN),
    Object.assign(new Date(1), { a: 1 }),
  ],
  'regular expressions': [
    /a/,
    /[/\]\n]/dgimsuy,
    new RegExp('[\\p{L}--[a-z]]', ['v'].join('')),
    /(?:)/,
    /\ud800/,
    Object.assign(/a/g, { lastIndex: 5 }),
  ],
  'a regular expression with odd properties': with_(/a/g, {
    global: { value: false },
    lastIndex: { value: { a: 1 } },
  }),
  'boxed primitives': [
    Object(1),
    Object(-0),
    Object('ab'),
    Object('\ud800'),
    Object(true),
    Object(10n),
    Object(Symbol.iterator),
  ],
  'boxed strings with properties': Object.assign(Object('ab'), { c: 1, 5: 2 }),
  URLs: [new URL('https://user:pä@example.com:8080/x?y=1#z'), new URLSearchParams('a=1&a=2&ü=%20')],
  'every built-in error': [
    Error,
    EvalError,
    RangeError,
    ReferenceError,
    SyntaxError,
    TypeError,
    URIError,
  ].map((Class) => new Class('m', { cause: { a: 1 } })),
  'an AggregateError': new AggregateError([new Error('a'), 1], 'm', { cause: new Error('c') }),
  'errors with properties, another name, no message or no stack': [
    Object.assign(new TypeError('m'), { code: 'ENOENT', errno: -2, name: 'Custom' }),
    new Error(),
    without(new Error('x'), 'stack'),
  ],
  'errors of the system and errors whose stack was captured or replaced': [
    systemError(),
    captured(new TypeError('m')),
    Object.defineProperty(new Error('m'), 'stack', { value: 'x', writable: false, enumerable: true }),
    Object.assign(new Error('m'), { stack: { not: ['text'] } }),
  ],
  'an error that caused itself': ownCause(),
  'errors of the platform': [
    new DOMException('m', 'AbortError'),
    Object.assign(new DOMException('m', 'Own'), { cause: { a: 1 } }),
    AbortSignal.abort().reason,
    new DOMException('\ud800'),
  ],
  'typed arrays': [
    new Int8Array([-1]),
    new Uint8Array([1, 2]),
    new Uint8ClampedArray([300]),
    new Int16Array([-1]),
    new Uint16Array([1]),
    new Int32Array([1]),
    new Uint32Array([1]),
    new BigInt64Array([-1n]),
    new BigUint64Array([1n]),
    new Float32Array([1.5]),
    new Float64Array([1.5, -0, Number.NaN]),
    new Float64Array(0),
  ],
  'buffers of all kinds': [
    Buffer.from('hi'),
    Buffer.alloc(0),
    Buffer.allocUnsafeSlow(3),
    new ArrayBuffer(5),
    new DataView(new ArrayBuffer(9)),
  ],
  'a large typed array': Float64Array.from({ length: 5000 }, Math.random),
  'properties on typed arrays, large and small': [
    Object.assign(new Uint8Array(3), { a: 1 }),
    Object.assign(new Float64Array(3000), { a: 1 }),
    Object.assign(new Float64Array(3000), { [Symbol.for('a')]: 1 }),
    with_(new Float64Array(3000), { hidden: { value: 1 } }),
  ],
}
const { SuppressedError, Temporal } = globalThis as unknown as {
  SuppressedError?: new (...parts: unknown[]) => Error
  Temporal?: Record<string, { new (...parts: unknown[]): object; from(text: string): object }>
}
if (SuppressedError !== undefined)
  faithful['suppressed errors'] = new SuppressedError(new Error('a'), { b: 1 }, 'm')
if (Temporal !== undefined)
  faithful.Temporal = [
    ...Object.entries({
      Instant: '2026-11-21T16:00:00.123456789Z',
      PlainDate: '2026-11-21[u-ca=hebrew]',
      PlainDateTime: '-000044-03-15T12:00:00.000000001',
      PlainMonthDay: '02-29',
      PlainTime: '23:59:59.999999999',
      PlainYearMonth: '2026-11',
      ZonedDateTime: '2026-10-25T02:30:00+01:00[Europe/Berlin]',
      Duration: '-P1Y2M3W4DT5H6M7.008009010S',
    }).map(([name, text]) => Temporal[name]!.from(text)),
    new Temporal.Duration!(0, 0, 0, 0, 0, 0, 0, 1500, 1e9),
  ]
const Float16 = (globalThis as { Float16Array?: new (values: number[]) => unknown }).Float16Array
if (Float16 !== undefined) faithful['half floats'] = new Float16([1.5])

describe('the cbor codec', () => {
  for (const [what, value] of Object.entries(faithful)) {
    it(`gives back ${what}`, () => assertSame(copy([value]), [value]))
  }

  it('gives back any value at the root', () => {
    for (const value of Object.values(faithful)) assertSame({ value: copy(value) }, { value })
  })

  it('gives back values nested 100,000 deep', () => {
    let list: unknown = null
    let objects: unknown = -0
    for (let i = 0; i < 100_000; i++) {
      list = [list]
      objects = { a: objects, b: i }
    }
    assertSame(copy(list), list)
    assertSame(copy(objects), objects)
  })

  it('writes plain data as one CBOR item that any reader reads', () => {
    const bytes = cbor.encode({ a: [1, 'x', true, null, 1.5] })
    assert.equal(Buffer.from(bytes).toString('hex'), 'a1616185016178f5f6fb3ff8000000000000')
  })

  it('keeps what it wrote when it writes again', () => {
    const values: unknown[] = Array.from({ length: 300 }, (_, i) => {
      const pair = [i, i]
      // Every third value has something twice, so that it is walked twice.
      return { text: 'x'.repeat(i * 7), pairs: i % 3 === 0 ? [pair, pair] : [pair] }
    })
    const all = values.map((value) => cbor.encode(value))
    values.push({ text: 'y'.repeat(3_000_000) })
    all.push(cbor.encode(values.at(-1)))
    assertSame(
      all.map((bytes) => cbor.decode(bytes)),
      values,
    )
  })

  it('decodes to memory of its own', () => {
    const value = { buffer: Buffer.from('abc'), array: new Float64Array([1, 2]), text: 'x'.repeat(100) }
    const bytes = cbor.encode(value)
    const first: any = cbor.decode(bytes)
    bytes.fill(0)
    assertSame(first, value)
    assert.notEqual(first.buffer.buffer, bytes.buffer)
  })

  it('decodes bytes that start anywhere in memory', () => {
    const value = { array: new Float64Array([1, 2]), d: new Date(0) }
    const bytes = cbor.encode(value)
    for (let offset = 0; offset < 9; offset++) {
      const size = bytes.length + offset + 3
      for (const moved of [new Uint8Array(size), Buffer.alloc(size)]) {
        moved.set(bytes, offset)
        assertSame(cbor.decode(moved.subarray(offset, offset + bytes.length)), value)
      }
    }
  })
})

describe('memory that is shared', () => {
  it('is shared again by views on one buffer', () => {
    const buffer = new ArrayBuffer(32)
    const value = {
      floats: new Float64Array(buffer, 8, 2),
      bytes: new Uint8Array(buffer),
      view: new DataView(buffer, 3, 5),
    }
    const got = copy(value)
    assertSame(got, value)
    assert.equal(got.floats.buffer, got.bytes.buffer)
    assert.deepEqual([got.floats.byteOffset, got.view.byteOffset, got.bytes.buffer.byteLength], [8, 3, 32])
    got.bytes[8] = 1
    assert.notEqual(got.floats[0], 0)
  })

  it('is shared again by a buffer and the views on it', () => {
    const buffer = new ArrayBuffer(16)
    const got = copy([new Uint8Array(buffer, 4, 4), buffer])
    assert.equal(got[0].buffer, got[1])
    assert.equal(got[0].byteOffset, 4)
  })

  it('is shared again by overlapping Buffers, and nothing around them is stored', () => {
    const pool = Buffer.alloc(1000, 'secret')
    const value = [pool.subarray(10, 20), pool.subarray(15, 30), pool.subarray(30, 40), pool.subarray(16, 17)]
    const bytes = cbor.encode(value)
    assert.ok(bytes.length < 250)
    const got: any = cbor.decode(bytes)
    assertSame(got, value)
    got[0][6] = 1
    assert.deepEqual([got[1][1], got[3][0]], [1, 1])
    assert.equal(got[2].buffer.byteLength, 10)
  })

  it('is not stored where the only view does not show it', () => {
    const view = new Float64Array(1_000_000).subarray(10, 20)
    assert.ok(cbor.encode(view).length < 200)
    assertSame(copy(view), view)
  })
})

describe('what cannot be stored', () => {
  class Socket {}
  class Vector extends Array {}
  const socket = new Socket()
  const getter = {
    get a(): never {
      throw new Error('invoked')
    },
  }
  const trap = new Proxy(
    {},
    {
      getPrototypeOf: () => {
        throw new Error('invoked')
      },
      ownKeys: () => {
        throw new Error('invoked')
      },
    },
  )

  it('is named with its path', () => {
    refuses(
      { rows: [0, 1, 2, { socket }] },
      'result.rows[3].socket',
      /^cannot store a Socket, whose class is not registered with registerClass\(\) at result\.rows\[3\]\.socket$/,
    )
    refuses(new Map([['k', [socket]]]), 'result.get("k")[0]')
    refuses(new Map([[socket, 1]]), 'result.keys()[0]')
    refuses(new Set([1, socket]), 'result.keys()[1]')
    refuses(new Map([[1, socket]]), 'result.values()[0]')
    refuses({ 'a b': { [Symbol.for('s')]: socket } }, 'result["a b"][Symbol(s)]')
    refuses(new Error('m', { cause: socket }), 'result.cause')
    refuses(socket, 'result')
  })

  it('is code, and what only this process can mean', () => {
    for (const value of [
      () => 1,
      class {},
      Symbol('a'),
      Promise.resolve(),
      new WeakMap(),
      new WeakSet(),
      new WeakRef({}),
      trap,
      socket,
      new Vector(),
      (function* () {})(),
      [][Symbol.iterator](),
      new Map().entries(),
      globalThis,
      process.env,
      new Intl.NumberFormat(),
      new AbortController().signal,
      new TextEncoder(),
      new (class extends Error {})('m'),
      new (class extends Map {})(),
      Object.create({}),
      Object.create(Date.prototype),
      Object.create(URL.prototype),
      new Proxy([], {}),
    ])
      refuses({ value }, 'result.value')
    refuses({ Math, JSON }, 'result.Math.abs')
    refuses(import.meta, 'result.dirname' in import.meta ? 'result.resolve' : 'result.resolve')
    refuses(
      (function () {
        return arguments
      })(),
      'result',
    )
  })

  it('is what cannot be copied at once, with advice', () => {
    refuses([new Blob([])], 'result[0]', /a Blob \(store its arrayBuffer\(\)\) at/)
    refuses([new Headers()], 'result[0]', /a Headers \(store its entries\(\)\) at/)
    refuses([new FormData()], 'result[0]', /a FormData \(store its entries\(\)\) at/)
    refuses([new Response()], 'result[0]', /a Response \(store what you need of it, such as its status/)
    refuses([new Request('http://a')], 'result[0]', /a Request \(store what you need of it\) at/)
    refuses([Promise.resolve()], 'result[0]', /a Promise at/)
    refuses(
      [runInNewContext('[1]')],
      'result[0]',
      /an Array of another realm \(store a structuredClone\(\) of it\)/,
    )
    refuses([new Intl.NumberFormat()], 'result[0]', /a NumberFormat at/)
    refuses([nodeError()], 'result[0]', /a RangeError of Node's own class \(store its code and message\) at/)
    refuses([new (class Headers {})()], 'result[0]', /a Headers, whose class is not registered/)
  })

  it('is an accessor, which is never invoked', () => {
    refuses({ b: [getter] }, 'result.b[0].a', /an accessor/)
    refuses(Object.defineProperty([1], 0, { get: getter.valueOf }), 'result[0]', /an accessor/)
    refuses(Object.defineProperty(new Error(), 'stack', { get: () => 'x' }), 'result.stack', /an accessor/)
    refuses(
      Object.defineProperty(new Uint8Array(2), 'buffer', { get: () => 'x' }),
      'result.buffer',
      /an accessor/,
    )
  })

  it('is memory that others write to or that changes its size', () => {
    const Resizable = ArrayBuffer as unknown as new (size: number, options: object) => ArrayBuffer
    const detached = new Uint8Array(4)
    structuredClone(detached, { transfer: [detached.buffer] })
    for (const value of [
      new SharedArrayBuffer(4),
      new Uint8Array(new SharedArrayBuffer(4)),
      new Resizable(4, { maxByteLength: 8 }),
      new Uint8Array(new Resizable(4, { maxByteLength: 8 })),
      detached,
      detached.buffer,
      new (class extends ArrayBuffer {})(3),
    ])
      refuses({ value }, 'result.value')
    refuses(
      { value: new Uint8Array(Object.assign(new ArrayBuffer(1), { socket })) },
      'result.value.buffer.socket',
    )
  })

  it('is an object whose prototype was replaced to look like another', () => {
    for (const hidden of [new Map([[1, 2]]), new Date(), new Set(), /a/, Promise.resolve(), Object('a')]) {
      refuses([Object.setPrototypeOf(hidden, Object.prototype)], 'result[0]')
      refuses([Object.setPrototypeOf(hidden, null)], 'result[0]')
    }
    refuses([Object.setPrototypeOf([], Object.prototype)], 'result[0]')
    refuses([Object.setPrototypeOf({}, Array.prototype)], 'result[0]')
    refuses([Object.setPrototypeOf(new Uint8Array(1), Float64Array.prototype)], 'result[0]')
  })

  it('is a URLSearchParams beside the URL it changes', () => {
    const url = new URL('http://a/?b=1')
    refuses([url, url.searchParams], 'result[1]')
    assertSame(copy([url.searchParams]), [url.searchParams])
  })
})

describe('registered classes', () => {
  class Point {
    #x: number
    constructor(
      x: number,
      readonly rest?: unknown,
    ) {
      this.#x = x
    }
    get x() {
      return this.#x
    }
    static spec(version?: number) {
      return {
        name: 'test/Point',
        encode: (p: Point) => ({ x: p.#x, rest: p.rest }),
        decode: ({ x, rest }: { x: number; rest: unknown }) => new Point(x, rest),
        ...(version === undefined ? {} : { version }),
      }
    }
  }
  registerClass(Point, Point.spec())

  it('come back as instances, anywhere in a value, and shared as they were', () => {
    const point = new Point(-0)
    const got = copy({ point, again: [point], map: new Map([[point, new Point(1, point)]]) })
    assert.ok(got.point instanceof Point && Object.is(got.point.x, -0))
    assert.equal(got.again[0], got.point)
    assert.equal([...got.map][0][0], got.point)
    assert.equal([...got.map][0][1].rest, got.point)
  })

  it('share what their states share with the rest of the value', () => {
    const part: Record<string, unknown> = { a: 1 }
    part.self = part
    const got = copy([new Point(1, part), part, new Point(2, [part])])
    assert.equal(got[0].rest, got[1])
    assert.equal(got[2].rest[0], got[1])
    assert.equal(got[1].self, got[1])
  })

  it('may be chained 20,000 deep', () => {
    let point = new Point(0)
    for (let i = 1; i <= 20_000; i++) point = new Point(i, point)
    let got = copy(point)
    for (let i = 20_000; i > 0; i--) {
      assert.equal(got.x, i)
      got = got.rest
    }
    assert.equal(got.x, 0)
  })

  it('are refused inside their own state, which could not be finished', () => {
    const rest: unknown[] = []
    rest.push({ point: new Point(1, rest) })
    refuses({ rest }, 'result.rest[0].point', /contains itself/)
  })

  it('are refused when encode throws, and when the state cannot be stored', () => {
    class Broken {}
    registerClass(Broken, {
      name: 'test/Broken',
      encode: () => assert.fail('no'),
      decode: () => new Broken(),
    })
    refuses([new Broken()], 'result[0]', /a Broken, whose encode\(\) threw .*no/)
    refuses([new Point(1, () => 1)], 'result[0].rest')
  })

  it('do not include their subclasses', () => {
    refuses([new (class Sub extends Point {})(1)], 'result[0]', /a Sub/)
  })

  it('of another version, or no longer registered, cannot be read', () => {
    const bytes = cbor.encode(new Point(1))
    registerClass(Point, Point.spec(2))
    assert.throws(() => cbor.decode(bytes), { code: 'ERR_UNDECODABLE', message: /another version/ })
    assertSame(cbor.decode(cbor.encode(new Point(3))) instanceof Point, true)
    registerClass(Point, { ...Point.spec(), name: 'test/Renamed' })
    assert.throws(() => cbor.decode(bytes), { code: 'ERR_UNDECODABLE', message: /no class is registered/ })
    registerClass(Point, Point.spec())
    assert.ok(cbor.decode(bytes) instanceof Point)
  })

  it('give way to a class registered under the same name', () => {
    class Old {}
    class New {}
    const spec = <T>(Class: new () => T) => ({
      name: 'test/Cell',
      encode: () => null,
      decode: () => new Class(),
    })
    registerClass(Old, spec(Old))
    const bytes = cbor.encode(new Old())
    registerClass(New, spec(New))
    assert.ok(cbor.decode(bytes) instanceof New)
    refuses(new Old(), 'result')
  })

  it('must decode to an instance of themselves', () => {
    class Liar {}
    registerClass(Liar, { name: 'test/Liar', encode: () => 1, decode: () => ({}) })
    const bytes = cbor.encode(new Liar())
    assert.throws(() => cbor.decode(bytes), {
      code: 'ERR_UNDECODABLE',
      message: /Liar did not return an instance/,
    })
  })

  it('are checked when they are registered', () => {
    const spec = { name: 'x', encode: () => 1, decode: () => new Point(1) }
    for (const [cls, wrong] of [
      [{}, {}],
      [() => 1, {}],
      [Point, { name: '' }],
      [Point, { encode: 1 }],
      [Point, { decode: undefined }],
      [Point, { version: Number.NaN }],
      [Point, { version: {} }],
    ])
      assert.throws(() => registerClass(cls as never, { ...spec, ...wrong } as never), TypeError)
  })
})
