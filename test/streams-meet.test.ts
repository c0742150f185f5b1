/** Streams where they meet other features: what is seen to be read or used, output files, audits, references, large memory. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CodecError, FreezeError, file } from 'permafrost'
import { temporaryFolder, temporaryGroup } from './support/temporary.js'

test('what a stream uses until its end is observed', async (t) => {
  const { failures, group } = temporaryGroup(t, { observe: 'refuse' })
  const now = Date.now
  const random = group.memoize(function* (n: number) {
    yield n
    yield Math.random()
  })
  assert.equal([...random(1)].length, 2)
  assert.equal(random.wouldHit(1), false)
  assert.match(failures[0]!.message, /it used Math\.random at .*streams-meet/)
  const later = group.memoize(async function* (n: number) {
    yield n
    await Promise.resolve()
    yield Date.now()
  })
  for await (const _ of later(1));
  assert.equal(later.wouldHit(1), false)
  assert.match(failures[1]!.message, /it used Date\.now/)
  const pure = group.memoize(function* (n: number) {
    yield n
  })
  assert.deepEqual([...pure(1)], [1])
  assert.equal(pure.wouldHit(1), true)
  assert.deepEqual([...pure(1)], [1])
  assert.equal(Date.now, now)
})

/** Each writes a file and gives it, then writes it anew and gives it again, and returns another. */
const writers: Readonly<Record<string, (folder: string) => any>> = {
  generator: function* (folder: string) {
    for (const text of ['1', '2']) {
      writeFileSync(join(folder, 'a'), text, { mode: 0o640 })
      yield { text, made: file(join(folder, 'a')) }
    }
    writeFileSync(join(folder, 'last'), 'last')
    return file(join(folder, 'last'))
  },
  'async generator': async function* (folder: string) {
    return yield* writers['generator']!(folder)
  },
  'web stream': (folder: string) => {
    const inner = writers['generator']!(folder)
    return new ReadableStream(
      {
        pull: (controller) => {
          const { done, value } = inner.next()
          if (done) controller.close()
          else controller.enqueue(value)
        },
      },
      { highWaterMark: 0 },
    )
  },
}
for (const [kind, make] of Object.entries(writers)) {
  test(`${kind}: files among its values are kept with them, and put back one by one`, async (t) => {
    const { failures, group, reopen } = temporaryGroup(t)
    const folder = temporaryFolder(t)
    const path = join(folder, 'a')
    const f = group.memoize(make, { version: 1, name: 'f' })
    const take = async (stream: any): Promise<unknown[]> => {
      const iterator = stream.next ? stream : stream[Symbol.asyncIterator]()
      const seen: unknown[] = []
      for (;;) {
        const { done, value } = await iterator.next()
        if (done) return [...seen, value && readFileSync(value.path, 'utf8')]
        seen.push(value.text, readFileSync(value.made.path, 'utf8'), statSync(path).mode & 0o777)
      }
    }
    const expected = await take(make(folder))
    assert.deepEqual(await take(f(folder)), expected)
    for (const change of [() => rmSync(folder, { recursive: true }), () => writeFileSync(path, 'edited')]) {
      change()
      assert.deepEqual(await take(f(folder)), expected)
    }
    assert.equal(f.stats().hits, 2)
    group.close()
    rmSync(folder, { recursive: true })
    const again = reopen().memoize(make, { version: 1, name: 'f' })
    // looking puts nothing back
    again.wouldHit(folder)
    for await (const _ of again.peek(folder));
    assert.equal(existsSync(folder), false)
    assert.deepEqual(await take(again(folder)), expected)
    assert.deepEqual(failures, [])
  })
}

test('a file among the values that cannot be put back is made by the function', (t) => {
  const { failures, group } = temporaryGroup(t)
  const folder = temporaryFolder(t)
  const path = join(folder, 'sub')
  const runs: string[] = []
  const made = group.memoize(
    function* (name: string) {
      runs.push(name)
      yield 1
      rmSync(name, { recursive: true, force: true })
      writeFileSync(name, 'made')
      yield file(name)
    },
    { version: 1, name: 'made' },
  )
  assert.equal([...made(path)].length, 2)
  assert.equal(made.wouldHit(path), true)
  rmSync(path)
  // a folder is in the way
  mkdirSync(join(path, 'below'), { recursive: true })
  assert.equal([...made(path)].length, 2)
  assert.equal(readFileSync(path, 'utf8'), 'made')
  assert.equal(runs.length, 2)
  assert.deepEqual(
    failures.map(({ code }) => code),
    ['ERR_STORE_IO'],
  )
})

test('a file among the values that is gone, an input file, or cannot be read', (t) => {
  const { failures, group } = temporaryGroup(t)
  const folder = temporaryFolder(t)
  const path = join(folder, 'a')
  writeFileSync(path, '1')
  const given = group.memoize(function* (input: ReturnType<typeof file>) {
    yield input
    return input
  })
  for (let round = 0; round < 2; round++) {
    assert.deepEqual(
      [...given(file(path))].map((one) => one.path),
      [path],
    )
    assert.equal(given.wouldHit(file(path)), true)
  }
  writeFileSync(path, '2')
  assert.equal(given.wouldHit(file(path)), false)
  const named = group.memoize(function* (name: string) {
    yield file(name)
  })
  const none = join(folder, 'none')
  for (let round = 0; round < 2; round++) assert.equal([...named(none)][0]!.path, none)
  assert.equal(named.stats().hits, 1)
  assert.equal(existsSync(none), false)
  assert.equal(failures.length, 0)
  assert.equal([...named(folder)].length, 1)
  assert.equal(named.wouldHit(folder), false)
  assert.ok(failures[0] instanceof CodecError)
})

test('what a stream prints and the files it gives come together', (t) => {
  const { failures, group } = temporaryGroup(t)
  const path = join(temporaryFolder(t), 'a')
  const f = group.memoize(
    function* (name: string) {
      console.error('printed')
      writeFileSync(name, 'made')
      yield file(name)
      console.error('at the end')
    },
    { captureOutput: true, codec: 'cbor' },
  )
  const { write } = process.stderr
  const lines: string[] = []
  process.stderr.write = ((chunk: unknown) => lines.push(String(chunk))) as any
  try {
    for (let round = 0; round < 2; round++) {
      for (const made of f(path)) lines.push(readFileSync(made.path, 'utf8'))
      rmSync(path)
    }
  } finally {
    process.stderr.write = write
  }
  const once = ['printed\n', 'made', 'at the end\n']
  assert.deepEqual(lines, [...once, ...once])
  assert.equal(f.stats().hits, 1)
  assert.deepEqual(failures, [])
})

test('audits leave streams alone', (t) => {
  const { failures, group } = temporaryGroup(t)
  const runs = { count: 0 }
  const ran = (): void => void runs.count++
  for (const audit of [1, 'mutation'] as const) {
    runs.count = 0
    const fn = group.memoize(
      function* (n: number) {
        ran()
        yield n
      },
      { audit, name: `audited ${audit}`, version: 1 },
    )
    assert.deepEqual([...fn(1)], [1])
    assert.deepEqual([...fn(1)], [1])
    assert.equal(runs.count, 1)
  }
  assert.deepEqual(failures, [])
})

test('large memory among the values of a stream', (t) => {
  const { group, reopen } = temporaryGroup(t)
  const make = function* (n: number) {
    yield new Float64Array(n).fill(1)
    yield { data: new Uint8Array(n).fill(2), n }
    return new Uint8Array(n).fill(3)
  }
  const take = (stream: Generator): unknown[] => {
    const values: unknown[] = []
    for (;;) {
      const { done, value } = stream.next()
      values.push(value)
      if (done === true) return values
    }
  }
  const expected = take(make(100_000))
  assert.deepEqual(take(group.memoize(make)(100_000)), expected)
  const again = reopen().memoize(make)
  assert.equal(again.wouldHit(100_000), true)
  assert.deepEqual(take(again(100_000)), expected)
})

test('a stream larger than checkUpTo is played unchecked; where it cannot be read, the function goes on', (t) => {
  const { group, reopen } = temporaryGroup(t)
  const make = function* (n: number) {
    for (let at = 0; at < n; at++) yield 'x'.repeat(1000)
  }
  const expected = [...group.memoize(make)(300)]
  const [entry] = [...group.entries()]
  assert.ok(entry !== undefined && entry.size > 200_000)
  const objects = join(group.directory, 'objects')
  const name = readdirSync(objects, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name))[0]
  const bytes = readFileSync(name!)
  // the head of an item in the middle
  const at = bytes.indexOf('x', bytes.length >> 1)
  bytes.fill(0xff, at, at + 5000)
  writeFileSync(name!, bytes)
  const unchecked = reopen({ checkUpTo: 1000 })
  assert.equal(unchecked.memoize(make).wouldHit(300), true)
  assert.equal([...unchecked.memoize(make)(300)].length, expected.length)
  const checked = reopen()
  assert.equal(checked.memoize(make).wouldHit(300), false)
  assert.deepEqual([...checked.memoize(make)(300)], expected)
})

test('there is no reference to a stream', (t) => {
  const { group } = temporaryGroup(t)
  const fn = group.memoize(function* (n: number) {
    yield n
  })
  assert.throws(() => fn.ref(1), FreezeError)
  assert.deepEqual([...fn(1)], [1])
  assert.throws(() => fn.ref(1), FreezeError)
})
