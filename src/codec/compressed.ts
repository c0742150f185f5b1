/**
 * A codec whose bytes are compressed where that helps, with what Node has built in.
 *
 * The first byte tells whether the rest is as the codec wrote it (0), or 6 bytes of length, little-endian, and then the
 * compressed bytes (1). Promises that unpacking takes no more memory than the length says, and that the length says no
 * more than could be meant.
 */
import { CodecError, messageOf } from '../errors.ts'
import type { Codec } from '../types.ts'

export type Compression = 'zstd' | 'gzip' | 'brotli'

interface Method {
  compress(bytes: Uint8Array, chunkSize: number): Uint8Array
  decompress(bytes: Uint8Array, options: { maxOutputLength: number; chunkSize: number }): Uint8Array
}

type Zlib = typeof import('node:zlib') & {
  /** Younger than the library types this project compiles against. */
  readonly zstdCompressSync?: (bytes: Uint8Array, options: object) => Buffer
  readonly zstdDecompressSync?: (bytes: Uint8Array, options: object) => Buffer
}

/** Loaded at first use. */
const zlib = (): Zlib => process.getBuiltinModule('node:zlib')

/** The usual levels, but for brotli, whose highest is its usual one and takes a second for a megabyte. */
const methods: Readonly<Record<Compression, Method>> = {
  zstd: {
    compress: (bytes, chunkSize) => zlib().zstdCompressSync!(bytes, { chunkSize }),
    decompress: (bytes, options) => zlib().zstdDecompressSync!(bytes, options),
  },
  gzip: {
    compress: (bytes, chunkSize) => zlib().gzipSync(bytes, { chunkSize }),
    decompress: (bytes, options) => zlib().gunzipSync(bytes, options),
  },
  brotli: {
    compress: (bytes, chunkSize) => {
      const { brotliCompressSync, constants } = zlib()
      return brotliCompressSync(bytes, { chunkSize, params: { [constants.BROTLI_PARAM_QUALITY]: 5 } })
    },
    decompress: (bytes, options) => zlib().brotliDecompressSync(bytes, options),
  },
}

/** Throws a `RangeError` where this Node cannot compress so. */
export function checkCompression(method: Compression | false, where: string): void {
  if (method !== 'zstd' || zlib().zstdCompressSync !== undefined) return
  throw new RangeError(
    `${where}: "compress: 'zstd'" needs Node 22.15 or 23.8, and this is ${process.version}; 'gzip' and 'brotli' work here`,
  )
}

const AS_IS = 0
const COMPRESSED = 1
const HEAD = 7

/** Less is not worth the time. */
const SMALLEST = 4096
/** What does not lose a tenth is stored as it is, for the sake of hits. */
const WORTHWHILE = 0.9
/** Of more than this, a sample tells whether to try. */
const SAMPLED = 1 << 20
const SAMPLE = 1 << 16
/** However little it came from, so much may be meant; beyond, a thousandfold. No bomb gets further. */
const BELIEVABLE = 1 << 28
const MOST_SHRUNK = 1000

export function compressed(codec: Codec, method: Compression): Codec {
  const { compress, decompress } = methods[method]
  return {
    name: `${codec.name}+${method}`,
    encode: (value) => {
      const bytes = codec.encode(value)
      const shrunk = worthTrying(bytes, compress) ? compress(bytes, chunkSize(bytes.byteLength)) : undefined
      const helps =
        shrunk !== undefined &&
        HEAD + shrunk.byteLength < WORTHWHILE * bytes.byteLength &&
        bytes.byteLength <= mostFrom(shrunk.byteLength)
      const stored = helps ? shrunk : bytes
      const start = helps ? HEAD : 1
      const result = Buffer.allocUnsafeSlow(start + stored.byteLength)
      result[0] = helps ? COMPRESSED : AS_IS
      if (helps) result.writeUIntLE(bytes.byteLength, 1, HEAD - 1)
      result.set(stored, start)
      return result
    },
    decode: (bytes) => {
      if (bytes[0] === AS_IS) return codec.decode(bytes.subarray(1))
      return codec.decode(decompressed(bytes, decompress))
    },
  }
}

function mostFrom(size: number): number {
  return Math.max(BELIEVABLE, MOST_SHRUNK * size)
}

function chunkSize(size: number): number {
  return Math.min(Math.max(size, 1024), 1 << 22)
}

/** Large arrays of numbers often do not shrink at all, and finding out takes longer than storing them. */
function worthTrying(bytes: Uint8Array, compress: Method['compress']): boolean {
  const { byteLength } = bytes
  if (byteLength <= SAMPLED) return byteLength >= SMALLEST
  return [0.1, 0.5, 0.9].some((place) => {
    const start = Math.floor(place * byteLength)
    const sample = bytes.subarray(start, start + SAMPLE)
    return compress(sample, SAMPLE).byteLength < WORTHWHILE * sample.byteLength
  })
}

function decompressed(bytes: Uint8Array, decompress: Method['decompress']): Uint8Array {
  try {
    if (bytes[0] !== COMPRESSED) throw new Error('neither compressed nor as it is')
    const { buffer, byteOffset, byteLength } = bytes
    const size = Buffer.from(buffer, byteOffset, byteLength).readUIntLE(1, HEAD - 1)
    if (size > mostFrom(byteLength - HEAD)) throw new Error(`${byteLength} bytes cannot have been ${size}`)
    const result = decompress(bytes.subarray(HEAD), {
      maxOutputLength: Math.max(size, 1),
      chunkSize: chunkSize(size),
    })
    if (result.byteLength !== size) throw new Error(`${result.byteLength} bytes instead of ${size}`)
    return result
  } catch (error) {
    throw new CodecError('ERR_UNDECODABLE', `cannot decompress a stored value: ${messageOf(error)}`, '', {
      cause: error,
    })
  }
}
