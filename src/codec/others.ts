/**
 * The other codecs by name. Each refuses whatever its format would change.
 */
import { deserialize, serialize } from 'node:v8'
import { CodecError } from '../errors.ts'
import type { Codec } from '../types.ts'
import { messageOf } from './cbor.ts'
import { labelOf } from './pack.ts'
import { type Flaw, flawOf } from './plain.ts'

/** Text other tools read. Plain data only. */
export const json: Codec = {
  name: 'json1',
  encode: (value) => {
    refuse(flawOf(value, true), 'as JSON')
    return Buffer.from(JSON.stringify(value))
  },
  decode: (bytes) =>
    reading(() => {
      const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
      return JSON.parse(text) as unknown
    }),
}

/** The engine's structured clone, for plain data that is to be read by other programs of this engine. */
export const v8: Codec = {
  name: 'v8-1',
  encode: (value) => {
    refuse(flawOf(value), 'with v8')
    return serialize(value)
  },
  decode: (bytes) => reading(() => deserialize(bytes) as unknown),
}

const BUFFER = 0
const UINT8_ARRAY = 1

/** Bytes as they are, after one byte that tells a Buffer from a Uint8Array. */
export const raw: Codec = {
  name: 'raw1',
  encode: (value) => {
    const prototype: unknown = value instanceof Uint8Array ? Object.getPrototypeOf(value) : undefined
    const isBuffer = prototype === Buffer.prototype
    if (!isBuffer && prototype !== Uint8Array.prototype)
      throw new CodecError(
        'ERR_UNENCODABLE',
        'cannot store anything but a Buffer or Uint8Array as raw bytes',
        'result',
      )
    const bytes = Buffer.allocUnsafeSlow(1 + (value as Uint8Array).byteLength)
    bytes[0] = isBuffer ? BUFFER : UINT8_ARRAY
    bytes.set(value as Uint8Array, 1)
    return bytes
  },
  decode: (bytes) =>
    reading(() => {
      if (bytes[0] !== BUFFER && bytes[0] !== UINT8_ARRAY)
        throw new Error('neither a Buffer nor a Uint8Array')
      const copy = new Uint8Array(bytes.subarray(1))
      return bytes[0] === BUFFER ? Buffer.from(copy.buffer) : copy
    }),
}

function refuse(flaw: Flaw | undefined, how: string): void {
  if (flaw === undefined) return
  const path = `result${flaw.path.map(labelOf).join('')}`
  throw new CodecError('ERR_UNENCODABLE', `cannot store ${flaw.what} ${how}`, path)
}

function reading<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new CodecError('ERR_UNDECODABLE', `cannot read a stored value: ${messageOf(error)}`, '', {
      cause: error,
    })
  }
}
