/**
 * What a call came to, and its bytes. A value alone is what its codec makes of it; what was thrown, or printed on the
 * way, lies with it in an envelope, whose form says so. Knows no functions and no store.
 */
import { codecOf } from './codec/codec.ts'
import { CodecError } from './errors.ts'
import { metDuring, type Output, takeOutputs } from './outputs.ts'
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
  /** The files that are in the value, as the call left them. */
  readonly outputs?: readonly Output[]
}

/** Bytes, and how to read them: an entry's `codec`. */
export interface Encoded {
  readonly form: string
  readonly bytes: Uint8Array
}

const ENVELOPE = ' in an envelope'

/**
 * Throws what the codec throws, and what reading a file throws.
 * @param inputs paths of files that are no output, though the value has them
 */
export function encodeOutcome(
  codec: Codec,
  { printed, thrown, value }: Outcome,
  inputs: readonly string[] = [],
): Encoded {
  // errors are the business of the codec that knows them
  const { encoded, paths } = metDuring(() =>
    thrown === undefined ? codec.encode(value) : codecOf('cbor').encode(thrown.error),
  )
  const outputs = paths.size === 0 ? [] : takeOutputs([...paths].filter((path) => !inputs.includes(path)))
  if (printed === undefined && thrown === undefined && outputs.length === 0)
    return { form: codec.name, bytes: encoded }
  const bytes = codecOf('cbor').encode([thrown !== undefined, printed ?? null, encoded, outputs])
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
  const [threw, printed, content, outputs] = envelope as [
    boolean,
    readonly Printed[] | null,
    Uint8Array,
    readonly Output[],
  ]
  return {
    value: threw ? undefined : codec.decode(content),
    ...(threw && { thrown: { error: codecOf('cbor').decode(content) } }),
    ...(printed !== null && { printed }),
    ...(outputs.length > 0 && { outputs }),
  }
}
