/**
 * A recording as a stream of its kind, read as its caller takes it. Where a recording cannot say what the function would do
 * (its caller sends a value into a generator, or a value cannot be read), the function's own stream takes over: it is
 * run again to the same place, and goes on from there.
 */
import type { Readable } from 'node:stream'
import { type IteratorName, iteratorOf, type Source, sourceOf } from './iterators.ts'
import type { Shape } from './kinds.ts'
import { readable, webStream } from './taps.ts'

/** What is played. */
export interface Deck {
  readonly shape: Shape
  /** The next value, or the end, which closes it. Throws a `CodecError`. */
  next(): IteratorResult<unknown>
  /** Whether the next is known to be the end. Throws a `CodecError`. */
  isOver(): boolean
  close(): void
  /** The function's own stream, from its beginning, or a promise of it. Throws `error` where it cannot be had. */
  live(error: unknown): unknown
}

export function played(deck: Deck): object {
  const { shape } = deck
  if (shape.kind === 'generator') return asGenerator(deck)
  if (shape.kind === 'async generator') return asAsyncGenerator(deck)
  if (shape.kind === 'iterator') return asIterator(deck, shape.name)
  const values = awaited(deck)
  if (shape.kind === 'web stream') {
    return webStream(shape.bytes, {
      pull: shape.bytes ? () => ownedBy(values.pull()) : values.pull,
      cancel: (reason) => values.cancel(reason),
      isOver: values.isOver,
    })
  }
  return readable(shape, { pull: values.pull, cancel: (error) => void values.cancel(error) })
}

const cannotSend = (): TypeError => new TypeError('a kept generator takes no values where it may not be run')

/** The steps of a deck, one for each call; where it fails, what `goOn` gives in place of the one after those `given`. */
function stepsOf<T>(
  deck: Deck,
  goOn: (error: unknown, given: number) => T,
): () => IteratorResult<unknown> | T {
  let given = 0
  return () => {
    let step: IteratorResult<unknown>
    try {
      step = deck.next()
    } catch (error) {
      deck.close()
      return goOn(error, given)
    }
    given += 1
    return step
  }
}

function* asGenerator(deck: Deck): Generator {
  let given = 0
  const resumed = (error: unknown): Generator => {
    const live = deck.live(error) as Generator
    for (let skipped = 0; skipped < given && !live.next().done; ) skipped += 1
    return live
  }
  const goOn = function* (live: Generator, first: IteratorResult<unknown>): Generator {
    let held: IteratorResult<unknown> | undefined = first
    const rest = {
      [Symbol.iterator]: () => rest,
      next: (sent: unknown) => {
        const step = held ?? live.next(sent)
        held = undefined
        return step
      },
      return: (value: unknown) => live.return(value),
      throw: (error: unknown) => live.throw(error),
    }
    return yield* rest
  }
  try {
    for (;;) {
      let step: IteratorResult<unknown>
      try {
        step = deck.next()
      } catch (error) {
        const live = resumed(error)
        return yield* goOn(live, live.next())
      }
      if (step.done === true) return step.value
      given += 1
      let sent: unknown
      try {
        sent = yield step.value
      } catch (error) {
        const live = resumed(error)
        return yield* goOn(live, live.throw(error))
      }
      if (sent === undefined) continue
      const live = resumed(cannotSend())
      return yield* goOn(live, live.next(sent))
    }
  } finally {
    deck.close()
  }
}

function asIterator(deck: Deck, name: IteratorName): object {
  let live: Source | undefined
  const next = stepsOf(deck, (error, given): IteratorResult<unknown> => {
    live = sourceOf(name, deck.live(error) as object)
    for (let skipped = 0; skipped < given && live.next().done !== true; ) skipped += 1
    return live.next()
  })
  return iteratorOf(name, {
    next: () => (live === undefined ? next() : live.next()),
    return: () => {
      deck.close()
      return live === undefined ? {} : live.return()
    },
  })
}

async function* asAsyncGenerator(deck: Deck): AsyncGenerator {
  let given = 0
  const resumed = async (error: unknown): Promise<AsyncGenerator> => {
    const live = (await deck.live(error)) as AsyncGenerator
    for (let skipped = 0; skipped < given && !(await live.next()).done; ) skipped += 1
    return live
  }
  const goOn = async function* (live: AsyncGenerator, first: IteratorResult<unknown>): AsyncGenerator {
    let held: IteratorResult<unknown> | undefined = first
    const rest = {
      [Symbol.asyncIterator]: () => rest,
      next: async (sent: unknown) => {
        const step = held ?? (await live.next(sent))
        held = undefined
        return step
      },
      return: async (value: unknown) => live.return(await value),
      throw: (error: unknown) => live.throw(error),
    }
    return yield* rest
  }
  try {
    for (;;) {
      let step: IteratorResult<unknown>
      try {
        step = deck.next()
      } catch (error) {
        const live = await resumed(error)
        return yield* goOn(live, await live.next())
      }
      if (step.done === true) return step.value
      given += 1
      let sent: unknown
      try {
        sent = yield step.value
      } catch (error) {
        const live = await resumed(error)
        return yield* goOn(live, await live.throw(error))
      }
      if (sent === undefined) continue
      const live = await resumed(cannotSend())
      return yield* goOn(live, await live.next(sent))
    }
  } finally {
    deck.close()
  }
}

interface Values {
  isOver(): boolean
  readonly pull: () => IteratorResult<unknown> | Promise<IteratorResult<unknown>>
  cancel(reason: unknown): unknown
}

/** The values of a deck, and of the live stream where the deck fails. */
function awaited(deck: Deck): Values {
  let live: AsyncIterator<unknown> | undefined
  const next = stepsOf(deck, async (error, given): Promise<IteratorResult<unknown>> => {
    const stream = (await deck.live(error)) as ReadableStream | Readable
    live = (stream as AsyncIterable<unknown>)[Symbol.asyncIterator]()
    for (let skipped = 0; skipped < given; skipped++) await live.next()
    return live.next()
  })
  return {
    pull: () => (live === undefined ? next() : live.next()),
    isOver: () => {
      try {
        return live === undefined && deck.isOver()
      } catch {
        return false
      }
    },
    cancel: (reason) => {
      deck.close()
      return live?.return?.(reason)
    },
  }
}

/** A stream of bytes takes the memory that it is given, all of it. */
function ownedBy(
  step: ReturnType<Values['pull']>,
): IteratorResult<unknown> | Promise<IteratorResult<unknown>> {
  if ('then' in step) return step
  const { done, value } = step
  return done === true ? step : { done: false, value: new Uint8Array(value as Uint8Array) }
}
