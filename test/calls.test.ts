/** Calls that cross: waiting for each other, given up, outdated, nested in what is asked on the way. As a hunt found them. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { ignore } from 'permafrost'
import { project } from './support/project.js'
import { temporaryGroup } from './support/temporary.js'

const busy = (ms: number): void => {
  const end = performance.now() + ms
  while (performance.now() < end);
}

test('a state function may call a memoized function, in the midst of a put', (t) => {
  const { failures, group } = temporaryGroup(t)
  const config = group.memoize(
    () => {
      busy(3)
      return { a: 1 }
    },
    { ttl: 1 },
  )
  const g = group.memoize((x: number) => x + 1, { state: () => config() })
  const f = group.memoize((x: number) => {
    const y = g(x)
    busy(5)
    return y
  })
  assert.deepEqual([f(1), f(1)], [2, 2])
  assert.deepEqual(failures, [])
})

test('the limits hold whatever is cleared in between', (t) => {
  const { group } = temporaryGroup(t, { lease: false, maxEntries: 200 })
  const f = group.memoize((x: number) => x, { name: 'f' })
  const g = group.memoize(
    (x: number) => {
      busy(1.2)
      return x
    },
    { name: 'g' },
  )
  for (let i = 0; i < 130; i++) g(i)
  f(-1)
  group.clear()
  for (let i = 0; i < 500; i++) f(i)
  const count = [...group.entries()].length
  assert.ok(count <= 200, `${count}`)
  assert.equal(group.stats().entries, count)
})

describe('whoever joins a call', () => {
  test('has a result of its own arguments, whatever becomes of those of the first', async (t) => {
    const { group } = temporaryGroup(t)
    const f = group.memoize(
      async (o: { x: number }) => {
        await pause(20)
        return o.x
      },
      { onUncacheable: 'ignore' },
    )
    const [a, b] = [{ x: 1 }, { x: 1 }]
    const [one, two] = [f(a), f(b)]
    a.x = 99
    assert.deepEqual([await one, await two], [99, 1])
  })

  test('is not given up by the first, and gives up by himself', async (t) => {
    const { group } = temporaryGroup(t)
    const f = group.memoize(async (x: number, { signal }: { signal: AbortSignal }) => {
      await pause(60, undefined, { signal })
      return x
    })
    const [first, second, third] = [new AbortController(), new AbortController(), new AbortController()]
    const calls = [first, second, third].map(({ signal }) => f(1, { signal }))
    third.abort(new Error('enough'))
    first.abort()
    const ends = await Promise.allSettled(calls)
    assert.deepEqual(
      ends.map((end) => (end.status === 'fulfilled' ? end.value : (end.reason as Error).message)),
      ['The operation was aborted', 1, 'enough'],
    )
    assert.equal(f.wouldHit(1, { signal: second.signal }), true)
  })

  test('a call that was given up leaves nothing, even if it gives a value', async (t) => {
    const { group } = temporaryGroup(t)
    const f = group.memoize(async (_x: number, signal: AbortSignal) => {
      for (let n = 0; n < 10 && !signal.aborted; n++) await pause(2)
      return signal.aborted ? 'partial' : 'whole'
    })
    const controller = new AbortController()
    const one = f(1, controller.signal)
    controller.abort()
    assert.equal(await one, 'partial')
    assert.equal(await f(1, new AbortController().signal), 'whole')
  })
})

describe('calls in a circle that their keys do not show end', () => {
  const graph: Record<string, string[]> = { a: ['b'], b: ['a'] }
  test('in one thread', async (t) => {
    const { group } = temporaryGroup(t)
    type Sized = (node: string, seen?: string[]) => Promise<number>
    const sized: Sized = group.memoize(
      async (node: string, seen: string[] = []): Promise<number> => {
        await pause(10)
        if (seen.includes(node)) return 0
        let n = 1
        for (const next of graph[node]!) n += await sized(next, [...seen, node])
        return n
      },
      { ignore: ['seen'] },
    )
    // what is ignored does not count, so one of them may have the other's result in its own
    for (const size of await Promise.all([sized('a'), sized('b')])) assert.ok(size >= 0 && size <= 4)
  })

  test('in two processes', async (t) => {
    const user = project(t, {
      'main.mjs': `import { memoize } from 'permafrost'
import { spawn } from 'node:child_process'
if (process.argv[2] === undefined) {
  const all = ['a', 'b'].map((node) => spawn(process.execPath, [import.meta.filename, node], { stdio: 'inherit' }))
  await Promise.all(all.map((child) => new Promise((resolve) => child.on('exit', resolve))))
} else {
  const graph = { a: ['b'], b: ['a'] }
  const sized = memoize((node, seen = []) => {
    if (seen.includes(node)) return 0
    const end = performance.now() + 300; while (performance.now() < end);
    let n = 1
    for (const next of graph[node]) n += sized(next, [...seen, node])
    return n
  }, { ignore: [1], version: 1, name: 'sized' })
  console.log(sized(process.argv[2]))
}`,
    })
    const { printed } = user.run('main.mjs')
    assert.equal(printed.length, 2)
    for (const size of printed) assert.match(size, /^[0-4]$/)
  })
})

test('a call that is synchronous stays so, though other calls of its function are not', async (t) => {
  const user = project(t, {
    'main.mjs': `import { memoize } from 'permafrost'
import { spawn } from 'node:child_process'
const f = memoize((x) => {
  if (x === 0) return new Promise((resolve) => setTimeout(resolve, 5, 0))
  const end = performance.now() + 400; while (performance.now() < end);
  return { x }
})
if (process.argv[2] === 'first') { await f(0); console.log('begin'); f(7) }
else {
  const child = spawn(process.execPath, [import.meta.filename, 'first'], { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise((resolve) => child.stdout.on('data', resolve))
  await new Promise((resolve) => setTimeout(resolve, 50))
  console.log(JSON.stringify(f(7)))
}`,
  })
  assert.deepEqual(user.run('main.mjs').printed, ['{"x":7}'])
})

test('refresh and forget outdate what is being computed', async (t) => {
  const { group } = temporaryGroup(t)
  const source = { value: 'old', delay: 30 }
  const read = () => source.value
  const f = group.memoize(
    async () => {
      const value = read()
      await pause(source.delay)
      return value
    },
    { version: 1, name: 'f' },
  )
  const one = f()
  source.value = 'new'
  source.delay = 1
  assert.equal(await f.refresh(), 'new')
  assert.equal(await one, 'old')
  assert.equal(f.peek(), 'new')
  source.value = 'newer'
  source.delay = 30
  const two = f.refresh()
  source.value = 'newest'
  f.forget()
  assert.equal(await f(), 'newest')
  assert.equal(await two, 'newer')
  assert.equal(f.peek(), 'newest')
})

test('a revalidation that comes after the end does not run', async (t) => {
  let now = 1_000_000
  const { group } = temporaryGroup(t, { clock: () => now })
  const seen = { runs: 0 }
  const tell = () => ++seen.runs
  const f = group.memoize(() => tell(), { ttl: 1, staleWhileRevalidate: '1h', version: 1, name: 'f' })
  f()
  now += 10
  f()
  group.close()
  await pause(5)
  assert.equal(seen.runs, 1)
})

test('the newest version keeps its results, even if the clock stands still or goes back', (t) => {
  let now = 1_000_000
  const { group } = temporaryGroup(t, { clock: () => now })
  const a = group.memoize((x: number) => x + 1 - 1, { name: 'n', keepVersions: 1 })
  const b = group.memoize((x: number) => x, { name: 'n', keepVersions: 1 })
  a(1)
  b(1)
  a(2)
  assert.equal(a.wouldHit(2), true)
  now -= 5
  b(3)
  assert.equal(b.wouldHit(3), true)
})

test('what is stale stays as long as it may be of use, however cheap it was', async (t) => {
  let now = 1_000_000
  const { group } = temporaryGroup(t, { clock: () => now })
  const f = group.memoize((x: number) => x, { ttl: '1m', staleWhileRevalidate: '1h', lease: false })
  f(1)
  now += 120_000
  assert.equal((await group.gc()).expired, 0)
  assert.equal(f.wouldHit(1), true)
})

test('globals that a program replaces after import do no harm', (t) => {
  const user = project(t, {
    'main.mjs': `import { memoize } from 'permafrost'
import { setTimeout as slow } from 'node:timers/promises'
globalThis.setTimeout = slow; globalThis.setInterval = () => 1; globalThis.setImmediate = () => 1
globalThis.performance = { now: () => 0 }
const f = memoize((x) => x)
f(1)
console.log(f.wouldHit(1))`,
  })
  const { printed, stderr } = user.run('main.mjs')
  assert.deepEqual([printed, stderr], [['true'], ''])
})

test('a promise that is refused does not leave its rejection to nobody', (t) => {
  const user = project(t, {
    'main.mjs': `import { memoize } from 'permafrost'
const f = memoize(() => Object.assign(Promise.reject(new Error('prop')), { abort() {} }), { onUncacheable: 'throw' })
try { f() } catch (error) { console.log(error.code) }`,
  })
  const { printed, status, stderr } = user.run('main.mjs')
  assert.deepEqual([printed, status, stderr], [['ERR_UNENCODABLE'], 0, ''])
})

test('who joins a call that is forgotten meanwhile has a result, and is not kept either', async (t) => {
  const { group } = temporaryGroup(t)
  const source = ignore({ value: 'old', until: pause(0) })
  const inner = group.memoize(async () => {
    const { value } = source
    await source.until
    return value
  })
  const outer = group.memoize(async () => `outer ${await inner()}`, { onUncacheable: 'ignore' })
  let finish = (): void => {}
  source.until = new Promise((resolve) => {
    finish = () => resolve(undefined)
  })
  const [one, two] = [inner(), outer()]
  source.value = 'new'
  inner.forget()
  finish()
  assert.deepEqual([await one, await two], ['old', 'outer old'])
  assert.equal(await outer(), 'outer new')
})

test('who joins a call that fails by what became of its arguments makes his own', async (t) => {
  const { group } = temporaryGroup(t)
  const f = group.memoize(async (o: { x: number }) => {
    await pause(20)
    if (o.x > 1) throw new Error('too large')
    return o.x
  })
  const first = { x: 1 }
  const [one, two] = [f(first), f({ x: 1 })]
  first.x = 2
  await assert.rejects(one, /too large/)
  assert.equal(await two, 1)
})
