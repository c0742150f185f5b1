/**
 * Whoever takes a stream, in whatever way, is told the same by the function's own, by one that is being recorded, and by one
 * that is played.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Readable, Transform, Writable } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import { describe, test } from 'node:test'
import { setImmediate as soon } from 'node:timers/promises'
import { temporaryGroup } from './support/temporary.js'

type Make = (count: number) => any
/** What is to be seen of a stream by taking it this way. */
type Consumer = (stream: any) => Promise<unknown>

const generator: Make = function* (count: number) {
  for (let n = 0; n < count; n++) yield n
  return 'returned'
}
const delegating: Make = function* (count: number) {
  const said: unknown = yield* generator(count)
  yield said
}
const asyncGenerator: Make = async function* (count: number) {
  for (let n = 0; n < count; n++) {
    await soon()
    yield n
  }
  return 'returned'
}
const web: Make = (count) => {
  let n = 0
  return new ReadableStream({
    pull: async (controller) => {
      await soon()
      if (n < count) controller.enqueue(n++)
      if (n === count) controller.close()
    },
  })
}
const webAtOnce: Make = (count) =>
  new ReadableStream({
    start: (controller) => {
      for (let n = 0; n < count; n++) controller.enqueue(n)
      controller.close()
    },
  })
const webBytes: Make = (count) =>
  new Blob([new Uint8Array(count).map((_, n) => n)]).stream().pipeThrough(new TransformStream())
const ofBytes: Make = (count) => new Blob([new Uint8Array(count).map((_, n) => n)]).stream()
const objects: Make = (count) => {
  let n = 0
  return new Readable({
    objectMode: true,
    highWaterMark: 2,
    read() {
      this.push(n < count ? { n: n++ } : null)
    },
  })
}
const texts: Make = (count) => {
  let n = 0
  return new Readable({
    encoding: 'utf8',
    read() {
      setImmediate(() => this.push(n < count ? `${n++},` : null))
    },
  })
}
const from: Make = (count) => Readable.from(asyncGenerator(count))

/** Whatever it comes to, in words. */
const outcome = async (work: () => unknown): Promise<unknown> => {
  try {
    return await work()
  } catch (error) {
    return String(error)
  }
}

const steps: Readonly<Record<string, Consumer>> = {
  'all values': async (g) => [await g.next(), await g.next(), await g.next(), await g.next(), await g.next()],
  'several at once': async (g) => Promise.all([g.next(), g.next(), g.return('stop'), g.next()]),
  'stop before the first': async (g) => [await g.return(7), await g.next()],
  'stop, and again': async (g) => [await g.next(), await g.return(7), await g.return(8), await g.next()],
  'an error, twice': async (g) => [
    await g.next(),
    await outcome(() => g.throw(new Error('told'))),
    await outcome(() => g.throw(new Error('again'))),
    await g.next(),
  ],
  'a break, and then the rest': async (g) => {
    const seen: unknown[] = []
    for await (const value of g) {
      seen.push(value)
      if (seen.length === 1) break
    }
    for await (const value of g) seen.push(value)
    return seen
  },
  'a break inside of another': async (g) => {
    const seen: unknown[] = []
    for await (const value of g) {
      for await (const inner of g) seen.push(value, inner)
    }
    return seen
  },
}

const webs: Readonly<Record<string, Consumer>> = {
  'one by one, and its close': async (stream) => {
    const reader = stream.getReader()
    const seen: unknown[] = []
    let isClosed = false
    reader.closed.then(() => {
      isClosed = true
    })
    while (!isClosed) {
      seen.push(await reader.read())
      await soon()
      await soon()
      await soon()
    }
    return [seen, await reader.closed, await reader.read()]
  },
  'reads at once': async (stream) => {
    const reader = stream.getReader()
    return Promise.all([reader.read(), reader.read(), reader.read(), reader.read(), reader.read()])
  },
  'cancelled while somebody reads': async (stream) => {
    const reader = stream.getReader()
    await reader.read()
    // whether that is there already is a matter of time
    const last = reader.read()
    await reader.cancel('enough')
    await last
    return [await reader.closed, await reader.read()]
  },
  'cancelled at first': async (stream) => [
    await stream.cancel('enough'),
    stream.locked,
    await outcome(() => stream.getReader().read()),
  ],
  'a break, and then the rest': async (stream) => {
    const seen: unknown[] = []
    for await (const value of stream.values({ preventCancel: true })) {
      seen.push(value)
      break
    }
    for await (const value of stream) seen.push(value)
    return seen
  },
  'a break': async (stream) => {
    for await (const _ of stream) break
    return outcome(() => stream.getReader().closed)
  },
  'one reader after the other': async (stream) => {
    const first = stream.getReader()
    const value = await first.read()
    first.releaseLock()
    return [value, await outcome(() => first.closed), await stream.getReader().read()]
  },
  branches: async (stream) => {
    const [one, other] = stream.tee()
    const all = async (branch: ReadableStream) => {
      const seen: unknown[] = []
      for await (const value of branch as any) seen.push(value)
      return seen
    }
    return Promise.all([all(one), all(other)])
  },
  'a slow pipe': async (stream) => {
    const seen: unknown[] = []
    await stream.pipeTo(
      new WritableStream({
        write: async (value) => {
          await soon()
          seen.push(value)
        },
        close: () => void seen.push('closed'),
      }),
    )
    return seen
  },
  'a pipe that breaks': async (stream) =>
    outcome(() =>
      stream.pipeTo(
        new WritableStream({
          write: () => {
            throw new Error('full')
          },
        }),
      ),
    ),
  'a pipe that is aborted': async (stream) =>
    outcome(() => stream.pipeTo(new WritableStream(), { signal: AbortSignal.abort(new Error('aborted')) })),
}

const stateOf = (stream: Readable) => [
  stream.destroyed,
  stream.readableEnded,
  stream.readableAborted,
  stream.errored?.message,
]
const readables: Readonly<Record<string, Consumer>> = {
  events: async (stream: Readable) => {
    const seen: unknown[] = []
    for (const name of ['data', 'end', 'close', 'error']) stream.on(name, (what) => seen.push(name, what))
    await once(stream, 'close')
    return [seen, stateOf(stream)]
  },
  'read by hand': async (stream: Readable) => {
    const seen: unknown[] = []
    stream.on('readable', () => {
      for (let value = stream.read(); value !== null; value = stream.read()) seen.push(value)
    })
    await finished(stream)
    return [seen.join().length, typeof seen[0], stateOf(stream)]
  },
  'a slow pipeline': async (stream: Readable) => {
    const seen: unknown[] = []
    await pipeline(
      stream,
      new Transform({
        objectMode: true,
        highWaterMark: 1,
        transform: (value, _, done) => setImmediate(done, null, value),
      }),
      new Writable({
        objectMode: true,
        highWaterMark: 1,
        write: (value, _, done) => {
          seen.push(value)
          setImmediate(done)
        },
      }),
    )
    return [seen.map(String).join(''), stateOf(stream)]
  },
  'a break': async (stream: Readable) => {
    for await (const _ of stream) break
    return stateOf(stream)
  },
  'a break, and then the rest': async (stream: Readable) => {
    const seen: unknown[] = []
    for await (const value of stream.iterator({ destroyOnReturn: false })) {
      seen.push(value)
      break
    }
    for await (const value of stream) seen.push(value)
    return [seen, stateOf(stream)]
  },
  'destroyed half-way': async (stream: Readable) => {
    await once(stream, 'readable')
    stream.read()
    stream.destroy(new Error('enough'))
    return [await outcome(() => finished(stream)), stateOf(stream)]
  },
  'destroyed at first': async (stream: Readable) => {
    stream.destroy()
    return [await outcome(() => once(stream, 'close')), stateOf(stream)]
  },
  'paused and resumed': async (stream: Readable) => {
    const seen: unknown[] = []
    stream.on('data', (value) => {
      seen.push(value)
      stream.pause()
      setImmediate(() => stream.resume())
    })
    await finished(stream)
    return [seen, stateOf(stream)]
  },
  'read past and put back': async (stream: Readable) => {
    await once(stream, 'readable')
    stream.unshift(stream.read())
    return [(await stream.toArray()).map(String).join(''), stateOf(stream)]
  },
  'helpers of its own': async (stream: Readable) => stream.map(String).take(2).toArray(),
  'as a web stream': async (stream: Readable) => {
    const seen: unknown[] = []
    // Node fails to measure text
    if (stream.readableEncoding !== null) return stream.toArray()
    for await (const value of Readable.toWeb(stream) as any) seen.push(value)
    return [seen.map(String).join(''), stateOf(stream)]
  },
}

const all: readonly (readonly [Readonly<Record<string, Make>>, Readonly<Record<string, Consumer>>])[] = [
  [{ generator, delegating, 'async generator': asyncGenerator }, steps],
  [
    {
      web,
      'web at once': webAtOnce,
      'bytes through a TransformStream': webBytes,
      'a stream of bytes': ofBytes,
    },
    webs,
  ],
  [{ objects, texts, 'Readable.from': from }, readables],
]

for (const [makes, consumers] of all) {
  for (const [kind, make] of Object.entries(makes)) {
    describe(kind, () => {
      for (const [way, consume] of Object.entries(consumers)) {
        test(way, { timeout: 20_000 }, async (t) => {
          const { failures, group } = temporaryGroup(t)
          const f = group.memoize(make, { version: 1, name: 'f' })
          for (const count of [0, 1, 3]) {
            const expected = await outcome(() => consume(make(count)))
            assert.deepEqual(await outcome(() => consume(f(count))), expected, `recorded, of ${count}`)
            f.forget(count)
            for await (const _ of f(count));
            assert.equal(f.wouldHit(count), true)
            const { hits } = f.stats()
            assert.deepEqual(await outcome(() => consume(f(count))), expected, `played, of ${count}`)
            assert.equal(f.stats().hits, hits + 1)
          }
          assert.deepEqual(failures, [])
        })
      }
    })
  }
}
