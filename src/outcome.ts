/**
 * What a call came to, and its bytes. A value alone is what its codec makes of it; what was thrown, or printed on the
 * way, lies with it in an envelope, whose form says so. Knows no functions and no store.
 */
import { codecOf } from './codec/codec.ts'
import { CodecError } from './errors.ts'
import type { Codec } from './types.ts'

/** Something written to standard output (1) or standard error (2). */
export type Printed = readonly [stream: 1 | 2, chunk: string | Uint8Array]

export interface Outcome {
  /** Undefined if it threw. */
  readonly value: unknown
  /** What was thrown, or what the promise was rejected with. */
  readonly thrown?: { readonly error: unknown }
  /** What was written meanwhile, in order; undefined if nobody listened. */
  readonly printed?: readonly Printed[]
}

/** Bytes, and how to read them: an entry's `codec`. */
export interface Encoded {
  readonly form: string
  readonly bytes: Uint8Array
}

const ENVELOPE = ' in an envelope'

/** Throws what the codec throws. */
export function encodeOutcome(codec: Codec, { printed, thrown, value }: Outcome): Encoded {
  if (printed === undefined && thrown === undefined) return { form: codec.name, bytes: codec.encode(value) }
  // errors are the business of the codec that knows them
  const content = thrown === undefined ? codec.encode(value) : codecOf('cbor').encode(thrown.error)
  const bytes = codecOf('cbor').encode([thrown !== undefined, printed ?? null, content])
  return { form: codec.name + ENVELOPE, bytes }
}

/** Whether a form is one that this codec can read. */
export const isFormOf = (form: string, codec: Codec): boolean =>
  form === codec.name || form === codec.name + ENVELOPE

/** A fresh outcome. Throws a `CodecError` for bytes that are none. */
export function decodeOutcome(codec: Codec, form: string, bytes: Uint8Array): Outcome {
  if (form === codec.name) return { value: codec.decode(bytes) }
  const envelope = codecOf('cbor').decode(bytes)
  if (!Array.isArray(envelope) || !(envelope[2] instanceof Uint8Array))
    throw new CodecError('ERR_UNDECODABLE', 'cannot read a stored value: the envelope is damaged')
  const [threw, printed, content] = envelope as [boolean, readonly Printed[] | null, Uint8Array]
  return {
    value: threw ? undefined : codec.decode(content),
    ...(threw && { thrown: { error: codecOf('cbor').decode(content) } }),
    ...(printed !== null && { printed }),
  }
}
