/** What is told to whoever listens, and that nobody who does not pays or suffers for it. */
import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { project } from './support/project.js'
import { temporaryGroup } from './support/temporary.js'

type Told = Readonly<Record<string, unknown>>

/** What a channel tells until the test is over. */
function listen(t: TestContext, channel: string): Told[] {
  const told: Told[] = []
  const note = (message: unknown): void => void told.push(message as Told)
  subscribe(channel, note)
  t.after(() => unsubscribe(channel, note))
  return told
}

const only = (told: readonly Told[], ...names: string[]): unknown[][] =>
  told.map((event) => names.map((name) => event[name]))

describe('permafrost:ops', () => {
  test('tells what becomes of calls and entries', async (t) => {
    const told = listen(t, 'permafrost:ops')
    const clock = { now: 1_000_000 }
    const { group } = temporaryGroup(t, { clock: () => clock.now })
    const double = group.memoize((n: number, _how?: object) => 2 * n, {
      name: 'double',
      ttl: 10,
      tags: ['x'],
    })
    const { digest } = double.key(1)
    double(1)
    double(1)
    assert.deepEqual(only(told.splice(0), 'event', 'name', 'args', 'key', 'reason'), [
      ['miss', 'double', '1', digest, 'absent'],
      ['stored', 'double', '1', digest, undefined],
      ['hit', 'double', '1', digest, undefined],
    ])
    double(2, { deep: { er: [1, 2, 3, 4, 5] } })
    assert.deepEqual(only(told.splice(0), 'event', 'args', 'reason'), [
      ['miss', '2, { deep: { er: [Array] } }', 'args'],
      ['stored', '2, { deep: { er: [Array] } }', undefined],
    ])
    clock.now += 20
    double(1)
    double.refresh(1)
    assert.deepEqual(
      only(told.splice(0), 'event', 'reason').filter(([event]) => event === 'miss'),
      [
        ['miss', 'absent'],
        ['miss', 'refresh'],
      ],
    )
    double.forget(1)
    double(1)
    group.clear({ tag: 'x' })
    assert.deepEqual(only(told.splice(0), 'event', 'reason', 'entries'), [
      ['forgotten', undefined, undefined],
      ['miss', 'forgotten', undefined],
      ['stored', undefined, undefined],
      ['forgotten', undefined, 2],
    ])
    const fails = group.memoize((_of: object) => () => 1, { name: 'fails', onUncacheable: 'ignore' })
    fails({ big: 'x'.repeat(200) })
    const [miss, cannot] = told.splice(0)
    assert.equal(miss?.['event'], 'miss')
    assert.ok(String(miss?.['args']).length <= 80)
    assert.equal(cannot?.['event'], 'uncacheable')
  })

  test('each event has a channel of its own, too', (t) => {
    const hits = listen(t, 'permafrost:hit')
    const { group } = temporaryGroup(t)
    const double = group.memoize((n: number) => 2 * n, { name: 'double' })
    double(1)
    double(1)
    assert.deepEqual(only(hits, 'event', 'name'), [['hit', 'double']])
  })

  test('arguments that fight back, and listeners that throw, harm nobody', (t) => {
    const told = listen(t, 'permafrost:ops')
    const { group } = temporaryGroup(t)
    const count = group.memoize((_of: object) => 1, { name: 'count', cacheKey: () => 1 })
    const hostile = {
      get trap(): never {
        throw new Error('a getter was run')
      },
      [Symbol.for('nodejs.util.inspect.custom')](): never {
        throw new Error('a method was run')
      },
    }
    assert.equal(count(hostile), 1)
    assert.equal(count(new Proxy({}, { ownKeys: () => assert.fail('a trap was run') })), 1)
    assert.equal(told.at(-1)?.['event'], 'hit')
  })
})

describe('permafrost:perf', () => {
  test('how long each step took', async (t) => {
    const told = listen(t, 'permafrost:perf')
    const { group } = temporaryGroup(t, { memory: false })
    const list = group.memoize(async (n: number) => Array.from({ length: n }, (_, i) => i), { name: 'list' })
    await list(1000)
    await list(1000)
    const [miss, hit] = told as { event: string; steps: Record<string, number>; total: number }[]
    assert.deepEqual(
      [miss?.event, Object.keys(miss!.steps)],
      ['miss', ['key', 'find', 'compute', 'encode', 'write']],
    )
    assert.deepEqual([hit?.event, Object.keys(hit!.steps)], ['hit', ['key', 'find', 'read', 'decode']])
    for (const { steps, total } of [miss!, hit!]) {
      const sum = Object.values(steps).reduce((all, took) => all + took, 0)
      assert.ok(sum > 0 && sum <= total, `${sum} of ${total}`)
    }
  })
})

describe('permafrost:freeze', () => {
  test('what is walked, once for what cannot change', (t) => {
    const told = listen(t, 'permafrost:freeze')
    const { group } = temporaryGroup(t)
    const factor = 2
    let changing = 1
    const still = group.memoize((n: number) => factor * n, { name: 'still' })
    const moving = group.memoize((n: number) => changing * n, { name: 'moving' })
    still(1)
    still(1)
    moving(1)
    changing += 1
    moving(1)
    const names = only(told, 'name').flat()
    assert.deepEqual(
      [names.filter((name) => name === 'still').length, names.filter((name) => name === 'moving').length > 1],
      [1, true],
    )
  })

  test('how many texts were parsed for it, and how many were remembered', (t) => {
    const told = listen(t, 'permafrost:freeze')
    const { group } = temporaryGroup(t)
    const unseen = `n => n + ${Math.random()}`
    const first = group.memoize(new Function(`return ${unseen}`)() as (n: number) => number, {
      name: 'first',
    })
    const again = group.memoize(new Function(`return ${unseen}`)() as (n: number) => number, {
      name: 'again',
    })
    first(1)
    again(1)
    // the function's text, and that of the script that made it
    assert.deepEqual(only(told, 'name', 'parsed', 'remembered'), [
      ['first', 2, 0],
      // of the same text nobody has to remember anything; its script is another with the same source
      ['again', 0, 1],
    ])
  })
})

describe('in the environment', () => {
  const program = {
    'main.mjs': `import { MemoizedGroup } from 'permafrost'
      const group = new MemoizedGroup({ directory: 'cache' })
      const wait = group.memoize((text) => { const end = performance.now() + 20; while (performance.now() < end); return text.length }, { name: 'wait' })
      wait('some text')
      wait('some text')
      const thin = group.memoize((list) => list.length, { name: 'thin' })
      const list = Array.from({ length: 10_000 }, (_, n) => n / 3)
      let warnings = 0
      process.on('warning', () => warnings++)
      // until somebody is told, or for ever, which ends the test
      while (process.argv[2] === 'thin' && warnings === 0) { thin(list); await new Promise(setImmediate) }
      if (process.argv[2] === 'thin') for (let n = 0; n < 10; n++) thin(list)`,
  }

  test('DEBUG prints lines for people', (t) => {
    const user = project(t, program)
    const { stderr } = user.run('main.mjs', { env: { DEBUG: 'permafrost:*' } })
    assert.match(
      stderr,
      /permafrost:ops miss wait\('some text'\) \[[0-9a-f]{12}\] reason absent, explanation nothing is kept of wait/,
    )
    assert.match(stderr, /permafrost:ops stored wait\('some text'\) .* size \d+ B, computeTime [\d.]+ms/)
    assert.match(stderr, /permafrost:ops hit wait\('some text'\) .* timeSaved [\d.]+ms/)
    assert.match(
      stderr,
      /permafrost:perf miss wait \[[0-9a-f]{12}\] key .*, find .*, compute [\d.]+ms, encode .*, write .*, total /,
    )
    assert.match(stderr, /permafrost:freeze wait /)
    const quiet = user.run('main.mjs', { env: { DEBUG: 'express:*' } })
    assert.equal(quiet.stderr, '')
  })

  test('PERMAFROST_PERF_LOG has a line of JSON for each call', (t) => {
    const user = project(t, program)
    user.run('main.mjs', { env: { PERMAFROST_PERF_LOG: 'perf.jsonl' } })
    user.run('main.mjs', { env: { PERMAFROST_PERF_LOG: 'perf.jsonl' } })
    const lines = readFileSync(join(user.directory, 'perf.jsonl'), 'utf8').trimEnd().split('\n')
    const told = lines.map((line) => JSON.parse(line) as Told)
    assert.deepEqual(only(told, 'event', 'name'), [
      ['miss', 'wait'],
      ['hit', 'wait'],
      ['hit', 'wait'],
      ['hit', 'wait'],
    ])
    assert.equal(typeof told[0]?.['at'], 'number')
    const broken = user.run('main.mjs', { env: { PERMAFROST_PERF_LOG: join('no', 'such', 'folder') } })
    assert.deepEqual([broken.status, broken.stderr], [0, ''])
  })

  test('PERMAFROST_REPORT prints a table at the end', (t) => {
    const user = project(t, program)
    assert.equal(user.run('main.mjs').stderr, '')
    const { stderr } = user.run('main.mjs', { env: { PERMAFROST_REPORT: '1' } })
    assert.match(stderr, /function +hits +misses +time saved +time spent +overhead +kept\n+wait +2 +0 /)
    assert.match(stderr, /all runs: 3 hits, 1 misses/)
  })

  test('a function that costs more than it saves is told of once, with the cure', (t) => {
    const user = project(t, program)
    const { stderr } = user.run('main.mjs', { args: ['thin'] })
    const warnings = stderr.split('\n').filter((line) => line.includes('WARN_THRASHING'))
    assert.equal(warnings.length, 1)
    assert.match(
      warnings[0]!,
      /thin: permafrost took .* for \d+ calls that are computed in .* each: .*Memoize a function further out/,
    )
  })
})

test('overhead is counted for all processes, also in a directory that has no place for it yet', (t) => {
  const { group, reopen } = temporaryGroup(t)
  const double = group.memoize((n: number) => 2 * n, { name: 'double' })
  double(1)
  double(1)
  const { overhead } = double.stats()
  assert.ok(overhead > 0 && overhead < 10_000)
  group.close()
  const again = reopen()
  assert.ok(Math.abs(again.stats().overhead - overhead) < 1e-6)
  again.resetStats()
  assert.equal(again.stats().overhead, 0)
})
