/**
 * Streams to recordings and back: the door of this room. A recording is bytes, and a form that says of what; see tape.ts.
 * Knows no calls and no store.
 */
import { codecOf } from '../codec/codec.ts'
import { unencodable } from '../errors.ts'
import { type Aside, decodeAsides, isOutput, isPrinted, type Output, type Printed } from '../outcome.ts'
import type { Codec } from '../types.ts'
import { isShape, type Kind, type Shape, streamOf } from './kinds.ts'
import { type Deck, played } from './plays.ts'
import { damaged, ITEM, type Reel, TapeReader, TapeWriter } from './tape.ts'

export { type Kind as StreamKind, type Streaming, streamOf } from './kinds.ts'
export { refusedStream } from './refused.ts'
export { type Tap, tapped } from './taps.ts'

const FORM = ' recorded: '
const KINDS: readonly Kind[] = ['generator', 'async generator', 'iterator', 'web stream', 'readable']

/** The form of a recording: an entry's `codec`. */
export const recordedForm = (codec: Codec, kind: Kind): string => codec.name + FORM + kind

/** Of what a form says it is a recording, if this codec can read it. */
export const recordedKind = (form: string, codec: Codec): Kind | undefined =>
  form.includes(FORM) ? KINDS.find((kind) => form === recordedForm(codec, kind)) : undefined

/** The codec's name and the kind in a form, if it is that of a recording. */
export function recordingOf(form: string): { readonly base: string; readonly kind: Kind } | undefined {
  const at = form.indexOf(FORM)
  const kind = KINDS.find((one) => at >= 0 && form.slice(at + FORM.length) === one)
  return kind && { base: form.slice(0, at), kind }
}

/** The first values of a recording; the reel stays open. Throws a `CodecError`. */
export function firstOf(reel: Reel, kind: Kind, codec: Codec, most: number, player: Player): unknown[] {
  const reader = new TapeReader(reel)
  const deck = deckOf(reader, headOf(reader, kind).shape, codec, player)
  const values: unknown[] = []
  while (values.length < most) {
    const { done, value } = deck.next()
    if (done === true) break
    values.push(value)
  }
  return values
}

/** Writes a recording. Methods throw what the sink throws. */
export class Tape {
  readonly #codec: Codec
  readonly #writer: TapeWriter

  /** @param sink takes what is more than 64 KiB, in order; the memory is used again when it returns. */
  constructor(shape: Shape, hasOutput: boolean, codec: Codec, sink: (bytes: Uint8Array) => void) {
    this.#codec = codec
    this.#writer = new TapeWriter(sink)
    this.#writer.add(ITEM.value, Buffer.from(JSON.stringify({ ...shape, hasOutput })))
  }

  /** A value as it is to be added. Throws a `CodecError` for what the codec cannot encode. */
  encoded(value: unknown): Uint8Array {
    try {
      return this.#codec.encode(value)
    } catch (error) {
      throw unencodable(error)
    }
  }

  /** Before the value that it goes before. */
  aside(asides: readonly Aside[]): void {
    this.#writer.add(ITEM.aside, codecOf('cbor').encode(asides))
  }

  add(encoded: Uint8Array): void {
    this.#writer.add(ITEM.value, encoded)
  }

  /** With what was returned, if anything. Gives what the sink has not got. */
  end(encoded?: Uint8Array): Uint8Array {
    this.#writer.add(encoded === undefined ? ITEM.end : ITEM.endWithValue, encoded ?? new Uint8Array())
    return this.#writer.rest
  }
}

/** What whoever plays a recording may have a say in; asked when it comes to it. */
export interface Player {
  /** The function's own stream, from its beginning, or a promise of it; `why` the recording is of no use any more. */
  live?: (why: unknown) => unknown
  /** To be given what was printed on the way. */
  print?: (printed: readonly Printed[]) => void
  /** To be given the files in the next value. What it throws is as if that could not be read. */
  putBack?: (outputs: readonly Output[]) => void
}

/** A stream, and whether what was printed while it was recorded is in it. */
export interface Play {
  readonly stream: object
  readonly hasOutput: boolean
}

/** Throws a `CodecError` for bytes that are no recording of that kind. The reel is closed at the end, or with the stream. */
export function play(reel: Reel, kind: Kind, codec: Codec, player: Player): Play {
  try {
    const reader = new TapeReader(reel)
    const { shape, hasOutput } = headOf(reader, kind)
    const stream = played(deckOf(reader, shape, codec, player))
    abandoned.register(stream, reel)
    reels.set(stream, reel)
    return { stream, hasOutput }
  } catch (error) {
    reel.close()
    throw error
  }
}

function headOf(reader: TapeReader, kind: Kind): { readonly shape: Shape; readonly hasOutput: boolean } {
  let head: unknown
  try {
    head = JSON.parse(Buffer.from(reader.next().bytes).toString('utf8'))
  } catch {
    throw damaged()
  }
  if (!isShape(head, kind)) throw damaged()
  return { shape: head, hasOutput: (head as { hasOutput?: unknown }).hasOutput === true }
}

function deckOf(reader: TapeReader, shape: Shape, codec: Codec, player: Player): Deck {
  const next = (): IteratorResult<unknown> => {
    for (;;) {
      const { bytes, kind } = reader.next()
      if (kind === ITEM.value) return { done: false, value: codec.decode(bytes) }
      if (kind === ITEM.aside) {
        const asides = decodeAsides(bytes)
        player.putBack?.(asides.filter(isOutput))
        player.print?.(asides.filter(isPrinted))
        continue
      }
      const value = kind === ITEM.endWithValue ? codec.decode(bytes) : undefined
      reader.close()
      return { done: true, value }
    }
  }
  return {
    shape,
    next,
    isOver: () => reader.isOver,
    close: () => reader.close(),
    live: (why) => {
      if (player.live === undefined) throw why
      return player.live(why)
    },
  }
}

/** Whether files lie among the values of a recording. Throws a `CodecError` for what is none. */
export function hasFiles(tape: Uint8Array): boolean {
  const reader = new TapeReader({
    size: tape.byteLength,
    read: (into, start) => {
      const some = tape.subarray(start, start + into.byteLength)
      into.set(some)
      return some.byteLength
    },
    close: () => undefined,
  })
  for (;;) {
    const { bytes, kind } = reader.next()
    if (kind === ITEM.end || kind === ITEM.endWithValue) return false
    if (kind === ITEM.aside && decodeAsides(bytes).some(isOutput)) return true
  }
}

/** Streams that nobody plays to their end keep no file open. */
const abandoned = new FinalizationRegistry<Reel>((reel) => reel.close())
const reels = new WeakMap<object, Reel>()

/** Closes what a stream is played from, if it is played: it was made only to see whether it could be. */
export function release(stream: unknown): void {
  if (typeof stream === 'object' && stream !== null) reels.get(stream)?.close()
}

/** Takes a stream to its end, since nobody else does; anything else is left alone. */
export async function exhaust(value: unknown): Promise<void> {
  if (streamOf(value) === undefined) return
  for await (const _ of value as AsyncIterable<unknown>);
}
