/**
 * What a call came to, and its bytes. A value alone is what its codec makes of it; what was thrown, or printed on the
 * way, lies with it in an envelope, whose form says so. Knows no functions and no store.
 */
import { codecOf, hasParts } from './codec/codec.ts'
import { CodecError } from './errors.ts'
import { metDuring, type Output, takeOutputs } from './outputs.ts'
import type { Codec } from './types.ts'

export type { Output } from './outputs.ts'

/** Something written to standard output (1) or standard error (2). */
export type Printed = readonly [stream: 1 | 2, chunk: string | Uint8Array]

/** What goes before a value of a stream: something printed, or a file that is in the value. */
export type Aside = Printed | Output

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

/** Bytes, and large memory that they leave out. */
export interface Parts {
  readonly bytes: Uint8Array
  /** Views of the value's own memory, to be stored before anybody changes it. */
  readonly leaves: readonly Uint8Array[]
}

/** Parts, and how to read them: an entry's `codec`. */
export interface Encoded extends Parts {
  readonly form: string
  /** Paths of the files that are in the value. */
  readonly outputs?: readonly string[]
}

const ENVELOPE = ' in an envelope'

const NONE: readonly Uint8Array[] = []

/**
 * The bytes alone: they share no memory with the value. Throws what the codec throws, and what reading a file throws.
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
    return { form: codec.name, bytes: encoded, leaves: NONE }
  const bytes = codecOf('cbor').encode([thrown !== undefined, printed ?? null, encoded, outputs])
  const files = outputs.length === 0 ? {} : { outputs: outputs.map(([path]) => path) }
  return { form: codec.name + ENVELOPE, bytes, leaves: NONE, ...files }
}

/** The same for a store, which keeps large memory of a value beside its bytes. */
export function encodeParts(codec: Codec, outcome: Outcome, inputs: readonly string[] = []): Encoded {
  const isBare = outcome.printed === undefined && outcome.thrown === undefined
  if (!isBare || !hasParts(codec)) return encodeOutcome(codec, outcome, inputs)
  const { encoded, paths } = metDuring(() => codec.encodeParts(outcome.value))
  const hasOutputs = [...paths].some((path) => !inputs.includes(path))
  return hasOutputs ? encodeOutcome(codec, outcome, inputs) : { form: codec.name, ...encoded }
}

const damagedEnvelope = (): CodecError =>
  new CodecError('ERR_UNDECODABLE', 'cannot read a stored value: the envelope is damaged')

const areAll = <T>(list: unknown, is: (one: unknown) => one is T): list is readonly T[] =>
  Array.isArray(list) && list.every(is)

/** What comes from elsewhere may be anything. */
export const isPrinted = (one: unknown): one is Printed =>
  Array.isArray(one) &&
  (one[0] === 1 || one[0] === 2) &&
  (typeof one[1] === 'string' || one[1] instanceof Uint8Array)

export const isOutput = (one: unknown): one is Output =>
  Array.isArray(one) &&
  typeof one[0] === 'string' &&
  typeof one[1] === 'number' &&
  typeof one[2] === 'string' &&
  one[3] instanceof Uint8Array

/** What lies between the values of a stream. Throws a `CodecError` for bytes that are none. */
export function decodeAsides(bytes: Uint8Array): readonly Aside[] {
  const asides = codecOf('cbor').decode(bytes)
  if (!areAll(asides, (one): one is Aside => isPrinted(one) || isOutput(one))) throw damagedEnvelope()
  return asides
}

/** Whether a form may be that of an error. */
export const isEnvelope = (form: string): boolean => form.endsWith(ENVELOPE)

/** Whether a form is one that this codec can read. */
export const isFormOf = (form: string, codec: Codec): boolean =>
  form === codec.name || form === codec.name + ENVELOPE

/** The codec's name in a form. */
export const baseOf = (form: string): string =>
  form.endsWith(ENVELOPE) ? form.slice(0, -ENVELOPE.length) : form

/** A fresh outcome, which takes the leaves as its memory. Throws a `CodecError` for bytes that are none. */
export function decodeOutcome(codec: Codec, form: string, { bytes, leaves }: Parts): Outcome {
  if (form === codec.name) {
    const isWhole = leaves.length === 0 || !hasParts(codec)
    return { value: isWhole ? codec.decode(bytes) : codec.decodeParts(bytes, (index) => leaves[index]!) }
  }
  const envelope = codecOf('cbor').decode(bytes)
  if (!Array.isArray(envelope) || !(envelope[2] instanceof Uint8Array)) throw damagedEnvelope()
  const [threw, printed, content, outputs] = envelope as [boolean, unknown, Uint8Array, unknown]
  if (!(printed === null || areAll(printed, isPrinted)) || !areAll(outputs, isOutput)) throw damagedEnvelope()
  return {
    value: threw ? undefined : codec.decode(content),
    ...(threw && { thrown: { error: codecOf('cbor').decode(content) } }),
    ...(printed !== null && { printed }),
    ...(outputs.length > 0 && { outputs }),
  }
}
