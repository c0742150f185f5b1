/** References to results, and looking whether functions are what they are taken for. */
import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { file, type InputFile, StoreError } from 'permafrost'
import { project } from './support/project.js'
import { temporaryFolder, temporaryGroup } from './support/temporary.js'

describe('ref', () => {
  test('counts by the content of the result, is read only on a miss, and computes what is missing', (t) => {
    const { group } = temporaryGroup(t, { memory: false })
    const seen: string[] = []
    const tell = (what: string) => void seen.push(what)
    const load = group.memoize(
      (n: number) => {
        tell(`load ${n}`)
        return new Float64Array(20_000).fill(n % 10)
      },
      { version: 1, name: 'load' },
    )
    const sum = group.memoize(
      (data: { get(): Float64Array }) => {
        tell('sum')
        return data.get().reduce((a, b) => a + b, 0)
      },
      { version: 1, name: 'sum' },
    )
    assert.equal(sum(load.ref(1)), 20_000)
    assert.deepEqual(seen.splice(0), ['load 1', 'sum'])
    assert.equal(sum(load.ref(1)), 20_000)
    // another call with an equal result is an equal reference
    assert.equal(sum(load.ref(11)), 20_000)
    assert.deepEqual(seen.splice(0), ['load 11'])
    assert.equal(load.ref(1).digest, load.ref(11).digest)
    assert.notEqual(load.ref(1).digest, load.ref(2).digest)
    // a hit that nobody reads does not need its object
    for (const name of ['objects', 'leaves'])
      rmSync(join(group.directory, name), { recursive: true, force: true })
    assert.equal(sum(load.ref(1)), 20_000)
    seen.length = 0
    assert.equal(load.ref(1).get()[0], 1)
    assert.deepEqual(seen, ['load 1'])
  })

  test('of asynchronous functions, of results that are not kept, of errors', async (t) => {
    const { group } = temporaryGroup(t)
    const load = group.memoize(async (n: number) => ({ n }), { name: 'load' })
    const one = await load.ref(1)
    assert.deepEqual(one.get(), { n: 1 })
    assert.notEqual(one.get(), one.get())
    group.clear()
    assert.throws(() => one.get(), StoreError)
    const unkept = group.memoize((n: number) => ({ n }), { shouldCache: () => false })
    assert.deepEqual(unkept.ref(1).get(), { n: 1 })
    assert.equal(unkept.ref(1).digest, unkept.ref(1).digest)
    const fails = group.memoize(
      () => {
        throw new Error('no')
      },
      { cacheErrors: true },
    )
    assert.throws(() => fails.ref(), /no/)
    assert.throws(() => fails.ref(), /no/)
  })
})

describe('ref and what it depends on', () => {
  test("what was read under inputs: 'auto' is looked at", (t) => {
    const { group } = temporaryGroup(t)
    const path = join(temporaryFolder(t), 'config.json')
    writeFileSync(path, '"one"')
    const read = group.memoize((name: string) => readFileSync(join(name), 'utf8'), {
      inputs: 'auto',
      observe: false,
      name: 'read',
    })
    const upper = group.memoize((text: { get(): string }) => text.get().toUpperCase(), {
      version: 1,
      name: 'upper',
    })
    assert.equal(upper(read.ref(path)), '"ONE"')
    const before = read.ref(path).digest
    assert.equal(read.ref(path).digest, before)
    writeFileSync(path, '"two"')
    assert.notEqual(read.ref(path).digest, before)
    assert.equal(upper(read.ref(path)), '"TWO"')
  })

  test('a call that refers to one with an input file, or with an end, is kept no longer than that', (t) => {
    const clock = { now: 1_000_000 }
    const { group } = temporaryGroup(t, { clock: () => clock.now })
    const path = join(temporaryFolder(t), 'input.txt')
    writeFileSync(path, 'one')
    const options = { version: 1, onUncacheable: 'ignore' } as const
    const read = group.memoize((from: InputFile) => readFileSync(from.path, 'utf8'), {
      ...options,
      name: 'read',
    })
    const around = group.memoize(() => read.ref(file(path)).get(), { ...options, name: 'around' })
    const brief = group.memoize(() => clock.now, { ...options, name: 'brief', ttl: 10 })
    const aroundBrief = group.memoize(() => brief.ref().get(), { ...options, name: 'around brief' })
    read(file(path))
    const began = brief()
    assert.equal(around(), 'one')
    assert.equal(aroundBrief(), began)
    assert.equal(around.wouldHit(), false)
    assert.equal(aroundBrief.wouldHit(), true)
    writeFileSync(path, 'two')
    clock.now += 20
    assert.equal(around(), 'two')
    assert.equal(aroundBrief(), began + 20)
  })

  test('what is read is what was referred to, whatever the call would give by now', (t) => {
    const { group } = temporaryGroup(t)
    const world = { release: 1 }
    const load = group.memoize(() => [world.release], { name: 'load' })
    const tenfold = group.memoize((data: { get(): number[] }) => 10 * data.get()[0]!, { name: 'tenfold' })
    const first = load.ref()
    world.release = 2
    assert.equal(tenfold(first), 10)
    world.release = 1
    assert.equal(tenfold(load.ref()), 10)
  })

  test('what is gone and comes out the same is no reason for doubt, but what comes out otherwise is', (t) => {
    const { failures, group } = temporaryGroup(t)
    const path = join(temporaryFolder(t), 'input.txt')
    writeFileSync(path, '1')
    const read = group.memoize((from: InputFile) => [Number(readFileSync(from.path, 'utf8'))], {
      version: 1,
      name: 'read',
    })
    const tenfold = group.memoize((data: { get(): number[] }) => 10 * data.get()[0]!, { name: 'tenfold' })
    const one = read.ref(file(path))
    read.forget(file(path))
    assert.equal(tenfold(one), 10)
    assert.equal(tenfold.wouldHit(one), true)
    assert.deepEqual(failures, [])
    tenfold.clear()
    read.forget(file(path))
    writeFileSync(path, '2')
    assert.equal(tenfold(one), 20)
    assert.match(String(failures), /tenfold|gone, or another by now/)
    writeFileSync(path, '1')
    assert.equal(tenfold(read.ref(file(path))), 10)
  })

  test('a result that is not kept, and is changed after it was referred to, is no part of what is kept', (t) => {
    const { failures, group } = temporaryGroup(t)
    const load = group.memoize(() => [1, 2], { shouldCache: () => false, name: 'load' })
    const last = group.memoize((data: { get(): number[] }) => data.get().at(-1), { name: 'last' })
    const data = load.ref()
    data.get().push(3)
    assert.equal(last(data), 3)
    assert.match(String(failures), /was changed/)
    assert.equal(last(load.ref()), 2)
  })

  test('a hit counts for all', (t) => {
    const { group } = temporaryGroup(t)
    const double = group.memoize((n: number) => 2 * n, { name: 'double' })
    double.ref(1)
    double.ref(1)
    assert.equal(group.stats().functions['double']!.hits, 1)
  })
})

describe('audit', () => {
  const listening = <T>(act: () => T): { readonly result: T; readonly told: string[]; stop(): void } => {
    const told: string[] = []
    const listen = (event: unknown) => void told.push((event as { what: string }).what)
    subscribe('permafrost:impure', listen)
    return { result: act(), told, stop: () => unsubscribe('permafrost:impure', listen) }
  }

  test("'mutation' tells what a call changed", async (t) => {
    const { group } = temporaryGroup(t)
    const state = { count: 0 }
    const options = { audit: 'mutation', name: 'f' } as const
    const changesArgument = group.memoize((o: { x: number }) => o.x++, options)
    const changesCapture = group.memoize(
      async (x: number) => {
        await null
        state.count++
        return x
      },
      { ...options, onUncacheable: 'ignore' },
    )
    const changesNothing = group.memoize((x: number) => x, options)
    const { result, stop, told } = listening(() => [changesArgument({ x: 1 }), changesNothing(1)])
    await changesCapture(1)
    stop()
    assert.deepEqual(result, [1, 1])
    assert.equal(told.length, 2)
    assert.match(told[0]!, /changes its arguments: args\[0\]\.x 1 → 2/)
    assert.match(told[1]!, /changes what it captures: .*count 0 → 1/)
  })

  test('a fraction computes hits again and tells what differs, and the hit is what was kept', async (t) => {
    const { group } = temporaryGroup(t)
    const state = { n: 0, fail: false }
    const next = () => {
      if (state.fail) throw new Error('no')
      return { rows: [0, ++state.n] }
    }
    const options = { audit: 1, version: 1 } as const
    const sync = group.memoize(() => next(), { ...options, name: 'sync' })
    const async = group.memoize(async () => next(), { ...options, name: 'async' })
    const pure = group.memoize((x: number) => [x], { ...options, name: 'pure' })
    sync()
    await async()
    pure(1)
    const { result, stop, told } = listening(() => [sync(), pure(1)])
    assert.deepEqual(result, [{ rows: [0, 1] }, [1]])
    assert.deepEqual(await async(), { rows: [0, 2] })
    state.fail = true
    assert.deepEqual(sync(), { rows: [0, 1] })
    stop()
    assert.equal(told.length, 3)
    assert.match(told[0]!, /result\.rows\[1\] 1 → 3/)
    assert.match(told[1]!, /result\.rows\[1\] 2 → 4/)
    assert.match(told[2]!, /throws/)
  })

  test('a warning says it once', (t) => {
    const user = project(t, {
      'main.mjs': `import { memoize } from 'permafrost'
const f = memoize((o) => { o.x++; return 1 }, { audit: 'mutation', name: 'f' })
f({ x: 1 }); f({ x: 2 }); f({ x: 1 })`,
    })
    const { stderr } = user.run('main.mjs')
    assert.match(stderr, /WARN_IMPURE.*f is not a function of its arguments/)
    assert.equal(stderr.match(/PermafrostWarning/g)!.length, 2)
  })
})
