/**
 * A stream that is listened to: another of its kind, which gives its values as they come and tells a tap of each. What
 * the caller does to the one (stop, cancel, destroy, send) is done to the other. Values flow as fast as the caller takes
 * them; a `Readable` reads ahead as far as its buffer goes, all others not at all.
 */
import type { Readable } from 'node:stream'
import type { UnderlyingByteSource, UnderlyingSource } from 'node:stream/web'
import timers from 'node:timers'
import { type IteratorName, iteratorOf, type Source, sourceOf } from './iterators.ts'
import { nodeStreams, type Shape, type Streaming } from './kinds.ts'

// as it was when this was loaded: programs put others in its place
const { setImmediate } = timers

/** Who listens. */
export interface Tap {
  /** Does a piece of the stream's work. */
  pull<T>(work: () => T): T
  /** The same where it ends later. */
  pullLater<T>(work: () => Promise<T>): Promise<T>
  /** A value on its way to the caller. Throws what the caller is to have instead. */
  value(value: unknown): void
  /** The stream has ended by itself. Throws what the caller is to have instead. */
  end(value?: unknown): void
  /** It ended otherwise, or was told what a recording cannot be told. Whatever comes, comes without the tap. */
  spoil(): void
}

export function tapped({ shape, stream }: Streaming, tap: Tap): object {
  if (shape.kind === 'generator') return ofGenerator(stream as Generator, tap)
  if (shape.kind === 'async generator') return ofAsyncGenerator(stream as AsyncGenerator, tap)
  if (shape.kind === 'iterator') return ofIterator(stream, shape.name, tap)
  if (shape.kind === 'web stream') return ofWebStream(stream as ReadableStream, shape.bytes, tap)
  return ofReadable(stream as Readable, shape, tap)
}

/** Tells the tap of a step. */
function tell(tap: Tap, { done, value }: IteratorResult<unknown>): void {
  if (done === true) tap.end(value)
  else tap.value(value)
}

/** Pulls a step and tells of it. */
function pulled(tap: Tap, inner: Source): IteratorResult<unknown> {
  let step: IteratorResult<unknown>
  try {
    step = tap.pull(inner.next)
  } catch (error) {
    tap.spoil()
    throw error
  }
  try {
    tell(tap, step)
  } catch (error) {
    inner.return()
    throw error
  }
  return step
}

function ofIterator(iterator: object, name: IteratorName, tap: Tap): object {
  const inner = sourceOf(name, iterator)
  return iteratorOf(name, {
    next: () => pulled(tap, inner),
    return: () => {
      tap.spoil()
      return tap.pull(inner.return)
    },
  })
}

function ofGenerator(inner: Generator, tap: Tap): Generator {
  const spy: Required<Iterator<unknown, unknown, unknown>> & { [Symbol.iterator](): typeof spy } = {
    [Symbol.iterator]: () => spy,
    next: (sent) => {
      if (sent !== undefined) tap.spoil()
      return pulled(tap, { next: () => inner.next(sent), return: () => inner.return(undefined) })
    },
    return: (value) => {
      tap.spoil()
      return tap.pull(() => inner.return(value))
    },
    throw: (error) => {
      tap.spoil()
      return tap.pull(() => inner.throw(error))
    },
  }
  return (function* () {
    return yield* spy
  })()
}

function ofAsyncGenerator(inner: AsyncGenerator, tap: Tap): AsyncGenerator {
  const failed = (error: unknown): never => {
    tap.spoil()
    throw error
  }
  const seen = (step: IteratorResult<unknown>): IteratorResult<unknown> | Promise<never> => {
    try {
      tell(tap, step)
    } catch (error) {
      return inner.return(undefined).then(() => Promise.reject(error))
    }
    return step
  }
  const spy: Required<AsyncIterator<unknown, unknown, unknown>> & { [Symbol.asyncIterator](): typeof spy } = {
    [Symbol.asyncIterator]: () => spy,
    next: (sent) => {
      if (sent !== undefined) tap.spoil()
      return tap.pullLater(() => inner.next(sent)).then(seen, failed)
    },
    return: async (value) => {
      tap.spoil()
      return tap.pullLater(() => inner.return(value))
    },
    throw: (error) => {
      tap.spoil()
      return tap.pullLater(() => inner.throw(error))
    },
  }
  return (async function* () {
    return yield* spy
  })()
}

function ofWebStream(inner: ReadableStream, bytes: boolean, tap: Tap): ReadableStream {
  const reader = inner.getReader()
  const failed = (error: unknown): never => {
    tap.spoil()
    throw error
  }
  let isOver = false
  const over = (): void => {
    isOver = true
  }
  return webStream(bytes, {
    pull: () =>
      tap
        .pullLater(() => reader.read())
        .then((step) => {
          try {
            tell(tap, step)
          } catch (error) {
            return reader.cancel(error).then(() => Promise.reject(error))
          }
          return step
        }, failed),
    cancel: (reason) => {
      tap.spoil()
      return tap.pullLater(() => reader.cancel(reason))
    },
    isOver: () => isOver,
    over: reader.closed.then(over, failed),
  })
}

type Controller = ReadableByteStreamController | ReadableStreamDefaultController

/** Where a web stream's values come from. */
interface Spring {
  pull(): IteratorResult<unknown> | Promise<IteratorResult<unknown>>
  cancel(reason: unknown): unknown
  /** Whether nothing comes any more but the end, so far as is known. */
  isOver(): boolean
  /** When that becomes so while nobody pulls; rejected with what the stream fails by. */
  readonly over?: Promise<void>
}

/** A web stream that asks for a value when somebody wants one, and not before. It has ended with its last one. */
export function webStream(bytes: boolean, { cancel, isOver, over, pull }: Spring): ReadableStream {
  let isPulling = false
  const give = (
    controller: Controller,
    { done, value }: IteratorResult<unknown>,
  ): undefined | Promise<void> => {
    isPulling = false
    if (done !== true) {
      controller.enqueue(value as Uint8Array<ArrayBuffer>)
      return isOver() ? next(controller) : undefined
    }
    controller.close()
    // somebody may be waiting with memory of his own
    if ('byobRequest' in controller) controller.byobRequest?.respond(0)
  }
  const next = (controller: Controller): undefined | Promise<void> => {
    isPulling = true
    const step = pull()
    return 'then' in step ? step.then((one) => give(controller, one)) : give(controller, step)
  }
  const start = (controller: Controller): undefined => {
    if (isOver()) void next(controller)
    over
      ?.then(() => (isPulling ? undefined : next(controller)))
      // it has failed, or was cancelled, which nobody needs to be told twice
      .catch((error) => controller.error(error))
  }
  const source = { start, pull: next, cancel: (reason: unknown) => cancel(reason) as undefined }
  return bytes
    ? new ReadableStream({ type: 'bytes', ...source } as UnderlyingByteSource)
    : new ReadableStream(source as UnderlyingSource, { highWaterMark: 0 })
}

function ofReadable(inner: Readable, shape: Extract<Shape, { kind: 'readable' }>, tap: Tap): Readable {
  const values = inner[Symbol.asyncIterator]()
  const outer = readable(shape, {
    pull: () =>
      tap
        .pullLater(() => values.next())
        .then((step: IteratorResult<unknown>) => {
          tell(tap, step)
          return step
        }),
    cancel: (error) => {
      tap.spoil()
      inner.destroy(error ?? undefined)
    },
  })
  // what happens to it while nobody reads
  inner.on('error', (error) => outer.destroy(error))
  inner.once('close', () => {
    if (inner.readableAborted) outer.destroy(inner.errored ?? undefined)
  })
  return outer
}

/** Where a `Readable`'s values come from. */
interface Well {
  pull(): IteratorResult<unknown> | Promise<IteratorResult<unknown>>
  /** Whenever it is destroyed, also after its end. */
  cancel(error: Error | null): void
}

/** A `Readable` that fills its buffer and waits. */
export function readable(
  { encoding, highWaterMark, objectMode }: Extract<Shape, { kind: 'readable' }>,
  { cancel, pull }: Well,
): Readable {
  const made: Readable = new (nodeStreams().Readable)({
    objectMode,
    highWaterMark,
    ...(encoding !== null && { encoding }),
    read: () => {
      try {
        let goes = true
        while (goes) {
          const step = pull()
          if (objectMode && !('then' in step)) {
            goes = give(step)
            continue
          }
          // of bytes, what is there at once is taken as one: so one piece after the other, with time to take it
          const later = 'then' in step ? step : new Promise<typeof step>((done) => setImmediate(done, step))
          later.then(give).catch((error) => made.destroy(error))
          return
        }
      } catch (error) {
        made.destroy(error as Error)
      }
    },
    destroy: (error, done) => {
      cancel(error)
      done(error)
    },
  })
  const give = ({ done, value }: IteratorResult<unknown>): boolean =>
    done === true ? made.push(null) : made.push(value, encoding ?? undefined)
  return made
}
