/**
 * The other codecs by name. Each refuses whatever its format would change.
 */
import { types } from 'node:util'
import { CodecError, messageOf } from '../errors.ts'
import type { Codec } from '../types.ts'
import { written } from './nodes.ts'
import { pack } from './pack.ts'
import { type Flaw, flawOf, isDefault } from './plain.ts'
import { refusal } from './refusal.ts'

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

/** The engine's structured clone. It keeps cycles and shared parts, and most of what has no properties of its own. */
export const v8: Codec = {
  name: 'v8-1',
  encode: (value) => {
    pack(value, flawForClone)
    try {
      return engine().serialize(value)
    } catch (error) {
      throw new CodecError('ERR_UNENCODABLE', `cannot store with v8: ${messageOf(error)}`, 'result', {
        cause: error,
      })
    }
  },
  decode: (bytes) => reading(() => engine().deserialize(bytes) as unknown),
}

/** Loaded at first use: 2 ms that no other codec needs. */
const engine = (): typeof import('node:v8') => process.getBuiltinModule('node:v8')

/** Kinds that a structured clone keeps. Only the first two keep properties. Views would lose what they share. */
const clonable: readonly string[] = [
  'object',
  'Array',
  'Map',
  'Set',
  'Date',
  'RegExp',
  'Boolean',
  'Number',
  'String',
  'BigInt',
]

function flawForClone(kind: string, part: unknown, keys: readonly PropertyKey[]): string | undefined {
  if (!clonable.includes(kind)) return `what is stored as ${kind} with v8`
  const object = part as object
  if (!Object.isExtensible(object)) return 'an object that cannot be extended with v8'
  if (kind === 'RegExp') {
    const isUntouched = keys.length === 1 && (object as RegExp).lastIndex === 0
    return isUntouched ? undefined : 'a RegExp with properties or a lastIndex with v8'
  }
  if (keys.length > 0 && clonable.indexOf(kind) > 1) return `properties of a ${kind} with v8`
  for (const key of keys) {
    if (typeof key === 'symbol') return 'symbol properties with v8'
    const property = Object.getOwnPropertyDescriptor(object, key)!
    // An accessor is refused anyway, with its own path.
    if ('value' in property && !isDefault(property)) return 'property attributes with v8'
  }
}

const BUFFER = 0
const UINT8_ARRAY = 1

/** Bytes as they are, after one byte that tells a Buffer from a Uint8Array. */
export const raw: Codec = {
  name: 'raw1',
  encode: (value) => {
    if (!types.isUint8Array(value)) throw refusal(onlyBytes, 'result')
    const { kinds, leaves } = pack(value, flawForRaw)
    const leaf = leaves[0]!
    const bytes = Buffer.allocUnsafeSlow(1 + leaf.byteLength)
    bytes[0] = kinds[0] === 'Buffer' ? BUFFER : UINT8_ARRAY
    bytes.set(leaf, 1)
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

const onlyBytes = 'anything but a Buffer or Uint8Array as raw bytes'

function flawForRaw(kind: string, part: unknown, keys: readonly PropertyKey[]): string | undefined {
  const isBytes = kind === 'Buffer' || kind === 'Uint8Array'
  return isBytes && keys.length === 0 && Object.isExtensible(part) ? undefined : onlyBytes
}

function refuse(flaw: Flaw | undefined, how: string): void {
  if (flaw === undefined) return
  throw refusal(`${flaw.what} ${how}`, `result${flaw.path.map(written).join('')}`)
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
