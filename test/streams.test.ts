/** Functions that return streams: recorded while the caller takes them, played again on a hit. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as pause, setImmediate as soon } from 'node:timers/promises'
import { inspect } from 'node:util'
import { file, type InputFile, type MemoizeOptions, registerClass } from 'permafrost'
import { project } from './support/project.js'
import { temporaryGroup } from './support/temporary.js'

/** What a maker tells of itself. */
interface Told {
  made: number
  /** Values that were asked of it. */
  pulled: number
  /** Whether it was told to stop. */
  stopped: number
}
const newTold = (): Told => ({ made: 0, pulled: 0, stopped: 0 })

type Make = (values: readonly unknown[], told: Told) => any

const generator: Make = (values, told) => {
  told.made += 1
  return (function* () {
    try {
      for (const value of values) {
        told.pulled += 1
        if (value instanceof RangeError) throw value
        yield value
      }
      return 'the end'
    } finally {
      told.stopped += 1
    }
  })()
}
const asyncGenerator: Make = (values, told) => {
  told.made += 1
  return (async function* () {
    try {
      for (const value of values) {
        told.pulled += 1
        await soon()
        if (value instanceof RangeError) throw value
        yield value
      }
      return 'the end'
    } finally {
      told.stopped += 1
    }
  })()
}
const source = (values: readonly unknown[], told: Told): any => {
  told.made += 1
  let at = 0
  return {
    pull: (controller: any) => {
      told.pulled += 1
      const value = values[at++]
      if (value instanceof RangeError) controller.error(value)
      else if (at > values.length) {
        controller.close()
        controller.byobRequest?.respond(0)
      } else controller.enqueue(controller.byobRequest === undefined ? value : Uint8Array.from(value as any))
    },
    cancel: () => void told.stopped++,
  }
}
const web: Make = (values, told) => new ReadableStream(source(values, told), { highWaterMark: 0 })
const webBytes: Make = (values, told) => new ReadableStream({ type: 'bytes', ...source(values, told) })
const readable =
  (objectMode: boolean): Make =>
  (values, told) => {
    told.made += 1
    let at = 0
    return new Readable({
      objectMode,
      highWaterMark: objectMode ? 2 : 2000,
      read() {
        told.pulled += 1
        const value = values[at++]
        if (value instanceof RangeError) this.destroy(value)
        else this.push(at > values.length ? null : value)
      },
      destroy(error, done) {
        told.stopped += 1
        done(error)
      },
    })
  }

const objects = [1, { two: new Map([['a', 2n]]) }, 'three', undefined, [Number.NaN]]
const buffers = [1, 2, 3, 4].map((n) => new Uint8Array(1000).fill(n))
const kinds: Readonly<Record<string, { make: Make; values: readonly unknown[]; ahead: number }>> = {
  generator: { make: generator, values: objects, ahead: 0 },
  'async generator': { make: asyncGenerator, values: objects, ahead: 0 },
  'web stream': { make: web, values: objects, ahead: 0 },
  'web stream of bytes': { make: webBytes, values: buffers, ahead: 0 },
  // each of the two fills its buffer of two
  'Readable of objects': { make: readable(true), values: [1, { two: 2 }, 'three', [4], 5], ahead: 4 },
  'Readable of bytes': { make: readable(false), values: buffers.map((one) => Buffer.from(one)), ahead: 6 },
}

/** All that is to be seen of a stream: its class, what it gives and what it ends with. */
async function contents(stream: any): Promise<readonly unknown[]> {
  const what = [Object.prototype.toString.call(stream), stream.constructor?.name, stream.readableObjectMode]
  const bytes: number[] = []
  const values: unknown[] = []
  for (;;) {
    const { done, value } = await (stream.next ? stream : (stream = stream[Symbol.asyncIterator]())).next()
    if (done) return [...what, values, bytes, value]
    if (value instanceof Uint8Array) bytes.push(...value)
    else values.push(value)
  }
}

function memoized(t: TestContext, make: Make, values: readonly unknown[], options: MemoizeOptions = {}) {
  const temporary = temporaryGroup(t)
  const told = newTold()
  const named = { version: 1, name: 'f', ...options }
  const sync = temporary.group.memoize((_: number) => make(values, told), named)
  const promised = temporary.group.memoize(async (_: number) => make(values, told), {
    ...named,
    name: 'promised',
  })
  return { ...temporary, told, sync, promised }
}

for (const [kind, { ahead, make, values }] of Object.entries(kinds)) {
  describe(kind, () => {
    test('is the same again, as often as one likes, directly and in a promise, here and after reopening', async (t) => {
      const { failures, group, promised, reopen, sync, told } = memoized(t, make, values)
      const expected = await contents(make(values, newTold()))
      for (let round = 0; round < 3; round++) {
        const direct: unknown = sync(1)
        assert.ok(!(direct instanceof Promise))
        assert.deepEqual(await contents(direct), expected)
        assert.deepEqual(await contents(await promised(1)), expected)
      }
      assert.equal(told.made, 2)
      group.close()
      const again = reopen()
      const later = again.memoize((_: number) => make(values, told), { version: 1, name: 'f' })
      assert.ok(later.wouldHit(1))
      assert.deepEqual(await contents(later.peek(1)), expected)
      assert.deepEqual(await contents(later(1)), expected)
      assert.equal(told.made, 2)
      assert.deepEqual(failures, [])
      assert.deepEqual(await again.verify().then(({ problems }) => problems), [])
    })

    test('is not taken faster than its caller takes it', async (t) => {
      const { sync, told } = memoized(t, make, [...values, ...values, ...values])
      const stream = sync(1)
      await pause(2)
      assert.ok(told.pulled <= ahead / 2 + 1, `${told.pulled} before the first`)
      const iterator = stream.next ? stream : stream[Symbol.asyncIterator]()
      await iterator.next()
      await pause(2)
      assert.ok(told.pulled <= 1 + ahead, `${told.pulled} after the first`)
      await iterator.return(undefined)
    })

    test('that is not taken to its end is not kept, and is told to stop', async (t) => {
      const { failures, group, sync, told } = memoized(t, make, values)
      for (let round = 0; round < 2; round++) {
        for await (const _ of sync(1)) break
        await pause(2)
        assert.equal(sync.wouldHit(1), false)
      }
      assert.equal(told.made, 2)
      assert.equal(told.stopped, 2)
      assert.equal([...group.entries()].length, 0)
      assert.deepEqual(failures, [])
    })

    test('that fails half-way is not kept, and fails the same', async (t) => {
      const error = new RangeError('half-way')
      const { failures, promised, sync } = memoized(t, make, [values[0], error, values[1]])
      for (let round = 0; round < 2; round++) {
        await assert.rejects(contents(sync(1)), (thrown) => thrown === error)
        await assert.rejects(contents(await promised(1)), (thrown) => thrown === error)
        assert.equal(sync.wouldHit(1), false)
      }
      assert.deepEqual(failures, [])
    })

    test('several callers at once have one each', async (t) => {
      const { promised, sync, told } = memoized(t, make, values)
      const expected = await contents(make(values, newTold()))
      const streams = [sync(1), sync(1), ...(await Promise.all([promised(1), promised(1), promised(1)]))]
      assert.equal(new Set(streams).size, 5)
      for (const seen of await Promise.all(streams.map(contents))) assert.deepEqual(seen, expected)
      assert.equal(told.made, 5)
      const kept = [sync(1), sync(1), await promised(1)]
      for (const seen of await Promise.all(kept.map(contents))) assert.deepEqual(seen, expected)
      assert.equal(told.made, 5)
    })

    test('is not kept once its signal said so, or it was forgotten meanwhile', async (t) => {
      const { group } = temporaryGroup(t)
      const told = newTold()
      const f = group.memoize((_: { signal?: AbortSignal }) => make(values, told), { version: 1, name: 'f' })
      const controller = new AbortController()
      const stream = f({ signal: controller.signal })
      const iterator = stream.next ? stream : stream[Symbol.asyncIterator]()
      await iterator.next()
      controller.abort()
      while (!(await iterator.next()).done);
      assert.equal(f.wouldHit({}), false)
      const other = f({})
      f.forget({})
      await contents(other)
      assert.equal(f.wouldHit({}), false)
      await contents(f({}))
      assert.equal(f.wouldHit({}), true)
    })
  })
}

describe('what a generator is told', () => {
  const echo = () =>
    (function* (): Generator<unknown, string, any> {
      let said: unknown = 'nothing'
      try {
        for (let n = 0; n < 3; n++) said = (yield [n, said]) ?? 'nothing'
      } catch (error) {
        yield `caught ${(error as Error).message}`
      }
      return `last ${inspect(said)}`
    })()
  const asyncEcho = () =>
    (async function* (): AsyncGenerator<unknown, string, any> {
      let said: unknown = 'nothing'
      try {
        for (let n = 0; n < 3; n++) said = (yield [n, said]) ?? 'nothing'
      } catch (error) {
        yield `caught ${(error as Error).message}`
      }
      return `last ${inspect(said)}`
    })()

  type Talk = (generator: any) => Promise<unknown[]>
  const talks: Readonly<Record<string, Talk>> = {
    nothing: async (g) => [await g.next(), await g.next(), await g.next(), await g.next(), await g.next()],
    'a value': async (g) => [
      await g.next('lost'),
      await g.next(),
      await g.next('b'),
      await g.next('c'),
      await g.next(),
    ],
    'an error': async (g) => [
      await g.next(),
      await g.throw(new Error('told')),
      await g.next(),
      await g.next(),
    ],
    'an error at first': async (g) => [await g.throw(new Error('told')).catch?.(String), await g.next()],
    'to stop': async (g) => [await g.next(), await g.return('stopped'), await g.next()],
  }
  for (const [what, talk] of Object.entries(talks)) {
    test(`${what} is answered the same from a recording`, async (t) => {
      const { failures, group } = temporaryGroup(t)
      for (const make of [echo, asyncEcho]) {
        const f = group.memoize(make)
        const heard = async (g: any) => {
          try {
            return await talk(g)
          } catch (error) {
            return [String(error)]
          }
        }
        const expected = await heard(make())
        assert.deepEqual(await heard(f()), expected)
        assert.equal(f.wouldHit(), what === 'nothing')
        for await (const _ of f());
        assert.equal(f.wouldHit(), true)
        assert.deepEqual(await heard(f()), expected)
        assert.deepEqual(await heard(f()), expected)
      }
      assert.deepEqual(failures, [])
    })
  }

  test('cannot be answered by one that was peeked at', (t) => {
    const { group } = temporaryGroup(t)
    const f = group.memoize(echo)
    for (const _ of f());
    const peeked = f.peek()!
    peeked.next()
    assert.throws(() => peeked.next('a'), TypeError)
  })
})

describe('what is kept of a stream', () => {
  test('nothing of one with a value that cannot be stored, which the caller gets all the same', async (t) => {
    for (const { make } of Object.values(kinds).filter(
      ({ make }) => make !== webBytes && make !== kinds['Readable of bytes']!.make,
    )) {
      const odd = () => 1
      const { failures, sync } = memoized(t, make, [1, odd, 3])
      for (let round = 0; round < 2; round++) assert.deepEqual((await contents(sync(1)))[3], [1, odd, 3])
      assert.deepEqual(
        failures.map(({ code }) => code),
        ['ERR_UNENCODABLE', 'ERR_UNENCODABLE'],
      )
      const strict = memoized(t, make, [1, odd, 3], { onUncacheable: 'throw' })
      await assert.rejects(contents(strict.sync(1)), { code: 'ERR_UNENCODABLE' })
      assert.ok(strict.told.stopped + strict.told.made >= 1)
    }
  })

  test('each value as it was when it came', (t) => {
    const { group } = temporaryGroup(t)
    const f = group.memoize(function* () {
      const one = { n: 0 }
      for (; one.n < 3; one.n++) yield one
    })
    const seen = [...f()]
    assert.equal(seen[0], seen[2])
    assert.deepEqual(
      [...f()].map(({ n }) => n),
      [0, 1, 2],
    )
  })

  test('what its options say: shouldCache, ttl, tags, and the time it took', async (t) => {
    let now = 1_000_000
    const { group } = temporaryGroup(t, { clock: () => now })
    const told: unknown[] = []
    const f = group.memoize(
      function* (n: number) {
        for (const end = performance.now() + 5; performance.now() < end; );
        yield n
      },
      {
        ttl: '1m',
        tags: ['a'],
        shouldCache: (value, { elapsed }) => {
          told.push(value, elapsed >= 5 && elapsed < 100)
          return told.length > 2
        },
        ignore: [],
        version: 1,
        name: 'f',
      },
    )
    for (let round = 0; round < 3; round++) for (const _ of f(1)) await pause(100)
    assert.deepEqual(told, [undefined, true, undefined, true])
    assert.equal([...group.entries({ tag: 'a' })].length, 1)
    now += 60_000
    assert.equal(f.wouldHit(1), false)
    assert.equal(f.stats().misses, 2)
    assert.equal(f.stats().hits, 1)
  })

  test('nothing where what it read has changed meanwhile', (t) => {
    const { failures, group } = temporaryGroup(t)
    const state = { factor: 2 }
    const f = group.memoize(function* (n: number) {
      yield n * state.factor
      yield n * state.factor
    })
    const stream = f(1)
    stream.next()
    state.factor = 3
    assert.deepEqual([...stream], [3])
    assert.deepEqual(
      failures.map(({ code }) => code),
      ['ERR_UNCERTAIN'],
    )
    state.factor = 2
    assert.equal(f.wouldHit(1), false)
  })

  test('what it prints, between its values, if it is to', async (t) => {
    const { group } = temporaryGroup(t)
    for (const make of [
      function* () {
        console.log('one')
        yield 1
        console.log('two')
        yield 2
        console.log('end')
      },
      async function* () {
        console.log('one')
        yield 1
        await soon()
        console.log('two')
        yield 2
        console.log('end')
      },
    ]) {
      const f = group.memoize(make as () => AsyncGenerator<number>, { captureOutput: true })
      const { write } = process.stdout
      const lines: string[] = []
      // the test runner writes, too
      process.stdout.write = ((...args: Parameters<typeof write>) =>
        /^(?:one|two|end)\n$/.test(String(args[0]))
          ? lines.push(String(args[0]))
          : Reflect.apply(write, process.stdout, args)) as any
      try {
        for (let round = 0; round < 2; round++) for await (const value of f()) lines.push(`value ${value}`)
      } finally {
        process.stdout.write = write
      }
      const once = ['one\n', 'value 1', 'two\n', 'value 2', 'end\n']
      assert.deepEqual(lines, [...once, ...once])
      assert.equal(group.memoize(make as () => unknown).wouldHit(), true)
    }
  })

  test('nothing of streams that could not be made again', async (t) => {
    const { failures, group } = temporaryGroup(t)
    const started = Readable.from([1, 2, 3])
    started.read()
    await soon()
    started.read()
    const own = Object.assign(Readable.from([1]), { length: 1 })
    const locked = new ReadableStream()
    locked.getReader()
    const lookalike = Object.create(Readable.prototype)
    const frozen = Object.freeze(
      (function* () {
        yield 1
      })(),
    )
    const given = [
      new PassThrough(),
      lookalike,
      frozen,
      started,
      own,
      locked,
      new Set([1]).values(),
      new (class extends Readable {})(),
    ]
    let at = 0
    const f = group.memoize((n: number) => given[n + 0 * at++], { version: 1, name: 'f' })
    for (const [n, one] of given.entries()) assert.ok(f(n) === one)
    assert.deepEqual(new Set(failures.map(({ code }) => code)), new Set(['ERR_UNENCODABLE']))
    assert.equal(failures.length, given.length)
  })

  test('web streams that Node makes by itself', async (t) => {
    const { failures, group } = temporaryGroup(t)
    const text = () => new Blob(['abc']).stream()
    const makers: Readonly<Record<string, () => ReadableStream>> = {
      'of a TransformStream': () => text().pipeThrough(new TransformStream()),
      'of a Response': () => new Response('abc').body!,
      'of a Response of a stream': () => new Response(text()).body!,
      decompressed: () =>
        text().pipeThrough(new CompressionStream('gzip')).pipeThrough(new DecompressionStream('gzip')),
      'of text': () => text().pipeThrough(new TextDecoderStream()).pipeThrough(new TextEncoderStream()),
      'from an array': () => ReadableStream.from([Buffer.from('a'), Buffer.from('bc')]),
      'a branch': () => ReadableStream.from([Buffer.from('abc')]).tee()[1],
      'a branch of bytes': () => text().tee()[0],
      'of a Readable': () => Readable.toWeb(Readable.from([Buffer.from('abc')])) as ReadableStream,
    }
    for (const [name, make] of Object.entries(makers)) {
      const f = group.memoize(make, { version: 1, name })
      for (let round = 0; round < 2; round++) {
        const stream = f()
        assert.equal(stream.constructor, ReadableStream)
        assert.equal(Object.getPrototypeOf(stream), ReadableStream.prototype)
        assert.equal(await new Response(stream).text(), 'abc', name)
      }
      assert.equal(f.stats().hits, 1, name)
    }
    assert.equal(failures.length, 0)
    class InternalReadableStream extends (ReadableStream as new () => ReadableStream) {}
    const own = group.memoize(() => new InternalReadableStream(), { version: 1, name: 'own' })
    assert.ok(own() instanceof InternalReadableStream)
    assert.match(failures[0]!.message, /InternalReadableStream/)
  })

  test('bytes for readers with memory of their own', async (t) => {
    const { sync } = memoized(t, webBytes, buffers)
    for (let round = 0; round < 2; round++) {
      const reader = (sync(1) as ReadableStream).getReader({ mode: 'byob' })
      const seen: number[] = []
      for (;;) {
        const { done, value } = await reader.read(new Uint8Array(700))
        if (done) break
        seen.push(value.byteLength)
      }
      assert.deepEqual(seen, [700, 300, 700, 300, 700, 300, 700, 300])
    }
    assert.ok(sync.wouldHit(1))
  })

  test('the text of a Readable with an encoding', async (t) => {
    const { group } = temporaryGroup(t)
    const f = group.memoize(() => {
      const stream = new Readable({ read() {} })
      for (const byte of Buffer.from('grüße €')) stream.push(Buffer.of(byte))
      stream.push(null)
      return stream.setEncoding('utf8')
    })
    for (let round = 0; round < 2; round++) assert.equal((await f().toArray()).join(''), 'grüße €')
    assert.ok(f.wouldHit())
  })

  test('with other codecs, and compressed', async (t) => {
    const { group } = temporaryGroup(t)
    const text = 'abc'.repeat(10_000)
    const f = group.memoize(
      function* () {
        yield text
        yield text
      },
      { codec: 'json', compress: 'gzip', name: 'f' },
    )
    for (let round = 0; round < 2; round++) assert.deepEqual([...f()], [text, text])
    const [entry] = [...group.entries()]
    assert.equal(entry!.codec, 'json1+gzip recorded: generator')
    assert.ok(entry!.size < 2000)
    const other = group.memoize(f.fn, { name: 'g' })
    assert.equal(other.wouldHit(), false)
  })
})

describe('streams and what is around them', () => {
  test('input files: read again at the end, and known to the call around', (t) => {
    const { failures, group } = temporaryGroup(t)
    const path = join(group.directory, '..', 'input.txt')
    writeFileSync(path, 'a\nb')
    const lines = group.memoize(function* (input: InputFile) {
      yield* readFileSync(input.path, 'utf8').split('\n')
    })
    const count = group.memoize((input: InputFile) => [...lines(input)].length)
    const hidden = group.memoize(() => [...lines(file(path))].length)
    const half = group.memoize(() => lines(file(path)).next().value)
    for (let round = 0; round < 2; round++) {
      assert.equal(count(file(path)), 2)
      assert.equal(hidden(), 2)
      assert.equal(half(), 'a')
    }
    assert.ok(count.wouldHit(file(path)))
    assert.ok(!hidden.wouldHit() && !half.wouldHit())
    writeFileSync(path, 'a\nb\nc')
    assert.equal(count(file(path)), 3)
    writeFileSync(path, 'd')
    const changing = lines(file(path))
    writeFileSync(path, 'e')
    assert.deepEqual([...changing], ['e'])
    assert.ok(failures.every(({ code }) => code === 'ERR_UNCERTAIN'))
    for (const text of ['d', 'e']) {
      writeFileSync(path, text)
      assert.ok(!lines.wouldHit(file(path)))
    }
  })

  test('a file that a stream reads by another memoized function, in its middle', (t) => {
    const { failures, group } = temporaryGroup(t)
    const path = join(group.directory, '..', 'input.txt')
    writeFileSync(path, 'text')
    const read = group.memoize((input: InputFile) => readFileSync(input.path, 'utf8'))
    const inner = group.memoize(function* (name: string) {
      yield 1
      yield read(file(name))
    })
    const outer = group.memoize((name: string) => {
      const stream = inner(name)
      stream.next()
      return stream.next().value
    })
    assert.equal(outer(path), 'text')
    assert.equal(outer.wouldHit(path), false)
    assert.deepEqual([...inner(path)], [1, 'text'])
    assert.equal(inner.wouldHit(path), false)
    assert.ok(failures.every(({ code }) => code === 'ERR_UNCERTAIN'))
  })

  test('a stream of a stream', async (t) => {
    const { group } = temporaryGroup(t)
    const inner = group.memoize(function* (n: number) {
      for (let i = 0; i < n; i++) yield i
    })
    const outer = group.memoize(async function* (n: number) {
      for (const i of inner(n)) yield i * 2
    })
    for (let round = 0; round < 2; round++) assert.deepEqual((await contents(outer(3)))[3], [0, 2, 4])
    assert.ok(inner.wouldHit(3) && outer.wouldHit(3))
    const passed = group.memoize((n: number) => inner(n), { name: 'passed' })
    for (let round = 0; round < 2; round++) assert.deepEqual([...passed(2)], [0, 1])
    assert.ok(passed.wouldHit(2) && inner.wouldHit(2))
  })

  test('a stale stream is given while another is recorded in the background', async (t) => {
    let now = 1_000_000
    const { group } = temporaryGroup(t, { clock: () => now })
    const told = newTold()
    const options = { ttl: '1m', staleWhileRevalidate: '1h', version: 1, name: 'f' } as const
    for (const [name, make] of [
      ['f', () => generator([1, 2], told)],
      ['g', async () => readable(true)([1, 2], told)],
    ] as const) {
      const f = group.memoize(make, { ...options, name })
      const before = told.made
      await contents(await f())
      now += 60_000
      assert.deepEqual((await contents(await f()))[3], [1, 2])
      await pause(30)
      assert.equal(told.made, before + 2)
      assert.deepEqual((await contents(await f()))[3], [1, 2])
      await pause(10)
      assert.equal(told.made, before + 2)
    }
  })

  test('refresh records again', (t) => {
    const { sync, told } = memoized(t, generator, [1, 2])
    assert.deepEqual([...sync(1)], [1, 2])
    assert.deepEqual([...sync.refresh(1)], [1, 2])
    assert.equal(told.made, 2)
    assert.ok(sync.wouldHit(1))
  })

  test('a recording outlives its group, its directory and its entry while somebody takes it', async (t) => {
    const values = Array.from({ length: 50 }, (_, n) => 'x'.repeat(5000) + n)
    const { failures, group, sync } = memoized(t, generator, values)
    for (const _ of sync(1));
    const [one, other] = [sync(1), sync(1)]
    one.next()
    sync.forget(1)
    assert.equal(sync.wouldHit(1), false)
    assert.equal([...one].length, 49)
    const recording = sync(1)
    recording.next()
    group.close()
    assert.equal([...other].length, 50)
    assert.equal([...recording].length, 49)
    assert.deepEqual(failures, [])
    assert.deepEqual(readdirSync(join(group.directory, 'tmp')), [])
  })

  test('a value that can no longer be read is made by the function itself, from there on', async (t) => {
    class Point {
      constructor(readonly x: number) {}
    }
    let isKnown = true
    registerClass(Point, {
      name: 'test.streams.Point',
      encode: ({ x }) => x,
      decode: (x) => {
        if (!isKnown) throw new Error('unknown')
        return new Point(x as number)
      },
    })
    for (const [kind, { make }] of Object.entries(kinds)) {
      if (kind.endsWith('bytes')) continue
      const values = [1, 2, new Point(3), 4]
      const { failures, sync, told } = memoized(t, make, values)
      isKnown = true
      for await (const _ of sync(1));
      isKnown = false
      assert.deepEqual((await contents(sync(1)))[3], values)
      assert.equal(told.made, 2)
      assert.deepEqual(
        failures.map(({ code }) => code),
        ['ERR_UNDECODABLE'],
      )
    }
  })

  const long = Array.from({ length: 50 }, (_, n) => 'x'.repeat(5000) + n)
  const objectsOf = (directory: string): string[] =>
    readdirSync(join(directory, 'objects'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.length > 32)
      .map((name) => join(directory, 'objects', name))

  test('a damaged recording is a miss, which is mended', async (t) => {
    for (const { make } of [kinds['generator']!, kinds['web stream']!]) {
      const { group, sync, told } = memoized(t, make, long)
      await contents(sync(1))
      const [path] = objectsOf(group.directory)
      const bytes = readFileSync(path!)
      bytes[bytes.byteLength - 100]! ^= 1
      writeFileSync(path!, bytes)
      assert.equal(sync.wouldHit(1), false)
      assert.deepEqual((await contents(sync(1)))[3], long)
      assert.ok(sync.wouldHit(1))
      assert.deepEqual((await contents(sync(1)))[3], long)
      assert.equal(told.made, 2)
    }
  })

  test('a recording that is too large, or whose file is taken away, does not harm the stream', async (t) => {
    const small = temporaryGroup(t, { maxSize: 100_000 })
    const f = small.group.memoize(generator, { version: 1, name: 'f' })
    assert.deepEqual([...f(long, newTold())], long)
    assert.equal([...small.group.entries()].length, 0)
    assert.deepEqual(small.failures, [])
    const { failures, group, sync } = memoized(t, generator, long)
    const stream = sync(1)
    for (let n = 0; n < 20; n++) stream.next()
    const tmp = join(group.directory, 'tmp')
    const drafts = readdirSync(tmp).filter((name) => name.endsWith('.draft'))
    assert.equal(drafts.length, 1)
    rmSync(join(tmp, drafts[0]!))
    assert.equal([...stream].length, 30)
    assert.equal(sync.wouldHit(1), false)
    assert.deepEqual(
      failures.map(({ code }) => code),
      ['ERR_STORE_IO'],
    )
    assert.deepEqual([...sync(1)], long)
    assert.ok(sync.wouldHit(1))
  })

  test('recordings that nobody takes to their end hold no file and leave none at exit', async (t) => {
    const { group, sync } = memoized(t, generator, long)
    for (const _ of sync(1));
    const fds = () => (process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0)
    const before = fds()
    for (let n = 0; n < 20; n++) {
      sync.wouldHit(1)
      sync.why(1)
      const half = sync(n + 2)
      for (let i = 0; i < 30; i++) half.next()
      for (const _ of sync(1)) break
    }
    assert.equal(fds(), before)
    group.close()
    assert.deepEqual(readdirSync(join(group.directory, 'tmp')), [])
  })

  test('another process does not wait for whoever takes one slowly', (t) => {
    const { group } = temporaryGroup(t)
    const f = group.memoize((_: string) => generator(long, newTold()), { version: 1, name: 'f' })
    const slow = f('a')
    slow.next()
    const user = project(t, {
      'package.json': '{ "type": "module" }',
      'main.js': `import { MemoizedGroup } from 'permafrost'
const group = new MemoizedGroup({ directory: process.argv[2] })
const f = group.memoize(function* (_) { yield 1 }, { version: 1, name: 'f' })
console.log([...f('a')].length, f.wouldHit('a'))`,
    })
    const began = performance.now()
    assert.deepEqual(user.run('main.js', { args: [group.directory] }).printed, ['1 true'])
    assert.ok(performance.now() - began < 20_000)
    assert.equal([...slow].length, 49)
    assert.equal([...f('a')].length, 50)
  })

  test('carried to another directory', async (t) => {
    const one = memoized(t, generator, long)
    for (const _ of one.sync(1));
    const path = join(one.group.directory, '..', 'exported')
    await one.group.export(path)
    const other = memoized(t, generator, long)
    assert.equal((await other.group.import(path)).imported, 1)
    assert.deepEqual([...other.sync(1)], long)
    assert.equal(other.told.made, 0)
  })

  test('nothing is kept of a group that is read-only, and all is given', async (t) => {
    const { group, reopen } = temporaryGroup(t)
    group.close()
    const closed = group.memoize(function* () {
      yield 1
    })
    assert.deepEqual([...closed(), ...closed()], [1, 1])
    const readonly = reopen({ readonly: true }).memoize(closed.fn)
    assert.deepEqual([...readonly(), ...readonly()], [1, 1])
  })
})
