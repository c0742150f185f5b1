/** What one group computes is a hit for another one that has the same blob store, and nothing that fails there is felt. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type GroupOptions, ignore, type MemoizedGroup, registerClass, withPipelineId } from 'permafrost'
import { type BlobStore, openBlobStore } from 'permafrost/blob'
import { project } from '../support/project.js'
import { temporaryFolder, temporaryGroup } from '../support/temporary.js'

/** A store that notes what it is asked, and fails when it is told to. */
async function observed(): Promise<{
  readonly store: BlobStore
  readonly asked: string[]
  fails: Error | undefined
}> {
  const inner = await openBlobStore('memory:')
  const told: { asked: string[]; fails: Error | undefined } = { asked: [], fails: undefined }
  const store = new Proxy(inner, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        if (name !== 'close') told.asked.push(`${String(name)} ${String(args[0]).replace(/^.*\//, '')}`)
        if (told.fails !== undefined) return Promise.reject(told.fails)
        return Reflect.apply(value, target, args)
      }
    },
  })
  return Object.assign(told, { store })
}

/** Machines that share a store. */
function machines(t: TestContext, blobStore: BlobStore | string, options: GroupOptions = {}) {
  return () => temporaryGroup(t, { blobStore, ...options })
}

/** The same function in each group, with a count of how often it ran anywhere. */
function counted() {
  const ran = ignore({ times: 0 })
  const square = async (x: number) => {
    ran.times++
    return { square: x * x }
  }
  return { ran, squareIn: (group: MemoizedGroup) => group.memoize(square) }
}

test('what one has computed is a hit for another, in one request', async (t) => {
  const { asked, store } = await observed()
  const machine = machines(t, store)
  const [one, other] = [machine(), machine()]
  const { ran, squareIn } = counted()
  assert.deepEqual(await squareIn(one.group)(3), { square: 9 })
  assert.deepEqual(await one.group.push(), { sent: 1, present: 0, failed: 0, left: 0 })
  asked.length = 0
  const there = squareIn(other.group)
  assert.deepEqual(await there(3), { square: 9 })
  assert.deepEqual(asked, ['get result'])
  assert.deepEqual(await there(3), { square: 9 }, 'kept in its own directory')
  assert.deepEqual(asked, ['get result'])
  assert.equal(ran.times, 1)
  assert.deepEqual(other.group.stats().hits, 2)
  assert.deepEqual([...one.failures, ...other.failures], [])
})

test('what comes from others is a fresh copy each time, large memory apart and sent once', async (t) => {
  const { asked, store } = await observed()
  const machine = machines(t, store)
  const [one, other] = [machine(), machine()]
  const fill = async (x: number, _y: number) => new Float64Array(50_000).fill(x)
  const here = one.group.memoize(fill)
  await here(1, 1)
  await here(1, 2)
  await one.group.push()
  assert.equal(asked.filter((what) => /^put [0-9a-f]{64}/.test(what)).length <= 2, true)
  await here(1, 3)
  asked.length = 0
  await one.group.push()
  assert.deepEqual(
    asked.filter((what) => /^put [0-9a-f]{64}/.test(what)),
    [],
    'it is there already',
  )
  const there = other.group.memoize(fill)
  const [first, second] = await Promise.all([there(1, 1), there(1, 1)])
  first.fill(7)
  assert.equal(second[0], 1)
  assert.equal((await there(1, 1))[0], 1)
})

test('a synchronous function sends, and finds what was pulled', async (t) => {
  const machine = machines(t, await openBlobStore('memory:'))
  const [one, other] = [machine(), machine()]
  const ran = ignore({ times: 0 })
  const twice = (x: number) => {
    ran.times++
    return 2 * x
  }
  one.group.memoize(twice)(2)
  await one.group.commit({ remote: true })
  const there = other.group.memoize(twice)
  assert.deepEqual(await other.group.pull(there, [[2], [3]]), { pulled: 1, present: 0, missing: 1 })
  assert.deepEqual(await other.group.pull(there, [[2]]), { pulled: 0, present: 1, missing: 0 })
  assert.equal(there(2), 4)
  assert.equal(ran.times, 1)
})

test('modes: who only reads sends nothing, who only writes asks nothing', async (t) => {
  const { asked, store } = await observed()
  const { ran, squareIn } = counted()
  const reader = temporaryGroup(t, { blobStore: store, mode: 'read' })
  await squareIn(reader.group)(1)
  await reader.group.push()
  assert.deepEqual(asked, ['get result'])
  asked.length = 0
  const writer = temporaryGroup(t, { blobStore: store, mode: 'write' })
  await squareIn(writer.group)(1)
  await writer.group.push()
  assert.deepEqual(asked, ['put result'])
  assert.equal(ran.times, 2)
})

test('the first result wins; who comes second takes it over', async (t) => {
  const store = await openBlobStore('memory:')
  const machine = machines(t, store, { lease: false })
  const [one, other] = [machine(), machine()]
  const next = ignore({ value: 0 })
  const fresh = async (_x: string) => ++next.value
  const [here, there] = [one.group.memoize(fresh), other.group.memoize(fresh)]
  // both look before either has sent
  assert.deepEqual(await Promise.all([here('a'), there('a')]), [1, 2])
  const reports = await Promise.all([one.group.push(), other.group.push()])
  assert.deepEqual(
    reports.map(({ present, sent }) => sent + present),
    [1, 1],
  )
  assert.equal(await here('a'), await there('a'))
})

test('refresh replaces what is there for all; an expired result is replaced, too', async (t) => {
  let now = 1_000_000
  // has no clock of its own
  const store = await openBlobStore(`file://${temporaryFolder(t)}`)
  const machine = machines(t, store, { clock: () => now })
  const [one, other, third] = [machine(), machine(), machine()]
  const next = ignore({ value: 0 })
  const fresh = async () => ++next.value
  const here = one.group.memoize(fresh, { ttl: '1h' })
  assert.equal(await here(), 1)
  await one.group.push()
  assert.equal(await here.refresh(), 2)
  await one.group.push()
  assert.equal(await other.group.memoize(fresh, { ttl: '1h' })(), 2)
  now += 3_600_001
  assert.equal(await other.group.memoize(fresh, { ttl: '1h' })(), 3)
  await other.group.push()
  assert.equal(await third.group.memoize(fresh, { ttl: '1h' })(), 3)
})

test('errors are shared where they are kept, and give way to values', async (t) => {
  const store = await openBlobStore('memory:')
  const machine = machines(t, store)
  const [one, other, third] = [machine(), machine(), machine()]
  const ran = ignore({ times: 0 })
  const fail = async (_x: number): Promise<string> => {
    if (ran.times++ === 0) throw new RangeError('too large')
    return 'well'
  }
  await assert.rejects(one.group.memoize(fail, { cacheErrors: true })(1), /too large/)
  await one.group.push()
  await assert.rejects(other.group.memoize(fail, { cacheErrors: true })(1), RangeError)
  assert.equal(ran.times, 1)
  const again = third.group.memoize(fail, { cacheErrors: true, rerunErrors: true })
  assert.equal(await again(1), 'well')
  await third.group.push()
  assert.equal(await machine().group.memoize(fail)(1), 'well')
})

test('a store that fails costs nothing but the sharing, and is left alone for a while', async (t) => {
  const told = await observed()
  const { squareIn } = counted()
  const { failures, group } = temporaryGroup(t, { blobStore: told.store })
  const square = squareIn(group)
  told.fails = new Error('the wire is cut')
  for (const x of [1, 2, 3, 4]) assert.deepEqual(await square(x), { square: x * x })
  const { failed, left, sent } = await group.push()
  assert.equal(sent, 0)
  assert.equal(failed + left, 4)
  assert.ok(told.asked.length < 8, `${told.asked.length} requests`)
  assert.ok(failures.length <= 2 && failures.every(({ message }) => /wire/.test(message)), String(failures))
})

test('a signing key: what is unsigned, or signed by others, is nothing', async (t) => {
  const store = await openBlobStore('memory:')
  const { ran, squareIn } = counted()
  const call = async (signingKey?: string) => {
    const { group } = temporaryGroup(t, { blobStore: store, ...(signingKey !== undefined && { signingKey }) })
    await squareIn(group)(5)
    await group.push()
    return ran.times
  }
  assert.equal(await call(), 1)
  assert.equal(await call('secret'), 2)
  assert.equal(await call('secret'), 2)
  assert.equal(await call('other'), 3)
})

test('a pipeline is apart from others, here and there; the outermost scope counts', async (t) => {
  const store = await openBlobStore('memory:')
  const { group } = temporaryGroup(t, { blobStore: store, pipelineId: 'team/one' })
  const { ran, squareIn } = counted()
  const square = squareIn(group)
  await square(2)
  assert.equal(ran.times, 1)
  await withPipelineId('nightly', () => withPipelineId('inner', () => square(2)))
  assert.equal(ran.times, 2)
  assert.match(square.memoUri(2), /^memory:\/permafrost-1\/team\/one\/square@[\w-]{43}\/[\w-]{43}$/)
  assert.match(
    withPipelineId('nightly', () => square.memoUri(2)),
    /\/nightly\/square@/,
  )
  await square(2)
  assert.equal(ran.times, 2)
})

test('a memospace of another function is gone on with', async (t) => {
  const store = await openBlobStore('memory:')
  const machine = machines(t, store)
  const [one, other] = [machine(), machine()]
  const old = one.group.memoize(async (x: number) => x + 1, { name: 'old', version: 1 })
  await old(1)
  await one.group.push()
  const memospace = old.memoUri(1).replace(/\/[^/]+$/, '')
  const renamed = other.group.memoize(async (x: number) => x + 100, { name: 'new', memospace })
  assert.equal(await renamed(1), 2)
  assert.equal(await renamed(2), 102)
  await other.group.push()
  assert.equal(await machine().group.memoize(async (x: number) => x, { name: 'third', memospace })(2), 102)
})

test('instances, output and what was recorded as read travel as in the directory', async (t) => {
  class Point {
    readonly x: number
    constructor(x: number) {
      this.x = x
    }
  }
  registerClass(Point, { name: 'tiers.Point', encode: ({ x }) => x, decode: (x: number) => new Point(x) })
  const machine = machines(t, await openBlobStore('memory:'))
  const [one, other] = [machine(), machine()]
  const point = async (x: number) => ({ point: new Point(x), at: new Date(0), big: new Map([[x, 1n]]) })
  await one.group.memoize(point)(4)
  await one.group.push()
  const there = await other.group.memoize(point)(4)
  assert.deepEqual(there, await point(4))
  assert.ok(there.point instanceof Point)
})

test('of many machines that want one result, one computes', async (t) => {
  const { asked, store } = await observed()
  const ran = ignore({ times: 0 })
  const slow = async (x: number) => {
    ran.times++
    await new Promise((resolve) => setTimeout(resolve, 100))
    return x
  }
  const groups = Array.from({ length: 8 }, () => temporaryGroup(t, { blobStore: store }))
  const values = await Promise.all(groups.map(({ group }) => group.memoize(slow)(1)))
  assert.deepEqual(values, Array(8).fill(1))
  assert.equal(ran.times, 1)
  asked.length = 0
  const alone = temporaryGroup(t, { blobStore: store })
  await alone.group.memoize(slow)(2)
  await alone.group.push()
  assert.deepEqual(asked, ['get result', 'put lease', 'put result'])
})

test('a result that came while the store took its time to give the right is not computed again', async (t) => {
  const inner = await openBlobStore('memory:')
  const { ran, squareIn } = counted()
  const first = temporaryGroup(t, { blobStore: inner })
  const store = new Proxy(inner, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return async (...args: unknown[]) => {
        if (name === 'put' && String(args[0]).endsWith('/lease')) {
          const began = performance.now()
          await squareIn(first.group)(3)
          await first.group[Symbol.asyncDispose]()
          while (performance.now() - began < 1000) await new Promise((resolve) => setTimeout(resolve, 50))
        }
        return Reflect.apply(value, target, args)
      }
    },
  })
  const second = temporaryGroup(t, { blobStore: store })
  assert.deepEqual(await squareIn(second.group)(3), { square: 9 })
  assert.equal(ran.times, 1)
})

test('of many calls at once each waits for the others, and none takes that for silence of the store', async (t) => {
  const inner = await openBlobStore('memory:')
  let [inside, most] = [0, 0]
  const store = new Proxy(inner, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return async (...args: unknown[]) => {
        if (name !== 'get') return Reflect.apply(value, target, args)
        most = Math.max(most, ++inside)
        await new Promise((resolve) => setTimeout(resolve, 60))
        inside--
        return Reflect.apply(value, target, args)
      }
    },
  })
  const writer = temporaryGroup(t, { blobStore: inner, lease: false })
  const { ran, squareIn } = counted()
  const numbers = Array.from({ length: 500 }, (_, index) => index)
  await Promise.all(numbers.map(squareIn(writer.group)))
  await writer.group.push()
  const { failures, group } = temporaryGroup(t, { blobStore: store, patience: 300 })
  await Promise.all(numbers.map(squareIn(group)))
  assert.equal(ran.times, 500)
  assert.equal(most, 64)
  assert.deepEqual(failures, [])
})

test('whoever fails leaves the right to the next one at once', async (t) => {
  const store = await openBlobStore('memory:')
  const machine = machines(t, store)
  const ran = ignore({ times: 0 })
  const fail = async (_x: number): Promise<string> => {
    if (ran.times++ === 0) throw new Error('once')
    return 'well'
  }
  await assert.rejects(machine().group.memoize(fail)(1), /once/)
  assert.equal(await machine().group.memoize(fail)(1), 'well')
})

test('what an asynchronous generator gave elsewhere is given here, value by value', async (t) => {
  const machine = machines(t, await openBlobStore('memory:'))
  const [one, other] = [machine(), machine()]
  const ran = ignore({ times: 0 })
  const count = async function* (to: number): AsyncGenerator<number, string> {
    ran.times++
    for (let value = 0; value < to; value++) yield value
    return 'done'
  }
  const all = async (group: MemoizedGroup) => {
    const values: unknown[] = []
    const stream = group.memoize(count)(3)
    for (let step = await stream.next(); ; step = await stream.next()) {
      values.push(step.value)
      if (step.done === true) return values
    }
  }
  assert.deepEqual(await all(one.group), [0, 1, 2, 'done'])
  await one.group.push()
  assert.deepEqual(await all(other.group), [0, 1, 2, 'done'])
  assert.deepEqual(await all(other.group), [0, 1, 2, 'done'])
  assert.equal(ran.times, 1)
  assert.deepEqual([...one.failures, ...other.failures], [])
})

test('a stream that an asynchronous function gives is shared, too', async (t) => {
  const machine = machines(t, await openBlobStore('memory:'))
  const [one, other] = [machine(), machine()]
  const ran = ignore({ times: 0 })
  const open = async (text: string) => {
    ran.times++
    return new Blob([text]).stream()
  }
  const read = async (group: MemoizedGroup) => new Response(await group.memoize(open)('ice')).text()
  assert.equal(await read(one.group), 'ice')
  await one.group.push()
  assert.equal(await read(other.group), 'ice')
  assert.equal(ran.times, 1)
})

/** A store of which some requests wait until they are let go. */
function held(inner: BlobStore) {
  const waiting: { readonly name: string; readonly go: () => void }[] = []
  const holds = new Set<string>()
  const store = new Proxy(inner, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return async (...args: unknown[]) => {
        if (holds.has(String(name)))
          await new Promise<void>((resolve) => waiting.push({ name: String(name), go: resolve }))
        return Reflect.apply(value, target, args)
      }
    },
  })
  const turns = () => new Promise((resolve) => setImmediate(resolve))
  return {
    store,
    hold: (name: string) => void holds.add(name),
    /** Resolves when such a request is waiting. */
    reached: async (name: string) => {
      while (!waiting.some((one) => one.name === name)) await turns()
    },
    letGo: (name: string) => {
      holds.delete(name)
      for (const one of waiting.splice(0)) one.go()
    },
  }
}

test('a call whose arguments change while it waits for its turn is not taken for what they are by then', (t) => {
  const user = project(t, {
    'main.mjs': `
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openBlobStore } from 'permafrost/blob'
import { ignore, MemoizedGroup } from 'permafrost'
const source = ignore({ until: undefined })
const slow = async (o) => {
  await source.until
  return { n: o.n }
}
if (process.argv[2] === 'first') {
  source.until = once(process.stdin, 'data').then(() => undefined)
  const group = new MemoizedGroup({ directory: 'one' })
  const first = group.memoize(slow, { shouldCache: () => false })({ n: 1 })
  console.log('begun')
  await first
  process.exit()
}
const blobStore = await openBlobStore('memory:')
const elsewhere = new MemoizedGroup({ directory: 'two', blobStore })
await elsewhere.memoize(slow)({ n: 2 })
await elsewhere.push()
const child = spawn(process.execPath, [import.meta.filename, 'first'], { stdio: ['pipe', 'pipe', 'inherit'] })
await once(child.stdout, 'data')
const there = new MemoizedGroup({ directory: 'one', blobStore }).memoize(slow, { onUncacheable: 'ignore' })
const given = { n: 1 }
const second = there(given)
given.n = 2
child.stdin.end('go on')
await second
console.log(JSON.stringify([await there({ n: 1 }), await there({ n: 2 })]))`,
  })
  assert.deepEqual(user.run('main.mjs').printed, ['[{"n":1},{"n":2}]'])
})

test('a result that is made of arguments as they were for a while is not kept', async (t) => {
  const { hold, letGo, reached, store } = held(await openBlobStore('memory:'))
  const { group } = temporaryGroup(t, { blobStore: store })
  const source = ignore({ until: Promise.resolve() })
  const f = group.memoize(
    async (o: { n: number }) => {
      const { n } = o
      await source.until
      return { n }
    },
    { onUncacheable: 'ignore' },
  )
  const given = { n: 1 }
  source.until = new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
  hold('get')
  const first = f(given)
  await reached('get')
  given.n = 2
  letGo('get')
  // by the time it returns, they are as they were
  assert.deepEqual(
    await Promise.race([first, source.until.then(() => void (given.n = 1)).then(() => first)]),
    { n: 2 },
  )
  assert.deepEqual(await f({ n: 1 }), { n: 1 })
})

test('what was asked for before somebody computed it anew does not replace that', async (t) => {
  const memory = await openBlobStore('memory:')
  const { hold, letGo, reached, store } = held(memory)
  const next = ignore({ value: 0 })
  const fresh = async () => ++next.value
  const [one, other] = [temporaryGroup(t, { blobStore: memory }), temporaryGroup(t, { blobStore: store })]
  await one.group.memoize(fresh)()
  await one.group.push()
  const there = other.group.memoize(fresh)
  hold('get')
  const first = there()
  await reached('get')
  assert.equal(await there.refresh(), 2)
  letGo('get')
  await first
  await other.group.push()
  assert.notEqual(await there(), 1)
})

test('who comes second does not take over what was computed anew meanwhile', async (t) => {
  const memory = await openBlobStore('memory:')
  const { hold, letGo, reached, store } = held(memory)
  const next = ignore({ value: 0 })
  const fresh = async () => ++next.value
  const one = temporaryGroup(t, { blobStore: memory, lease: false })
  const other = temporaryGroup(t, { blobStore: store, lease: false })
  const there = other.group.memoize(fresh)
  hold('put')
  assert.equal(await there(), 1)
  await reached('put')
  // the other machine is quicker
  await one.group.memoize(fresh).refresh()
  await one.group.push()
  hold('get')
  letGo('put')
  await reached('get')
  assert.equal(await there.refresh(), 3)
  letGo('get')
  await other.group.push()
  assert.equal(await there(), 3)
})
