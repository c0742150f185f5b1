import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { cbor } from '#src/codec/cbor.js'
import { assertSame } from './same.ts'

const LARGE = 65_536

/** As if written and read. */
const stored = (leaves: readonly Uint8Array[]) => {
  const read = leaves.map((leaf) => Uint8Array.prototype.slice.call(leaf))
  return { read, leaf: (index: number) => read[index]! }
}
const copy = (value: unknown): unknown => {
  const { bytes, leaves } = cbor.encodeParts(value)
  return cbor.decodeParts(bytes, stored(leaves).leaf)
}

describe('large memory beside the bytes', () => {
  it('is a view of the value when encoded, and the value’s own when decoded', () => {
    const value = { floats: Float64Array.from({ length: 10_000 }, (_, i) => i), name: 'x' }
    const { bytes, leaves } = cbor.encodeParts(value)
    assert.equal(leaves.length, 1)
    assert.equal(leaves[0]!.buffer, value.floats.buffer)
    assert.ok(bytes.length < 100)
    const { read, leaf } = stored(leaves)
    const got = cbor.decodeParts(bytes, leaf) as typeof value
    assertSame(got, value)
    assert.equal(got.floats.buffer, read[0]!.buffer)
  })

  it('is apart from 64 KiB on', () => {
    const value = [
      new Uint8Array(LARGE - 1),
      new Uint8Array(LARGE),
      new ArrayBuffer(LARGE),
      Buffer.alloc(100),
    ]
    const { bytes, leaves } = cbor.encodeParts(value)
    assert.deepEqual(
      leaves.map(({ byteLength }) => byteLength),
      [LARGE, LARGE],
    )
    assert.ok(bytes.length > LARGE && bytes.length < LARGE + 300)
    assertSame(copy(value), value)
  })

  it('is one leaf for all views on it, and only what a lone view shows', () => {
    const buffer = new ArrayBuffer(2 * LARGE)
    const shared = [new Float64Array(buffer, 8, 100), new Uint8Array(buffer)]
    assert.equal(cbor.encodeParts(shared).leaves.length, 1)
    const got = copy(shared) as typeof shared
    assert.equal(got[0]!.buffer, got[1]!.buffer)
    const lone = new Uint8Array(buffer, 100, LARGE)
    assert.equal(cbor.encodeParts(lone).leaves[0]!.byteLength, LARGE)
    assertSame(copy(lone), lone)
  })

  it('is copied where it comes as a part of other memory', () => {
    const { bytes, leaves } = cbor.encodeParts(new Uint8Array(LARGE).fill(7))
    const pool = Buffer.alloc(2 * LARGE, leaves[0]!)
    const got = cbor.decodeParts(bytes, () => pool.subarray(1, 1 + LARGE)) as Uint8Array
    pool.fill(0)
    assert.equal(got[5], 7)
    assert.equal(got.buffer.byteLength, LARGE)
  })

  it('gives a CodecError when it is missing, of another size, or nobody brings it', () => {
    const { bytes } = cbor.encodeParts(new Float64Array(LARGE))
    const gone = undefined as unknown as Uint8Array
    for (const leaf of [() => gone, () => new Uint8Array(9), () => assert.fail('lost')])
      assert.throws(() => cbor.decodeParts(bytes, leaf), { code: 'ERR_UNDECODABLE' })
    assert.throws(() => cbor.decode(bytes), { code: 'ERR_UNDECODABLE' })
  })

  it('changes nothing about small values, and reads what encode wrote', () => {
    fc.assert(
      fc.property(
        fc.anything({ withDate: true, withMap: true, withSet: true, withTypedArray: true, withBigInt: true }),
        (value) => {
          const parts = cbor.encodeParts(value)
          const whole = cbor.encode(value)
          assert.ok(Buffer.from(whole).equals(parts.bytes))
          assert.equal(parts.leaves.length, 0)
          assertSame({ value: cbor.decodeParts(whole, () => assert.fail()) }, { value })
        },
      ),
    )
  })

  it('comes back in any mixture of sizes', () => {
    const size = fc.constantFrom(0, 1, 7, 8, 1000, LARGE - 1, LARGE, LARGE + 8)
    fc.assert(
      fc.property(fc.array(size, { maxLength: 6 }), fc.nat(), (sizes, seed) => {
        const arrays = sizes.map((size, i) => new Uint8Array(size).fill(seed + i))
        const value = { arrays, again: arrays[seed % Math.max(arrays.length, 1)], at: new Date(seed) }
        assertSame(copy(value), value)
        assertSame(cbor.decode(cbor.encode(value)), value)
      }),
      { numRuns: 50 },
    )
  })
})
