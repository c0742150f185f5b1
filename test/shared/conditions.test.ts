/**
 * What becomes of calls when the blob store is slow, broken, wrong or gone: each has its value, loses no more than one patience an
 * interval, nothing wrong is given or kept here or there, and what could not be sent is sent by a later push.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import { after, describe, test } from 'node:test'
import { type GroupOptions, ignore, type MemoizedGroup } from 'permafrost'
import { type BlobStore, type BlobStoreOptions, openBlobStore } from 'permafrost/blob'
import { type Fault, faulty } from '../blob/faulty.js'
import { answering, httpStore, type Server } from '../blob/http-server.js'
import { credentials, s3Store } from '../blob/s3-server.js'
import { temporaryGroup } from '../support/temporary.js'

const servers: Server[] = []
after(() => Promise.all(servers.map((server) => server.close())))

type Opened = (url: string, options?: BlobStoreOptions) => Promise<BlobStore>

const opened: Readonly<Record<string, { readonly upstream: string; readonly open: Opened }>> = {
  http: await serving(await httpStore(), (url, options) => openBlobStore(`${url}/cache`, options)),
  s3: await serving(await s3Store(), (url, options) =>
    openBlobStore('s3://bucket/cache', { ...credentials, endpoint: url, ...options }),
  ),
}

async function serving(server: Server, open: Opened) {
  servers.push(server)
  return { upstream: server.url, open }
}

const QUICK: BlobStoreOptions = { timeout: 1000, retries: 1, retryDelay: 1 }
const PATIENCE = 500
const HERE: GroupOptions = { patience: PATIENCE, lease: false }

/** Large enough to be cut, with memory in an object of its own in every third. */
const valueOf = (x: number): unknown =>
  x % 3 === 0 ? { x, rows: new Float64Array(9000).fill(x) } : { x, text: 'text '.repeat(20) }

let calls = 0

/** Of a function that nobody else has. */
function counted() {
  const ran = ignore({ times: 0 })
  const fn = async (x: number) => {
    ran.times++
    return valueOf(x)
  }
  return { ran, fn, name: `conditions.${++calls}` }
}

/** A push, and some more while something is left: a server that is busy with other tests may seem to be silent. */
async function pushed(group: MemoizedGroup) {
  let report = await group.push()
  for (let tried = 0; tried < 10 && report.left > 0; tried++) report = await group.push()
  return report
}

const on = (method: string, fault: Fault) => (asked: string) => (asked === method ? fault : 'none')

interface Case {
  readonly rule: (method: string, url: string) => Fault
  /** Requests that calls may cost at most while it lasts, where it is noticed that the store is no good. */
  readonly most?: number
  /** Whether all is there when it is over, and was pushed. */
  readonly arrives?: boolean
}

const CASES: Readonly<Record<string, Case>> = {
  'answers 500': { rule: () => ({ status: 500 }), most: 24, arrives: true },
  'is busy': { rule: () => ({ status: 429, headers: { 'retry-after': '60' } }), most: 24, arrives: true },
  'is busy for a moment': {
    rule: () => ({ status: 503, headers: { 'retry-after': '0' } }),
    most: 24,
    arrives: true,
  },
  'is silent': { rule: () => 'silent', most: 24, arrives: true },
  'is slow': { rule: () => ({ delay: 1500 }), most: 24, arrives: true },
  'ends connections': { rule: () => 'reset', most: 24, arrives: true },
  'does it and ends connections': { rule: () => 'lost', most: 24, arrives: true },
  'ends connections while it reads': { rule: on('PUT', 'reset'), arrives: true },
  'ends connections while it writes': { rule: on('GET', 'cut') },
  'is stuck while it writes': { rule: on('GET', 'stuck'), most: 24 },
  'gives half of what it has': { rule: on('GET', 'truncated') },
  'alters what it gives': { rule: on('GET', 'altered') },
  'gives wrong etags': { rule: () => 'other etag' },
  'lets nobody read': { rule: on('GET', { status: 403 }), most: 24 },
  'lets nobody write': { rule: on('PUT', { status: 403 }) },
  'sends everybody elsewhere': {
    rule: () => ({ status: 302, headers: { location: 'http://127.0.0.1:1/' } }),
    most: 24,
  },
  'has a clock that is late': { rule: () => ({ skew: -86_400_000 }) },
  'has a clock that is early': { rule: () => ({ skew: 86_400_000 }) },
}

describe('a store that', { concurrency: 9 }, () => {
  for (const [kind, { open, upstream }] of Object.entries(opened))
    for (const [what, { arrives, most, rule }] of Object.entries(CASES))
      test(`${kind}: ${what}`, async (t) => {
        const proxy = await faulty(upstream)
        t.after(() => proxy.close())
        const [clean, bad] = [await open(upstream), await open(proxy.url, QUICK)]
        t.after(() => Promise.all([clean.close(), bad.close()]))
        const { fn, name, ran } = counted()
        const one = temporaryGroup(t, { blobStore: clean, lease: false })
        const here = one.group.memoize(fn, { name })
        for (const x of [1, 2, 3]) await here(x)
        await one.group.push()
        const { group } = temporaryGroup(t, { blobStore: bad, ...HERE })
        const there = group.memoize(fn, { name })
        proxy.rule = rule
        proxy.asked = 0
        for (let x = 1; x <= 6; x++) assert.deepEqual(await there(x), valueOf(x))
        assert.deepEqual(
          await Promise.all(Array.from({ length: 12 }, (_, x) => there(x + 1))),
          Array.from({ length: 12 }, (_, x) => valueOf(x + 1)),
        )
        if (most !== undefined) assert.ok(proxy.asked <= most, `${proxy.asked} requests`)
        await there.refresh(2)
        await group.push()
        proxy.rule = () => 'none'
        const report = await pushed(group)
        if (arrives === true) assert.deepEqual([report.failed, report.left], [0, 0])
        // what is there now is right, or is found not to be
        ran.times = 0
        const other = temporaryGroup(t, { blobStore: clean, lease: false })
        for (let x = 1; x <= 12; x++) assert.deepEqual(await other.group.memoize(fn, { name })(x), valueOf(x))
        if (arrives === true) assert.equal(ran.times, 0, 'all was sent')
        await other.group.push()
        ran.times = 0
        const last = temporaryGroup(t, { blobStore: clean, lease: false })
        for (let x = 1; x <= 12; x++) assert.deepEqual(await last.group.memoize(fn, { name })(x), valueOf(x))
        assert.equal(ran.times, 0, 'what was no good was replaced')
      })
})

for (const [what, skew] of [
  ['late', -3_600_000],
  ['early', 3_600_000],
] as const)
  test(`what expires does so in time where the store's clock is ${what}`, async (t) => {
    const { open, upstream } = opened['http']!
    const proxy = await faulty(upstream)
    t.after(() => proxy.close())
    let now = Date.now()
    const options = { clock: () => now, lease: false } as const
    const [clean, bad] = [await open(upstream), await open(proxy.url)]
    t.after(() => Promise.all([clean.close(), bad.close()]))
    const { fn, name, ran } = counted()
    const how = { name, ttl: '30m' } as const
    const one = temporaryGroup(t, { blobStore: clean, ...options })
    await one.group.memoize(fn, how)(1)
    await one.group.push()
    proxy.rule = () => ({ skew })
    now += 31 * 60_000
    await temporaryGroup(t, { blobStore: bad, mode: 'read', ...options }).group.memoize(fn, how)(1)
    assert.equal(ran.times, 2, 'it has expired')
  })

test('a cache on the way that tells the age of its answers', async (t) => {
  const { open } = opened['http']!
  const held = new Map()
  const answer = answering({}, held)
  const server = http.createServer((request, response) => {
    if (request.method === 'GET') response.setHeader('age', '3600')
    void answer(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  servers.push({
    url: '',
    close: async () => {
      server.closeAllConnections()
      server.close()
    },
  })
  const { port } = server.address() as { port: number }
  const store = await open(`http://127.0.0.1:${port}`)
  t.after(() => store.close())
  const { fn, name, ran } = counted()
  const how = { name, ttl: '30m' } as const
  const one = temporaryGroup(t, { blobStore: store, lease: false })
  await one.group.memoize(fn, how)(1)
  await one.group.push()
  await temporaryGroup(t, { blobStore: store, lease: false }).group.memoize(fn, how)(1)
  assert.equal(ran.times, 2, 'it has expired')
})

test('a server that is nowhere', async (t) => {
  const { fn, ran } = counted()
  for (const blobStore of ['http://nowhere.invalid/cache', 'http://127.0.0.1:1/cache']) {
    const { failures, group } = temporaryGroup(t, { blobStore, patience: PATIENCE })
    const there = group.memoize(fn)
    for (let x = 1; x <= 5; x++) assert.deepEqual(await there(x), valueOf(x))
    const { sent, present } = await group.push()
    assert.deepEqual([sent, present], [0, 0])
    assert.ok(failures.length <= 3, String(failures))
  }
  assert.equal(ran.times, 10)
})

test('a server that goes and comes back', async (t) => {
  const held = new Map()
  const start = async (port: number) => {
    const server = http.createServer(answering({}, held))
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return server
  }
  const stop = async (server: http.Server) => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  const first = await start(0)
  const { port } = first.address() as { port: number }
  const { fn, ran } = counted()
  const { group } = temporaryGroup(t, { blobStore: `http://127.0.0.1:${port}/cache`, patience: PATIENCE })
  const there = group.memoize(fn)
  await there(1)
  await group.push()
  await stop(first)
  for (let x = 1; x <= 8; x++) assert.deepEqual(await there(x), valueOf(x))
  const away = await group.push()
  assert.equal(away.sent, 0)
  // however often it is tried meanwhile
  for (let tried = 0; tried < 7; tried++) await group.push()
  const again = await start(port)
  t.after(() => stop(again))
  const { failed, left } = await pushed(group)
  assert.deepEqual([failed, left], [0, 0])
  ran.times = 0
  const other = temporaryGroup(t, { blobStore: `http://127.0.0.1:${port}/cache` })
  for (let x = 1; x <= 8; x++) assert.deepEqual(await other.group.memoize(fn)(x), valueOf(x))
  assert.equal(ran.times, 0)
})

test('with turns among machines, too, a store that fails costs little', async (t) => {
  const { open, upstream } = opened['http']!
  for (const rule of [
    () => 'silent',
    () => 'lost',
    () => 'reset',
    on('PUT', { status: 403 }),
  ] as Case['rule'][]) {
    const proxy = await faulty(upstream)
    t.after(() => proxy.close())
    const store = await open(proxy.url, QUICK)
    t.after(() => store.close())
    const { fn, name } = counted()
    const { group } = temporaryGroup(t, { blobStore: store, patience: PATIENCE })
    const there = group.memoize(fn, { name })
    await there(1)
    await group.push()
    proxy.rule = rule
    const began = performance.now()
    for (let x = 2; x <= 9; x++) assert.deepEqual(await there(x), valueOf(x))
    const lost = performance.now() - began
    assert.ok(lost < 20 * PATIENCE, `${lost} ms were lost`)
    proxy.rule = () => 'none'
    await group.push()
  }
})

test('who has less patience than we is not kept for long, and the store is left alone then', async (t) => {
  const { open, upstream } = opened['http']!
  const proxy = await faulty(upstream)
  t.after(() => proxy.close())
  const store = await open(proxy.url)
  t.after(() => store.close())
  const { group } = temporaryGroup(t, { blobStore: store, lease: false })
  const there = group.memoize(async (x: number, _signal: AbortSignal) => x)
  proxy.rule = () => 'silent'
  await assert.rejects(there(1, AbortSignal.timeout(1100)), { name: 'TimeoutError' })
  assert.equal(await there(2, AbortSignal.timeout(1100)), 2, 'nobody was asked')
})
