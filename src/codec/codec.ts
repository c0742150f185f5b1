/**
 * Values to bytes and back. This room knows no paths, caches or functions.
 *
 * Promises the fidelity law: what `decode(encode(value))` returns cannot be told from `value`, or `encode` throws a
 * `CodecError` that names the path. Decoding runs no code of what was stored, gives a fresh value that shares no
 * memory with the bytes, and throws nothing but a `CodecError` on bytes that are not a stored value.
 *
 * What a copy cannot have is not part of the law: identity with objects outside the value; private members of objects
 * that were given another prototype by hand; the unused rest of a buffer whose view alone is stored (memory.ts).
 */
import type { Codec } from '../types.ts'
import { cbor, type PartedCodec } from './cbor.ts'
import { type Compression, compressed } from './compressed.ts'
import { held } from './custom.ts'
import { json, raw, v8 } from './others.ts'

export { registerClass } from './classes.ts'
export { type Compression, checkCompression } from './compressed.ts'

export type BuiltinCodec = 'cbor' | 'json' | 'v8' | 'raw'

/** The codecs by the name in options. The name that is stored has the version of its format. */
const builtin: Readonly<Record<BuiltinCodec, Codec>> = { cbor, json, v8, raw }

export function codecOf(option: BuiltinCodec | Codec, compress: Compression | false = false): Codec {
  const codec = typeof option === 'string' ? builtin[option] : held(option)
  return compress === false ? codec : compressed(codec, compress)
}

const methods: readonly Compression[] = ['gzip', 'brotli', 'zstd']

/** The codec that has the name under which it was stored, if it is one of ours. */
export function codecNamed(name: string): Codec | undefined {
  return Object.values(builtin)
    .flatMap((codec) => [codec, ...methods.map((method) => compressed(codec, method))])
    .find((codec) => codec.name === name)
}

/** Whether a codec can leave large memory beside its bytes. Users' codecs are never asked. */
export const hasParts = (codec: Codec): codec is PartedCodec => codec === cbor
