/** Streams under `inputs: 'auto'`: what is read until the end is recorded, and looked at before the first value of a hit. */
import assert from 'node:assert/strict'
import {
  createReadStream,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { file, type MemoizeOptions, UncertainError } from 'permafrost'
import { readTrailer, trailer } from '#src/recorded.js'
import { folderWith, temporaryGroup } from './support/temporary.js'

const AUTO: MemoizeOptions = { inputs: 'auto' }

/** Each gives the texts of `a` and `b` in a folder, and reads them one after the other, as they are asked for. */
const makers: Readonly<Record<string, (folder: string) => any>> = {
  generator: function* (folder: string) {
    for (const name of ['a', 'b']) yield readFileSync(join(folder, name), 'utf8')
  },
  'generator that delegates': function* (folder: string) {
    const one = function* (name: string) {
      yield readFileSync(join(folder, name), 'utf8')
    }
    yield* one('a')
    yield* one('b')
  },
  'async generator': async function* (folder: string) {
    for (const name of ['a', 'b']) yield await readFile(join(folder, name), 'utf8')
  },
  'async generator of lines': async function* (folder: string) {
    for (const name of ['a', 'b'])
      for await (const line of createInterface({ input: createReadStream(join(folder, name)) })) yield line
  },
  'web stream': (folder: string) => {
    const names = ['a', 'b']
    return new ReadableStream({
      pull: async (controller) => {
        const name = names.shift()
        if (name === undefined) return controller.close()
        await null
        controller.enqueue(await readFile(join(folder, name), 'utf8'))
      },
    })
  },
  'web stream through another': (folder: string) =>
    makers['web stream']!(folder).pipeThrough(new TransformStream()),
  'web stream in a promise': async (folder: string) => makers['web stream']!(folder),
  Readable: (folder: string) => {
    const names = ['a', 'b']
    return new Readable({
      objectMode: true,
      read() {
        const name = names.shift()
        if (name === undefined) this.push(null)
        else readFile(join(folder, name), 'utf8').then((text) => this.push(text))
      },
    })
  },
  'Readable.from': (folder: string) => Readable.from(makers['async generator']!(folder)),
}

async function taken(stream: any): Promise<unknown[]> {
  const values: unknown[] = []
  for await (const value of await stream) values.push(value)
  return values
}

for (const [kind, make] of Object.entries(makers)) {
  test(`${kind}: each file that was read is looked at before a hit, in another opening, too`, async (t) => {
    const { at, folder } = folderWith(t, { a: '1', b: '2', c: '3' })
    const { failures, group, reopen } = temporaryGroup(t)
    const f = group.memoize(make, AUTO)
    assert.deepEqual(await taken(f(folder)), ['1', '2'])
    assert.equal(f.wouldHit(folder), true)
    writeFileSync(at('c'), 'x')
    assert.deepEqual(await taken(f(folder)), ['1', '2'])
    assert.deepEqual([f.stats().hits, f.stats().misses], [1, 1])
    for (const name of ['a', 'b']) {
      writeFileSync(at(name), `new ${name}`)
      const missed = f.lookup(folder)
      assert.ok(!missed.hit && missed.reason === 'inputs')
      assert.equal(missed.explanation, `what it read changed: ${at(name)}`)
      const expected = await taken(make(folder))
      assert.deepEqual(await taken(f(folder)), expected)
      assert.equal(f.wouldHit(folder), true)
      assert.deepEqual(await taken(f(folder)), expected)
    }
    assert.deepEqual([f.stats().hits, f.stats().misses], [3, 3])
    group.close()
    const again = reopen().memoize(make, AUTO)
    assert.equal(again.wouldHit(folder), true)
    assert.deepEqual(await taken(again(folder)), ['new a', 'new b'])
    rmSync(at('b'))
    assert.equal(again.wouldHit(folder), false)
    assert.deepEqual(failures, [])
  })

  test(`${kind}: nothing is kept of which a file changed between its first read and the end`, async (t) => {
    const { at, folder } = folderWith(t, { a: '1', b: '2' })
    const { failures, group } = temporaryGroup(t)
    const f = group.memoize(make, AUTO)
    const stream = await f(folder)
    const iterator = stream[Symbol.asyncIterator]?.() ?? stream
    assert.equal((await iterator.next()).value, '1')
    writeFileSync(at('a'), 'changed')
    while (!(await iterator.next()).done);
    assert.equal(f.wouldHit(folder), false)
    assert.ok(failures[0] instanceof UncertainError)
    assert.match(failures[0].message, /what it read \(.*a\) changed while it ran/)
    assert.deepEqual(await taken(f(folder)), ['changed', '2'])
    assert.equal(f.wouldHit(folder), true)
  })
}

test('what else is looked at: variables, folders, times, files that are not there', (t) => {
  const { at, folder } = folderWith(t, { a: '1' })
  const { failures, group } = temporaryGroup(t)
  t.after(() => {
    delete process.env['PERMAFROST_TEST']
  })
  const f = group.memoize(function* (path: string) {
    yield process.env[['PERMAFROST', 'TEST'].join('_')]
    yield readdirSync(path)
    yield statSync(join(path, 'a')).size
    yield existsSync(join(path, 'none'))
  }, AUTO)
  const changes: readonly (() => void)[] = [
    () => {
      process.env['PERMAFROST_TEST'] = 'new'
    },
    () => writeFileSync(at('new'), ''),
    () => writeFileSync(at('a'), '12'),
    () => writeFileSync(at('none'), ''),
  ]
  for (const change of changes) {
    const expected = [...f.fn(folder)]
    for (let round = 0; round < 2; round++) assert.deepEqual([...f(folder)], expected)
    assert.equal(f.wouldHit(folder), true)
    change()
    assert.equal(f.wouldHit(folder), false, String(change))
  }
  assert.deepEqual(failures, [])
})

test('what is read after the function returned and before anybody asks for a value', async (t) => {
  const { at, folder } = folderWith(t, { a: '1' })
  const { group } = temporaryGroup(t)
  const f = group.memoize(
    async (path: string) =>
      new ReadableStream({
        start: async (controller) => {
          await pause(5)
          controller.enqueue(readFileSync(join(path, 'a'), 'utf8'))
          controller.close()
        },
      }),
    AUTO,
  )
  const stream = await f(folder)
  await pause(20)
  assert.deepEqual(await taken(stream), ['1'])
  assert.equal(f.wouldHit(folder), true)
  writeFileSync(at('a'), '2')
  assert.equal(f.wouldHit(folder), false)
})

test('a stream that reads nothing is kept as ever; one that reads what nobody can tell is not', (t) => {
  const { at } = folderWith(t, { a: '1' })
  const { failures, group } = temporaryGroup(t)
  const none = group.memoize(function* (n: number) {
    yield n
  }, AUTO)
  for (let round = 0; round < 2; round++) assert.deepEqual([...none(1)], [1])
  assert.equal(none.stats().hits, 1)
  assert.equal(failures.length, 0)
  const fd = openSync(at('a'), 'r')
  const unseen = function* (descriptor: number) {
    yield 1
    yield readFileSync(descriptor, 'utf8')
  }
  const odd = group.memoize(unseen, AUTO)
  assert.deepEqual([...odd(fd)], [1, '1'])
  assert.equal(odd.wouldHit(fd), false)
  assert.match(failures[0]!.message, /cannot be recorded/)
  const strict = group.memoize(unseen, { ...AUTO, onUncacheable: 'throw' })
  const stream = strict(fd)
  assert.deepEqual([stream.next().value, stream.next().value], [1, ''])
  assert.throws(() => stream.next(), UncertainError)
})

test('a long recording, whose values are in a file, has what was read behind them', (t) => {
  const { at, folder } = folderWith(t, { a: '1', b: '2' })
  const { failures, group, reopen } = temporaryGroup(t)
  const make = function* (path: string) {
    const a = readFileSync(join(path, 'a'), 'utf8')
    for (let n = 0; n < 100; n++) yield a.repeat(5000) + n
    return readFileSync(join(path, 'b'), 'utf8')
  }
  const f = group.memoize(make, AUTO)
  const expected = [...f(folder)]
  const [entry] = [...group.entries()]
  assert.match(entry!.codec, /\+inputs recorded: generator$/)
  assert.ok(entry!.size > 500_000)
  group.close()
  const again = reopen().memoize(make, AUTO)
  assert.deepEqual([...again(folder)], expected)
  assert.equal(again.stats().hits, 1)
  // a hit that is being played stays what it was
  const playing = again(folder)
  playing.next()
  writeFileSync(at('b'), '3')
  assert.equal([...playing].length, 99)
  assert.equal(again.wouldHit(folder), false)
  assert.deepEqual(failures, [])
})

test('with what else may be asked for: another codec, compression, output, a lifetime; by an iterator', (t) => {
  const { at, folder } = folderWith(t, { a: 'a'.repeat(20_000), b: '2' })
  let now = 1_000_000
  const { failures, group } = temporaryGroup(t, { clock: () => now })
  const f = group.memoize(makers['generator']!, {
    ...AUTO,
    codec: 'json',
    compress: 'gzip',
    captureOutput: true,
    ttl: '1m',
  })
  const lazy = group.memoize(
    (path: string) =>
      Array.prototype.values.call({
        length: 2,
        get 0() {
          return readFileSync(join(path, 'a'), 'utf8')
        },
        get 1() {
          return readFileSync(join(path, 'b'), 'utf8')
        },
      }),
    AUTO,
  )
  for (const stream of [f, lazy]) {
    const expected = ['a', 'b'].map((name) => readFileSync(at(name), 'utf8'))
    for (let round = 0; round < 2; round++) assert.deepEqual([...stream(folder)], expected)
    assert.equal(stream.stats().hits, 1)
    writeFileSync(at('b'), `${expected[1]}!`)
    assert.equal(stream.wouldHit(folder), false)
    assert.deepEqual([...stream(folder)], [expected[0], `${expected[1]}!`])
    assert.equal(stream.wouldHit(folder), true)
  }
  const [entry] = [...group.entries()].filter(({ codec }) => codec.startsWith('json'))
  assert.equal(entry!.codec, 'json1+gzip+inputs recorded: generator')
  assert.ok(entry!.size < 2000)
  for (const _ of f(folder));
  now += 60_000
  assert.equal(f.wouldHit(folder), false)
  assert.deepEqual(failures, [])
})

test('a method that is a generator, by the fields and files it reads', (t) => {
  const { at } = folderWith(t, { a: '1' })
  const { failures, group } = temporaryGroup(t)
  class Reader {
    constructor(readonly suffix: string) {}
    read = group.memoize(function* (this: Reader, path: string) {
      yield readFileSync(path, 'utf8') + this.suffix
    }, AUTO)
  }
  for (const text of ['1', '2']) {
    writeFileSync(at('a'), text)
    for (const suffix of ['x', 'y', 'x']) {
      assert.deepEqual([...new Reader(suffix).read(at('a'))], [text + suffix])
    }
  }
  assert.equal(new Reader('x').read.stats().hits, 2)
  assert.deepEqual(failures, [])
})

test('whoever sends something into a recording whose inputs changed meanwhile is told', (t) => {
  const { at, folder } = folderWith(t, { a: '1' })
  const { group } = temporaryGroup(t)
  const f = group.memoize(function* (path: string): Generator<string, void, string | undefined> {
    for (;;) {
      const said = yield readFileSync(join(path, 'a'), 'utf8')
      if (said === undefined) return
      yield said
    }
  }, AUTO)
  assert.deepEqual([...f(folder)], ['1'])
  const one = f(folder)
  assert.equal(one.next().value, '1')
  assert.equal(one.next('sent').value, 'sent')
  const other = f(folder)
  assert.equal(other.next().value, '1')
  writeFileSync(at('a'), '2')
  assert.throws(() => other.next('sent'), TypeError)
})

describe('the calls around it', () => {
  test('depend on what it reads, whether it is recorded or played, to its end or not', (t) => {
    const { at, folder } = folderWith(t, { a: '1', b: '2' })
    const { failures, group } = temporaryGroup(t)
    const inner = group.memoize(makers['generator']!, { ...AUTO, name: 'inner', version: 1 })
    const all = group.memoize((path: string) => [...inner(path)].join(), { ...AUTO, name: 'all', version: 1 })
    const first = group.memoize((path: string) => inner(path).next().value, {
      ...AUTO,
      name: 'first',
      version: 1,
    })
    const passed = group.memoize((path: string) => inner(path), { ...AUTO, name: 'passed', version: 1 })
    const plain = group.memoize((path: string) => [...inner(path)].join(), { name: 'plain', version: 1 })
    for (let round = 1; round < 4; round++) {
      for (const name of ['a', 'b']) {
        writeFileSync(at(name), `${round}${name}`)
        const expected = ['a', 'b'].map((one) => readFileSync(at(one), 'utf8'))
        assert.equal(first(folder), expected[0])
        assert.equal(first.wouldHit(folder), true)
        for (let again = 0; again < 2; again++) {
          assert.equal(all(folder), expected.join())
          assert.equal(all.wouldHit(folder), true)
          assert.deepEqual([...passed(folder)], expected)
          assert.equal(passed.wouldHit(folder), true)
          assert.equal(plain(folder), expected.join())
          assert.equal(plain.wouldHit(folder), false)
        }
      }
    }
    assert.ok(failures.every(({ message }) => message.includes('plain') || /the input file/.test(message)))
  })

  test('streams around a stream', async (t) => {
    const { at, folder } = folderWith(t, { a: '1', b: '2' })
    const { failures, group } = temporaryGroup(t)
    const inner = group.memoize(makers['async generator']!, { ...AUTO, name: 'inner', version: 1 })
    const outer = group.memoize(
      async function* (path: string) {
        for await (const one of inner(path)) yield `${one}!`
      },
      { ...AUTO, name: 'outer', version: 1 },
    )
    for (const text of ['2', '3']) {
      writeFileSync(at('b'), text)
      assert.equal(outer.wouldHit(folder), false)
      for (let round = 0; round < 2; round++) assert.deepEqual(await taken(outer(folder)), ['1!', `${text}!`])
      assert.equal(outer.wouldHit(folder), true)
    }
    // the inner one is a hit, the outer one is not
    outer.forget(folder)
    assert.deepEqual(await taken(outer(folder)), ['1!', '3!'])
    writeFileSync(at('b'), '4')
    assert.equal(outer.wouldHit(folder), false)
    assert.deepEqual(failures, [])
  })

  test('input files of the streams within are recorded, too', (t) => {
    const { at } = folderWith(t, { a: '1' })
    const { group } = temporaryGroup(t)
    const inner = group.memoize(
      function* (input: ReturnType<typeof file>) {
        yield readFileSync(input.path, 'utf8')
      },
      { name: 'inner', version: 1 },
    )
    const outer = group.memoize((path: string) => [...inner(file(path))], {
      ...AUTO,
      name: 'outer',
      version: 1,
    })
    for (const text of ['1', '2', '1']) {
      writeFileSync(at('a'), text)
      assert.equal(outer.wouldHit(at('a')), false)
      for (let round = 0; round < 2; round++) assert.deepEqual(outer(at('a')), [text])
      assert.equal(outer.wouldHit(at('a')), true)
      outer.forget(at('a'))
      assert.deepEqual(outer(at('a')), [text])
      assert.equal(outer.wouldHit(at('a')), true)
    }
  })
})

test('a trailer is read as it was written, and nothing else is taken for one', () => {
  const recorded = [
    { kind: 'content', name: '/ü', version: '1' },
    { kind: 'variable', name: 'A', version: 'none' },
  ] as const
  const sourceOf = (bytes: Uint8Array, most = 3) => ({
    size: bytes.length,
    read: (into: Uint8Array, start: number) => {
      const some = bytes.subarray(start, start + Math.min(into.length, most))
      into.set(some)
      return some.length
    },
  })
  const whole = Buffer.concat([Buffer.from('values'), trailer(recorded)])
  assert.deepEqual(readTrailer(sourceOf(whole)), recorded)
  assert.deepEqual(readTrailer(sourceOf(Buffer.concat([Buffer.from('x'), trailer([])]))), [])
  for (let length = 0; length < whole.length; length++) {
    assert.equal(readTrailer(sourceOf(whole.subarray(0, length))), undefined, String(length))
  }
  assert.equal(readTrailer({ size: whole.length, read: () => 0 }), undefined)
})
