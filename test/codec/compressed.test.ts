import assert from 'node:assert/strict'
import { randomFillSync } from 'node:crypto'
import { describe, it, test } from 'node:test'
import * as zlib from 'node:zlib'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { MemoizedGroup, memoize } from 'permafrost'
import { type Compression, codecOf } from '#src/codec/codec.js'
import { temporaryFolder } from '../support/temporary.ts'
import { assertSame } from './same.ts'

const hasZstd = 'zstdCompressSync' in zlib
const methods: readonly Compression[] = hasZstd ? ['zstd', 'gzip', 'brotli'] : ['gzip', 'brotli']
const words = { text: 'permafrost '.repeat(1000), list: Array.from({ length: 1000 }, (_, i) => i % 10) }
const noise = (size: number) => randomFillSync(new Uint8Array(size))

for (const method of methods) {
  describe(`${method} on top of a codec`, () => {
    const codec = codecOf('cbor', method)
    const bare = codecOf('cbor')

    it('has a name of its own', () => assert.equal(codec.name, `${bare.name}+${method}`))

    it('gives back what it was given, in fewer bytes', () => {
      const bytes = codec.encode(words)
      assert.ok(bytes.length < bare.encode(words).length / 5)
      assertSame(codec.decode(bytes), words)
    })

    it('gives back any value of any size', () => {
      fc.assert(
        fc.property(
          fc.nat({ max: 5000 }),
          fc.nat({ max: 9 }),
          fc.constantFrom('cbor', 'v8'),
          (size, digits, name) => {
            const value = { list: Array.from({ length: size }, (_, i) => i ** digits), size }
            const codec = codecOf(name, method)
            assertSame(codec.decode(codec.encode(value)), value)
          },
        ),
        { numRuns: 50 },
      )
    })

    it('leaves alone what is small, and what does not shrink', () => {
      for (const value of ['a'.repeat(3000), noise(10_000), noise(3_000_000)])
        assert.equal(codec.encode(value).length, bare.encode(value).length + 1)
    })

    it('shrinks large values of which a part shrinks', () => {
      const half = noise(4_000_000).fill(7, 2_000_000)
      const bytes = codec.encode(half)
      assert.ok(bytes.length < 2_100_000)
      assertSame(codec.decode(bytes), half)
    })

    it('gives a CodecError for bytes that were cut, changed or are not its own', () => {
      const stored = Buffer.from(codec.encode(words))
      const survives = (bytes: Uint8Array) => {
        try {
          codec.decode(bytes)
        } catch (error) {
          assert.equal((error as { code?: unknown }).code, 'ERR_UNDECODABLE', String(error))
        }
      }
      for (let at = 0; at < stored.length; at += 3) {
        survives(stored.subarray(0, at))
        const changed = Buffer.from(stored)
        changed[at]! ^= 0x41
        survives(changed)
      }
      for (const bytes of [[], [0], [1], [2, 1], [1, 1, 0, 0, 0, 0, 0]])
        assert.throws(() => codec.decode(Uint8Array.from(bytes)), { code: 'ERR_UNDECODABLE' })
    })
  })
}

test('a length that lies is refused before or as soon as it shows, whatever the bytes unpack to', () => {
  const stored = (length: number, packed: Uint8Array) => {
    const head = Buffer.alloc(7, 1)
    head.writeUIntLE(length, 1, 6)
    return Buffer.concat([head, packed])
  }
  const zeros = Buffer.alloc(300_000_000)
  for (const [method, bomb] of [
    ['gzip', gzipSync(zeros)],
    ['brotli', brotliCompressSync(zeros, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 2 } })],
  ] as const) {
    const { decode } = codecOf('cbor', method)
    const before = process.memoryUsage.rss()
    for (const length of [0, 1, 1000, 2 ** 20, 2 ** 40, 2 ** 48 - 1])
      assert.throws(() => decode(stored(length, bomb)), { code: 'ERR_UNDECODABLE', message: /decompress/ })
    assert.throws(() => decode(stored(2 ** 29, bomb.subarray(0, 1000))), { message: /cannot have been/ })
    assert.ok(process.memoryUsage.rss() - before < 100_000_000)
  }
})

describe('the compress option', () => {
  it('is the group’s or the function’s, and another one is a miss, never garbage', (t) => {
    const directory = temporaryFolder(t)
    using group = new MemoizedGroup({ directory, compress: 'gzip' })
    const make = (compress?: Compression | false) =>
      group.memoize((x: number) => 'x'.repeat(5000 + x), {
        name: 'f',
        version: 1,
        ...(compress !== undefined && { compress }),
      })
    const packed = make()
    assert.equal(packed(1).length, 5001)
    assert.ok([...group.entries()][0]!.size < 500)
    assert.equal([...group.entries()][0]!.codec, `${codecOf('cbor').name}+gzip`)
    assert.ok(packed.wouldHit(1))
    for (const other of ['brotli', false] as const) {
      const found = make(other).lookup(1)
      assert.ok(!found.hit && found.reason === 'lost')
    }
    assert.equal(make(false)(1).length, 5001)
    assert.equal([...group.entries()][0]!.size, 5004)
  })

  it('must be one of the methods', (t) => {
    const directory = temporaryFolder(t)
    assert.throws(() => new MemoizedGroup({ directory, compress: 'lzma' as 'gzip' }), {
      name: 'TypeError',
      message: /expected the "compress" option to be "zstd" or "gzip" or "brotli" or false, found "lzma"/,
    })
    assert.throws(() => memoize((x: number) => x, { compress: true as false }), TypeError)
  })

  const itWithout = hasZstd ? () => undefined : it
  itWithout('says which Node zstd needs where it is missing', (t) => {
    const message =
      /: "compress: 'zstd'" needs Node 22\.15 or 23\.8, and this is v\d+\.\d+\.\d+; 'gzip' and 'brotli' work here/
    const directory = temporaryFolder(t)
    assert.throws(() => new MemoizedGroup({ directory, compress: 'zstd' }), { name: 'RangeError', message })
    assert.throws(() => memoize((x: number) => x, { compress: 'zstd' }), { name: 'RangeError', message })
  })
})
