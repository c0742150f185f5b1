/**
 * From a stream that a function returned to an entry of the store: its values go to the caller as they come and are written
 * down on the way; when it has ended by itself, what is written becomes the entry.
 *
 * The laws: the caller gets the values that the function made, whatever becomes of the recording; and only what was
 * taken to its end, untouched, is kept.
 */
import { isAborted, signalsIn } from './abort.ts'
import { CodecError, unencodable } from './errors.ts'
import { depend, type Frame, within } from './frame.ts'
import { guarded, uncached } from './guard.ts'
import { expiryOfStream, type Finished, keepTape } from './keep.ts'
import { type Keyed, plainKey } from './key.ts'
import type { Memo, Room } from './memo.ts'
import { observedFurther, recordedBy } from './observe.ts'
import type { Recording as Listening } from './output.ts'
import { metDuring, type Output, takeOutputs } from './outputs.ts'
import { trailer } from './recorded.ts'
import type { Running } from './running.ts'
import type { Draft, NewEntry, Store } from './store/contract.ts'
import { recordedForm, type Streaming, type Tap, Tape, tapped } from './stream/stream.ts'
import type { Entry } from './types.ts'

/** A call that has given a stream. */
export interface Streamed {
  readonly keyed: Keyed
  readonly self: unknown
  readonly args: readonly unknown[]
  readonly frame: Frame
  /** Milliseconds until it gave it. */
  readonly elapsed: number
  /** Whether it gave a promise of it. */
  readonly async: boolean
  /** What it prints, if somebody listens; from now on the recording's to stop. */
  readonly output: Listening | undefined
  readonly running: Running
  /** Sends what was kept to others. */
  readonly send?: Finished['send']
}

/** A stream like the one that the function gave, for the caller. */
export function record(memo: Memo, room: Room, streamed: Streamed, streaming: Streaming): object {
  const { elapsed, frame, keyed, output } = streamed
  guarded(memo, room, () => room.count(memo.name, { misses: 1, timeSpent: elapsed }))
  const expiresAt = Math.min(frame.expiresAt, expiryOfStream(memo, room))
  depend([...keyed.inputPaths, ...frame.files], expiresAt, frame.doubt)
  const store = room.store()
  if (store === undefined || store.readonly) {
    // what it does from now on it does for whoever takes it
    frame.isOver = true
    output?.stop()
    return streaming.stream
  }
  const recording = new StreamRecording(memo, room, store, streamed, streaming)
  const stream = guarded(memo, room, () => tapped(streaming, recording))
  if (stream === undefined) {
    frame.isOver = true
    recording.spoil()
    return streaming.stream
  }
  abandoned.register(stream, recording, recording)
  return stream
}

/** Streams that nobody takes to their end leave nothing behind. They must not be reached from their recordings. */
const abandoned = new FinalizationRegistry<StreamRecording>((recording) => recording.spoil())

/** Throws a `CodecError` where one cannot be read. */
function outputsAt(paths: readonly string[]): readonly Output[] {
  try {
    return takeOutputs(paths)
  } catch (error) {
    throw unencodable(error)
  }
}

class StreamRecording implements Tap {
  readonly #memo: Memo
  readonly #room: Room
  readonly #store: Store
  readonly #streamed: Streamed
  readonly #form: string
  readonly #tape: Tape
  /** Where the tape goes once it is too long to be held. */
  #draft: Draft | undefined
  #isOver = false
  readonly #stopObserving: () => void
  /** Milliseconds that the function has worked. */
  #elapsed: number
  /** What the call around this one knows of what it depends on. */
  #told: { readonly files: number; readonly expiresAt: number; readonly doubt: string | undefined }

  constructor(memo: Memo, room: Room, store: Store, streamed: Streamed, { shape }: Streaming) {
    const { elapsed, frame, output, running } = streamed
    this.#memo = memo
    this.#room = room
    this.#store = store
    this.#streamed = streamed
    this.#form = recordedForm(memo.codec, shape.kind)
    this.#tape = new Tape(shape, output !== undefined, memo.codec, (bytes) => this.#write(bytes))
    this.#elapsed = elapsed
    this.#told = { files: frame.files.size, expiresAt: frame.expiresAt, doubt: frame.doubt }
    this.#stopObserving = observedFurther(frame)
    room.running.add(running)
  }

  // the work of the function -------------------------------------------------------------------------------------

  pull<T>(work: () => T): T {
    const began = performance.now()
    try {
      return this.#inside(work)
    } finally {
      this.#worked(began)
    }
  }

  pullLater<T>(work: () => Promise<T>): Promise<T> {
    const began = performance.now()
    const worked = (): void => this.#worked(began)
    const promise = this.#inside(work)
    // whoever fails does so by the promise that is given
    promise.then(worked, worked)
    return promise
  }

  #inside<T>(work: () => T): T {
    const { frame, output } = this.#streamed
    return within(frame, () => (output === undefined ? work() : output.run(work)))
  }

  #worked(began: number): void {
    this.#elapsed += performance.now() - began
    const { doubt, expiresAt, files } = this.#streamed.frame
    const told = this.#told
    if (files.size === told.files && expiresAt === told.expiresAt && doubt === told.doubt) return
    this.#told = { files: files.size, expiresAt, doubt }
    depend(files, expiresAt, doubt)
  }

  // what comes of it ---------------------------------------------------------------------------------------------

  value(value: unknown): void {
    if (this.#isOver) return
    this.#noting(() => this.#tape.add(this.#encoded(value)))
  }

  end(value?: unknown): void {
    if (this.#isOver) return
    const rest = this.#noting(() => {
      if (value !== undefined) return this.#tape.end(this.#encoded(value))
      this.#aside([])
      return this.#tape.end()
    })
    if (rest === undefined || this.#isOver) return this.spoil()
    const { args, async, frame, keyed, running, self, send } = this.#streamed
    const put = (entry: NewEntry): Entry | undefined => {
      const last = this.#memo.recordsInputs ? Buffer.concat([rest, trailer(recordedBy(frame))]) : rest
      if (this.#draft === undefined) return this.#store.put(entry, last)
      return this.#draft.append(last) ? this.#draft.keep(entry) : undefined
    }
    const isOutdated = running.isOutdated || isAborted(signalsIn(args)) || this.#room.store() !== this.#store
    try {
      keepTape(
        this.#memo,
        this.#room,
        { keyed, self, args, frame, elapsed: this.#elapsed, async, isOutdated, lease: undefined, send },
        { form: this.#form, put },
      )
    } finally {
      this.spoil()
    }
  }

  /** What was kept stays. */
  spoil(): void {
    if (this.#isOver) return
    this.#isOver = true
    abandoned.unregister(this)
    const { elapsed, output, running } = this.#streamed
    this.#room.running.delete(running)
    output?.stop()
    this.#stopObserving()
    guarded(this.#memo, this.#room, () => {
      this.#draft?.discard()
      this.#room.count(this.#memo.name, { timeSpent: this.#elapsed - elapsed })
    })
  }

  /** Writes something down. What cannot be encoded ends the recording, not the stream, unless the user wants it to. */
  #noting<T>(write: () => T): T | undefined {
    let cannot: CodecError | undefined
    const result = guarded(this.#memo, this.#room, () => {
      try {
        return { written: write() }
      } catch (error) {
        if (!(error instanceof CodecError)) throw error
        cannot = error
        return undefined
      }
    })
    if (result !== undefined) return result.written
    this.spoil()
    if (cannot === undefined) return undefined
    uncached(this.#memo, this.#room, cannot)
    if (this.#memo.onUncacheable === 'throw') throw cannot
    return undefined
  }

  /** A value's bytes, after what goes before it. */
  #encoded(value: unknown): Uint8Array {
    const { encoded, paths } = metDuring(() => this.#tape.encoded(value))
    const { inputPaths } = this.#streamed.keyed
    this.#aside(outputsAt([...paths].filter((path) => !inputPaths.includes(path))))
    return encoded
  }

  #aside(outputs: readonly Output[]): void {
    const asides = [...(this.#streamed.output?.take() ?? []), ...outputs]
    if (asides.length > 0) this.#tape.aside(asides)
  }

  /** Takes what the tape cannot hold. */
  #write(bytes: Uint8Array): void {
    if (this.#isOver) return
    const { async, keyed } = this.#streamed
    if (this.#room.store() !== this.#store) return this.spoil()
    this.#draft ??= this.#store.begin({
      key: plainKey(keyed.key),
      codec: this.#form,
      async,
      tags: this.#memo.tags,
    })
    if (!this.#draft.append(bytes)) this.spoil()
  }
}
