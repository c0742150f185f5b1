/**
 * Codecs of users, held to what the rest of permafrost relies on: bytes that nobody else writes to, and values that
 * share no memory with them.
 */
import { types } from 'node:util'
import { CodecError } from '../errors.ts'
import type { Codec } from '../types.ts'

/** Throws a `CodecError` where the codec gives what it must not, and copies on the way in and out. */
export function held(codec: Codec): Codec {
  const { name } = codec
  return {
    name,
    encode: (value) => {
      const bytes: unknown = codec.encode(value)
      if (!types.isUint8Array(bytes)) throw misuse('ERR_UNENCODABLE', name, 'encode', bytes, 'a Uint8Array')
      return Buffer.from(bytes)
    },
    decode: (bytes) => {
      // Of its own memory from the beginning, so that any typed array fits.
      const copy = Buffer.allocUnsafeSlow(bytes.byteLength)
      copy.set(bytes)
      const value = codec.decode(copy)
      if (types.isPromise(value)) throw misuse('ERR_UNDECODABLE', name, 'decode', value, 'the value')
      return value
    },
  }
}

function misuse(
  code: CodecError['code'],
  name: string,
  method: string,
  found: unknown,
  wanted: string,
): CodecError {
  const what = types.isPromise(found) ? 'a promise' : found === null ? 'null' : `${typeof found}`
  const hint = types.isPromise(found) ? '; codecs are synchronous' : ''
  return new CodecError(code, `${method}() of the codec "${name}" returned ${what}, not ${wanted}${hint}`)
}
