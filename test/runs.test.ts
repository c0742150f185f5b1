/** Runs: each call leaves one line, what happens to it whatever, and what is read back is what happened. */
import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { file, type GroupOptions, ignore, type MemoizedGroup, ResultRequiredError } from 'permafrost'
import { openBlobStore } from 'permafrost/blob'
import { type Line, RunLog } from '#src/run-log.js'
import { runsOf, summaryOf } from '#src/runs.js'
import { open } from '#src/shared/parcel.js'
import { attemptOf } from '#src/shared/place.js'
import { project } from './support/project.js'
import { temporaryFolder, temporaryGroup } from './support/temporary.js'

/** A group that notes its calls, and what it noted. */
function noting(t: TestContext, options: GroupOptions = {}) {
  const made = temporaryGroup(t, { runs: true, ...options })
  return { ...made, lines: () => linesIn(made.group) }
}

/** Closes the group. */
function linesIn(group: MemoizedGroup): Line[] {
  group.close()
  const folder = join(group.directory, 'runs')
  return readdirSync(folder).flatMap((name) =>
    readFileSync(join(folder, name), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Line),
  )
}

const ends = (lines: readonly Line[]): string[] => lines.map(({ what }) => what)

test('each call leaves a line: who, what, how long, how large', (t) => {
  const { group, lines } = noting(t, { clock: () => 1000 })
  const square = group.memoize((x: number) => x * x, { name: 'square' })
  square(3)
  square(3)
  const { digest } = square.key(3)
  const [computed, hit, ...more] = lines()
  assert.deepEqual(more, [])
  for (const line of [computed!, hit!]) {
    assert.equal(line.at, 1000)
    assert.equal(line.name, 'square')
    assert.equal(line.key, digest)
    assert.ok(line.took >= 0 && line.took < 60_000)
    assert.ok(line.size! > 0)
    assert.equal(line.computeTime! >= 0, true)
  }
  assert.deepEqual(ends([computed!, hit!]), ['computed', 'hit'])
})

test('one computation and nine hits are ten calls', async (t) => {
  const { group } = noting(t)
  const wait = group.memoize(
    (_x: number) => {
      for (const end = performance.now() + 5; performance.now() < end; );
      return 'done'
    },
    { name: 'wait' },
  )
  for (let n = 0; n < 10; n++) wait(1)
  group.close()
  const [run, ...others] = runsOf(group.directory)
  assert.match(run!, /^\d{8}-\d{4}-[0-9a-z]{4}$/)
  assert.deepEqual(others, [])
  const { all, first, functions, last, ...rest } = await summaryOf(group.directory, run!)
  const { averageComputed, averageHit, bytes, outputs, timeSaved, ...counts } = all
  assert.deepEqual(rest, { run, files: 1, damaged: 0 })
  assert.deepEqual(outputs, [])
  assert.deepEqual(counts, {
    total: 10,
    computed: 1,
    hit: 9,
    sharedHit: 0,
    joined: 0,
    stale: 0,
    uncached: 0,
    error: 0,
  })
  assert.ok(averageComputed! >= 5 && averageHit! < averageComputed!)
  assert.ok(timeSaved > 9 * 5 - 9 * averageHit! - 1, String(timeSaved))
  assert.ok(bytes > 0 && first! <= last!)
  assert.deepEqual(Object.keys(functions), ['wait'])
  assert.equal(functions['wait']!.total, 10)
})

test('whatever becomes of a call, it is one line', async (t) => {
  let now = 0
  const { group, lines } = noting(t, { clock: () => now })
  const fails = ignore({ now: true })
  const expect = ignore([] as string[])
  const may = group.memoize(
    async (_x: number) => {
      if (fails.now) throw new RangeError('out of range')
      return 1
    },
    { name: 'may', staleIfError: '1h', ttl: '1m' },
  )
  await assert.rejects(may(1), RangeError)
  await Promise.allSettled([may(1), may(1)])
  expect.push('error', 'error', 'error')
  fails.now = false
  assert.deepEqual(await Promise.all([may(1), may(1)]), [1, 1])
  expect.push('computed', 'joined')
  await may(1)
  expect.push('hit')
  fails.now = true
  now = 120_000
  await may(1)
  expect.push('stale')
  now = 24 * 3_600_000
  await assert.rejects(may(1), RangeError)
  expect.push('error')

  const kept = group.memoize(
    () => {
      throw new TypeError('no')
    },
    { name: 'kept', cacheErrors: true },
  )
  assert.throws(kept, TypeError)
  assert.throws(kept, TypeError)
  expect.push('error', 'hit')

  const odd = group.memoize((_x: unknown) => new WeakMap(), { name: 'odd', onUncacheable: 'ignore' })
  odd(1)
  odd(Promise.resolve())
  expect.push('uncached', 'uncached')

  const strict = group.memoize((_x: unknown) => new WeakMap(), { name: 'strict', onUncacheable: 'throw' })
  assert.throws(() => strict(1))
  assert.throws(() => strict(Promise.resolve()))
  expect.push('error', 'error')

  const required = group.memoize((x: number) => x, { name: 'required', resultsOnly: true })
  assert.throws(() => required(1), ResultRequiredError)
  expect.push('error')

  const counted = group.memoize(
    function* () {
      yield 1
      yield 2
    },
    { name: 'counted' },
  )
  assert.deepEqual([...counted()], [1, 2])
  assert.deepEqual([...counted()], [1, 2])
  expect.push('computed', 'hit')
  const refreshed = group.memoize((x: number) => x, { name: 'refreshed' })
  refreshed.refresh(1)
  refreshed.refresh(1)
  expect.push('computed', 'computed')

  const all = lines()
  assert.deepEqual(ends(all), [...expect])
  const [first] = all
  assert.deepEqual(first!.error, { name: 'RangeError', message: 'out of range' })
  assert.deepEqual(all.find(({ name, what }) => name === 'kept' && what === 'hit')!.error, {
    name: 'TypeError',
    message: 'no',
  })
  const unkeyed = all.filter(({ key }) => key === undefined)
  assert.deepEqual(
    unkeyed.map(({ name }) => name),
    ['odd', 'strict'],
  )
})

test('files among a result are told, computed or hit', (t) => {
  const folder = temporaryFolder(t)
  const { group, lines } = noting(t)
  const write = group.memoize(
    (text: string) => {
      writeFileSync(join(folder, 'out.txt'), text)
      return { out: file(join(folder, 'out.txt')) }
    },
    { name: 'write' },
  )
  write('some text')
  write('some text')
  assert.deepEqual(
    lines().map(({ outputs }) => outputs),
    [[join(folder, 'out.txt')], [join(folder, 'out.txt')]],
  )
})

test('nothing is noted unless it is asked for; with a blob store it is, unless it is not wanted', async (t) => {
  const blobStore = await openBlobStore('memory:')
  const noted = (options: GroupOptions): boolean => {
    const { group } = temporaryGroup(t, options)
    group.memoize((x: number) => x)(1)
    group.close()
    return existsSync(join(group.directory, 'runs'))
  }
  assert.equal(noted({}), false)
  assert.equal(noted({ runs: true }), true)
  assert.equal(noted({ blobStore }), true)
  assert.equal(noted({ blobStore, runs: false }), false)
  assert.throws(() => temporaryGroup(t, { runs: 'yes' as never }), /runs/)
})

test('a shared hit is told from one of the directory, with the place of its memo', async (t) => {
  const blobStore = await openBlobStore('memory:')
  const [one, other] = [noting(t, { blobStore }), noting(t, { blobStore })]
  const square = async (x: number) => x * x
  const here = one.group.memoize(square)
  await here(3)
  await one.group.push()
  const uri = here.memoUri(3)
  const there = other.group.memoize(square)
  await there(3)
  await there(3)
  const [computed] = one.lines()
  assert.deepEqual([computed!.what, computed!.memo], ['computed', uri])
  assert.deepEqual(
    other.lines().map(({ memo, what }) => [what, memo]),
    [
      ['shared-hit', uri],
      ['hit', undefined],
    ],
  )
})

test('who computed a result is told with it: the run, the try, the packages', async (t) => {
  const user = project(t, {
    'package.json': '{ "type": "module" }',
    'node_modules/left/package.json':
      '{ "name": "left", "version": "1.2.3", "type": "module", "main": "main.js" }',
    'node_modules/left/main.js': 'export const left = (text) => text.trimStart()',
    'main.mjs': `
      import { MemoizedGroup } from 'permafrost'
      import { left } from 'left'
      const group = new MemoizedGroup({ blobStore: new URL('blobs', import.meta.url) })
      const trim = group.memoize(async (text) => left(text), { name: 'trim' })
      await trim(' x')
      await group.push()
      console.log(trim.memoUri(' x'))`,
  })
  const { printed, stderr } = user.run('main.mjs')
  const uri = printed[0] ?? stderr
  const store = await openBlobStore(`file://${user.directory}/blobs`)
  const memo = uri.slice(uri.indexOf('permafrost-1/'))
  const opened = open(Buffer.from(await (await store.get(`${memo}/result`))!.bytes()), memo, undefined)
  assert.ok(typeof opened !== 'string')
  const { attempt, packages, run } = opened.header.about
  assert.deepEqual(packages, { left: '1.2.3' })
  assert.match(attempt!, /^[0-9a-z]{8,}-[0-9a-f]{10}$/)
  assert.deepEqual(runsOf(join(user.directory, 'cache')), [run])
})

test('an error that a value has replaced is remembered with its attempt', async (t) => {
  const store = await openBlobStore('memory:')
  const machine = () => temporaryGroup(t, { blobStore: store })
  const ran = ignore({ times: 0 })
  const fail = async (_x: number): Promise<string> => {
    if (ran.times++ === 0) throw new RangeError('too large')
    return 'well'
  }
  const [one, other] = [machine(), machine()]
  const failing = one.group.memoize(fail, { cacheErrors: true })
  await assert.rejects(failing(1), RangeError)
  await one.group.push()
  assert.equal(await other.group.memoize(fail)(1), 'well')
  await other.group.push()
  const memo = failing.memoUri(1).slice('memory:/'.length)
  const keys: string[] = []
  for await (const { key } of store.list(`${memo}/attempts/`)) keys.push(key)
  assert.equal(keys.length, 1)
  const opened = open(Buffer.from(await (await store.get(keys[0]!))!.bytes()), memo, undefined)
  const result = open(Buffer.from(await (await store.get(`${memo}/result`))!.bytes()), memo, undefined)
  assert.ok(typeof opened !== 'string' && typeof result !== 'string')
  assert.deepEqual([opened.header.threw, result.header.threw], [true, false])
  assert.equal(attemptOf({ memo, memospace: '' }, opened.header.about.attempt!), keys[0])
})

test('calls that throw are told as events', (t) => {
  const { group } = temporaryGroup(t)
  const told: any[] = []
  const listen = (message: unknown): void => void told.push(message)
  subscribe('permafrost:failed', listen)
  t.after(() => unsubscribe('permafrost:failed', listen))
  const fail = group.memoize(
    (_x: number) => {
      throw new RangeError('too large')
    },
    { name: 'fail' },
  )
  assert.throws(() => fail(7), RangeError)
  const [{ took, error, ...rest }, ...more] = told
  assert.deepEqual(rest, { event: 'failed', name: 'fail', args: '7', key: fail.key(7).digest })
  assert.ok(error instanceof RangeError && took >= 0)
  assert.deepEqual(more, [])
})

// the file ---------------------------------------------------------------------------------------------------------

const line = (more: Partial<Line> = {}): Line => ({ at: 1, name: 'f', what: 'hit', took: 1, ...more })

function logIn(t: TestContext, most?: number) {
  const directory = temporaryFolder(t)
  const failures: Error[] = []
  const log = () =>
    new RunLog({
      directory,
      id: 'run',
      isJoined: false,
      report: (error) => failures.push(error),
      ...(most !== undefined && { most }),
    })
  return { directory, failures, log }
}

test('what is damaged or cut is left out and counted, and costs no line after it', async (t) => {
  const { directory, log } = logIn(t)
  const one = log()
  one.add(line())
  one.close()
  const path = join(directory, 'runs', 'run.jsonl')
  appendFileSync(path, '{"at":1,"na')
  const two = log()
  two.add(line({ what: 'computed', computeTime: 2, size: 10 }))
  two.close()
  appendFileSync(
    path,
    '[]\n{"at":1,"name":"f","what":"else","took":1}\n{"at":1,"name":"f","what":"hit","took":"1"}\n\u0000',
  )
  const { all, damaged } = await summaryOf(directory, 'run')
  const { computed, hit, total } = all
  assert.deepEqual({ computed, damaged, hit, total }, { computed: 1, damaged: 5, hit: 1, total: 2 })
})

test('names and messages are anybody\u2019s', async (t) => {
  const { directory, log } = logIn(t)
  const names = ['a "b"\n\u2028c', '__proto__', 'toString', '\ud800', '']
  const one = log()
  for (const name of names) one.add(line({ name, error: { name, message: name } }))
  one.close()
  const { all, damaged, functions } = await summaryOf(directory, 'run')
  assert.deepEqual([damaged, all.total], [0, 5])
  assert.deepEqual(Object.keys(functions).sort(), names.toSorted())
})

test('beyond so many lines calls are summed up, and none is lost', async (t) => {
  const { directory, log } = logIn(t, 10)
  const one = log()
  for (let n = 0; n < 1000; n++)
    one.add(line({ what: n % 10 === 0 ? 'computed' : 'hit', computeTime: 3, size: 2 }))
  one.close()
  const { bytes, computed, hit, timeSaved, total } = (await summaryOf(directory, 'run')).all
  assert.deepEqual(
    { bytes, computed, hit, timeSaved, total },
    { bytes: 200, computed: 100, hit: 900, timeSaved: 1800, total: 1000 },
  )
  assert.equal(
    readFileSync(join(directory, 'runs', 'run.jsonl'), 'utf8')
      .trim()
      .split('\n').length,
    12,
  )
})

test('64 KiB of lines do not wait, nor does anything after a second', async (t) => {
  const { directory, log } = logIn(t)
  const one = log()
  const path = join(directory, 'runs', 'run.jsonl')
  one.add(line())
  assert.equal(existsSync(path), false)
  for (let n = 0; n < 2000; n++) one.add(line())
  assert.ok(readFileSync(path, 'utf8').length >= 65_536)
  const before = readFileSync(path, 'utf8').length
  // the log's own timer keeps no process
  for (const end = performance.now() + 20_000; readFileSync(path, 'utf8').length === before; ) {
    assert.ok(performance.now() < end, 'what waited was not written')
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  one.close()
  one.add(line())
  one.flush()
  assert.equal((await summaryOf(directory, 'run')).all.total, 2001)
})

test('a log that cannot be written costs one warning and no call', (t) => {
  const { failures, group } = noting(t)
  writeFileSync(join(group.directory, 'runs'), 'in the way')
  const square = group.memoize((x: number) => x * x)
  for (let n = 0; n < 2000; n++) assert.equal(square(n % 3), (n % 3) ** 2)
  group.close()
  assert.equal(failures.length, 1)
  assert.match(failures[0]!.message, /noting the run/)
})

test('a directory that was removed is not made again by its run', (t) => {
  const { directory, failures, log } = logIn(t)
  const one = log()
  one.add(line())
  rmSync(directory, { recursive: true })
  one.close()
  assert.equal(existsSync(directory), false)
  assert.equal(failures.length, 1)
})

test('processes join a run that the environment names, each with a file', async (t) => {
  const user = project(t, {
    'package.json': '{ "type": "module" }',
    'main.mjs': `
      import { memoize } from 'permafrost'
      const square = memoize((x) => x * x, { name: 'square' })
      square(3)
      square(Number(process.argv[2]))`,
  })
  for (const x of ['3', '4']) {
    const { status, stderr } = user.run('main.mjs', { args: [x], env: { PERMAFROST_RUN: 'nightly/1' } })
    assert.equal(status, 0, stderr)
  }
  const directory = join(user.directory, 'cache')
  assert.deepEqual(runsOf(directory), ['nightly-1'])
  const { all, files } = await summaryOf(directory, 'nightly-1')
  const { computed, hit, total } = all
  assert.deepEqual({ computed, files, hit, total }, { computed: 2, files: 2, hit: 2, total: 4 })
})

test('the threads of a process are in one run', async (t) => {
  const user = project(t, {
    'package.json': '{ "type": "module" }',
    'main.mjs': `
      import { Worker, isMainThread } from 'node:worker_threads'
      import { MemoizedGroup } from 'permafrost'
      const group = new MemoizedGroup({ runs: true })
      group.memoize((x) => x * x, { name: 'square' })(3)
      group.close()
      if (isMainThread) new Worker(new URL(import.meta.url))`,
  })
  const { status, stderr } = user.run('main.mjs')
  assert.equal(status, 0, stderr)
  const directory = join(user.directory, 'cache')
  const runs = runsOf(directory)
  assert.equal(runs.length, 1)
  assert.equal((await summaryOf(directory, runs[0]!)).all.total, 2)
})

test('the last run is the one that was written to last; gc removes those of more than 90 days ago', async (t) => {
  let now = Date.now()
  const { group, reopen } = noting(t, { clock: () => now })
  const folder = join(group.directory, 'runs')
  group.memoize((x: number) => x)(1)
  group.close()
  const [own] = runsOf(group.directory)
  for (const [name, age] of [
    ['old', 91],
    ['younger', 89],
  ] as const) {
    writeFileSync(join(folder, `${name}.7.jsonl`), '')
    const at = new Date(now - age * 86_400_000)
    utimesSync(join(folder, `${name}.7.jsonl`), at, at)
  }
  writeFileSync(join(folder, 'notes.txt'), '')
  assert.deepEqual(runsOf(group.directory), [own, 'younger', 'old'])
  const again = reopen({ runs: false })
  await again.gc()
  assert.deepEqual(runsOf(group.directory), [own, 'younger'])
  now += 100 * 86_400_000
  await again.gc()
  assert.deepEqual(readdirSync(folder), ['notes.txt'])
  assert.deepEqual((await again.verify()).problems, [])
})

test('runs are a part of the directory: measured, and removed with a temporary one', (t) => {
  const { group } = noting(t, { temporary: true })
  group.memoize((x: number) => x)(1)
  group.close()
  assert.equal(existsSync(group.directory), false)
})

test('somebody else\u2019s folder of that name makes no permafrost directory', (t) => {
  const directory = temporaryFolder(t)
  mkdirSync(join(directory, 'runs'))
  writeFileSync(join(directory, 'runs', 'mine.jsonl'), '')
  assert.throws(() => temporaryGroup(t, { directory }), /not a permafrost directory/)
})
