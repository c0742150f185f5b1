/**
 * What a call came to, and its bytes. A value alone is what its codec makes of it; what was thrown, or printed on the
 * way, lies with it in an envelope, whose form says so. Knows no functions and no store.
 */
import { codecOf, hasParts } from './codec/codec.ts'
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

/** Bytes, and large memory that they leave out. */
export interface Parts {
  readonly bytes: Uint8Array
  /** Views of the value's own memory, to be stored before anybody changes it. */
  readonly leaves: readonly Uint8Array[]
}

/** Parts, and how to read them: an entry's `codec`. */
export interface Encoded extends Parts {
  readonly form: string
}

const ENVELOPE = ' in an envelope'

const NONE: readonly Uint8Array[] = []

/** The bytes alone: they share no memory with the value. Throws what the codec throws. */
export function encodeOutcome(codec: Codec, { printed, thrown, value }: Outcome): Encoded {
  if (printed === undefined && thrown === undefined)
    return { form: codec.name, bytes: codec.encode(value), leaves: NONE }
  // errors are the business of the codec that knows them
  const content = thrown === undefined ? codec.encode(value) : codecOf('cbor').encode(thrown.error)
  const bytes = codecOf('cbor').encode([thrown !== undefined, printed ?? null, content])
  return { form: codec.name + ENVELOPE, bytes, leaves: NONE }
}

/** The same for a store, which keeps large memory of a value beside its bytes. */
export function encodeParts(codec: Codec, outcome: Outcome): Encoded {
  const isBare = outcome.printed === undefined && outcome.thrown === undefined
  return isBare && hasParts(codec)
    ? { form: codec.name, ...codec.encodeParts(outcome.value) }
    : encodeOutcome(codec, outcome)
}

/** Whether a form is one that this codec can read. */
export const isFormOf = (form: string, codec: Codec): boolean =>
  form === codec.name || form === codec.name + ENVELOPE

/** A fresh outcome, which takes the leaves as its memory. Throws a `CodecError` for bytes that are none. */
export function decodeOutcome(codec: Codec, form: string, { bytes, leaves }: Parts): Outcome {
  if (form === codec.name) {
    const isWhole = leaves.length === 0 || !hasParts(codec)
    return { value: isWhole ? codec.decode(bytes) : codec.decodeParts(bytes, (index) => leaves[index]!) }
  }
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
