/**
 * A thousand workers on one memospace, as a simulation of discrete events in virtual milliseconds. What decides is the real code: the lease
 * protocol with its waiting (`src/shared/lease.ts` over `lease-protocol.ts`) and the rest after failures (`breaker.ts`). The store is a model
 * of S3: it answers after a time that is log-normal with a median of 20 ms and for one request in a hundred ten times as long, and refuses what is more than
 * 3,500 writes or 5,500 reads a second (503), which its client tries again for ten seconds, as `src/blob/retry.ts` does. A worker takes its keys
 * eight at a time: looks, takes the right, computes for a second, sends, and gives the right back a second later, as `src/share.ts` does; one in a hundred dies
 * at some moment. The same seed gives the same run.
 */
import { BlobError } from '#src/errors.js'
import { Breaker } from '#src/shared/breaker.js'
import { openRights } from '#src/shared/lease.js'
import { isShort, number, row } from './measure.js'

const WORKERS = isShort ? 50 : 1000
const KEYS = isShort ? 50 : 1000
/** Calls of each worker; `--full`: all keys. */
const CALLS = isShort ? 10 : process.argv.includes('--full') ? KEYS : 20
const DEAD = 0.01
const AT_ONCE = 8
/** Milliseconds. */
const [COMPUTES, LINGER, MEDIAN, SPREAD, SOON] = [1000, 1000, 20, 0.4, 60_000]
const LIMITS = { write: 3500, read: 5500 }
/** Milliseconds for which a client asks a store that has too much to do, and for which a look-up waits. */
const [ASKS, PATIENCE] = [10_000, 5000]

/** Mulberry32 by Tommy Ettinger: small, and the same everywhere. */
function randomOf(seed) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Virtual time: what is due in one millisecond happens together, and all that follows from it at once. */
class Time {
  now = 0
  #due = new Map()
  #left = 0

  at(time, work) {
    const due = Math.max(this.now + 1, Math.round(this.now + time))
    const event = { work }
    const there = this.#due.get(due)
    if (there === undefined) this.#due.set(due, [event])
    else there.push(event)
    this.#left++
    return () => {
      event.work = undefined
    }
  }

  after(time) {
    return new Promise((resolve) => this.at(time, resolve))
  }

  async run(isOver) {
    while (this.#left > 0 && !isOver()) {
      this.now++
      const events = this.#due.get(this.now)
      if (events === undefined) continue
      this.#due.delete(this.now)
      this.#left -= events.length
      for (const { work } of events) work?.()
      // all promises that this settled have been heard by then
      await new Promise(setImmediate)
    }
  }
}

/** What a second allows. */
class Limit {
  #most
  #second = -1
  #count = 0

  constructor(most) {
    this.#most = most
  }

  allows(now) {
    const second = Math.floor(now / 1000)
    if (second !== this.#second) [this.#second, this.#count] = [second, 0]
    return ++this.#count <= this.#most
  }
}

/** S3, as far as it matters here. */
class Bucket {
  asked = 0
  refused = 0
  #blobs = new Map()
  #etags = 0
  #limits = { write: new Limit(LIMITS.write), read: new Limit(LIMITS.read) }
  #time
  #random

  constructor(time, random) {
    this.#time = time
    this.#random = random
  }

  #latency() {
    const normal = Math.sqrt(-2 * Math.log(1 - this.#random())) * Math.cos(2 * Math.PI * this.#random())
    return MEDIAN * Math.exp(SPREAD * normal) * (this.#random() < 0.01 ? 10 : 1)
  }

  async request(kind, work, patience = ASKS) {
    const began = this.#time.now
    for (let tried = 0; ; tried++) {
      const latency = this.#latency()
      await this.#time.after(latency / 2)
      this.asked++
      const isAllowed = this.#limits[kind].allows(this.#time.now)
      // it happens at one moment, between the request and its answer
      const came = isAllowed ? work() : undefined
      if (!isAllowed) this.refused++
      await this.#time.after(latency / 2)
      if (isAllowed) {
        if (came instanceof Error) throw came
        return came
      }
      if (this.#time.now - began > patience)
        throw new BlobError('ERR_BLOB_UNREACHABLE', 'slow down', { undone: true })
      await this.#time.after(Math.min(2000, 100 * 2 ** tried) * (0.5 + this.#random() / 2))
    }
  }

  get(key, { ifNoneMatch, patience } = {}) {
    return this.request(
      'read',
      () => {
        const found = this.#blobs.get(key)
        if (found === undefined) return undefined
        if (found.etag === ifNoneMatch) return 'unchanged'
        const { bytes, etag, modified } = found
        // the clock of the store tells whole seconds
        const asOf = Math.floor(this.#time.now / 1000) * 1000
        return { size: bytes.length, etag, modified, asOf, bytes: async () => bytes, cancel: async () => {} }
      },
      patience,
    )
  }

  put(key, bytes, { ifAbsent, ifMatch } = {}) {
    return this.request('write', () => {
      const etag = this.#blobs.get(key)?.etag
      if ((ifAbsent && etag !== undefined) || (ifMatch !== undefined && ifMatch !== etag)) return unmet()
      const modified = Math.floor(this.#time.now / 1000) * 1000
      this.#blobs.set(key, { bytes, etag: `${++this.#etags}`, modified })
      return `${this.#etags}`
    })
  }

  delete(key, { ifMatch } = {}) {
    return this.request('write', () => {
      if (ifMatch !== undefined && ifMatch !== this.#blobs.get(key)?.etag) return unmet()
      this.#blobs.delete(key)
    })
  }

  get capabilities() {
    return { conditionalCreate: true, compareAndSwap: true, conditionalDelete: true, serverClock: true }
  }
}

const unmet = () => new BlobError('ERR_BLOB_PRECONDITION', 'changed')

/** What a dead worker asks never happens, and what it was told it never hears. */
const mortal = (bucket, worker) =>
  new Proxy(bucket, {
    get: (target, name) => {
      const value = target[name]
      if (typeof value !== 'function') return value
      return (...args) =>
        worker.isDead
          ? new Promise(() => {})
          : value.apply(target, args).finally(() => (worker.isDead ? new Promise(() => {}) : undefined))
    },
  })

async function simulate({ keysOf, leases, spread, seed = 1 }) {
  const [time, random] = [new Time(), randomOf(seed)]
  const bucket = new Bucket(time, random)
  const computed = new Map()
  const waits = []
  let [working, killed, blind] = [WORKERS, 0, 0]

  async function life(index) {
    const worker = { isDead: false }
    const store = mortal(bucket, worker)
    const breaker = new Breaker(() => time.now)
    const clock = {
      steady: () => time.now,
      wall: () => time.now,
      later: (after, work) => time.at(after, () => worker.isDead || work()),
      sleep: (after) => time.after(after),
    }
    const rights = openRights(store, { owner: `worker ${index}`, lifeOf: () => 'unknown', clock, random })
    const isDoomed = random() < DEAD
    if (isDoomed)
      time.at(random() * 10 * COMPUTES, () => {
        if (worker.isOver) return
        worker.isDead = true
        killed++
        working--
      })
    /** Whether it is there; nobody knows if the store does not answer. */
    const looked = new Map()
    const look = async (key) => {
      looked.set(key, time.now)
      if (!breaker.isClosed()) return 'unknown'
      try {
        const found = await store.get(`${key}/result`, { patience: PATIENCE })
        breaker.answered()
        return found !== undefined
      } catch {
        breaker.failed()
        return 'unknown'
      }
    }
    const compute = async (key) => {
      await time.after(COMPUTES * (0.5 + random()))
      if (worker.isDead) return await new Promise(() => {})
      computed.set(key, (computed.get(key) ?? 0) + 1)
      for (let tries = 0; tries < 5; tries++) {
        const sent = await store
          .put(`${key}/result`, Buffer.alloc(1), { ifAbsent: true })
          .catch((error) => error)
        if (sent?.code !== 'ERR_BLOB_UNREACHABLE') return
        await time.after(5000)
      }
    }
    const call = async (key) => {
      let there = await look(key)
      if (there === 'unknown') blind++
      if (there !== false) return there === true ? undefined : await compute(key)
      if (!leases) return await compute(key)
      const began = time.now
      for (;;) {
        const acquired = await rights.acquire(`${key}/lease`)
        if (acquired.kind === 'none') {
          blind++
          return await compute(key)
        }
        if (acquired.kind === 'held') {
          const isLate = time.now - looked.get(key) >= 0.9 * LINGER
          if (isLate && (await look(key)) === true) return await acquired.right.release()
          await compute(key)
          time.at(LINGER, () => worker.isDead || acquired.right.release())
          return
        }
        await time.after(acquired.retryAfter)
        there = await look(key)
        if (there === 'unknown') {
          blind++
          return await compute(key)
        }
        if (there) return waits.push(time.now - began)
      }
    }
    await time.after(random() * spread)
    const keys = keysOf(index, random)[Symbol.iterator]()
    const one = async () => {
      for (const key of keys) await call(key)
    }
    await Promise.all(Array.from({ length: AT_ONCE }, one))
    worker.isOver = true
    working--
  }

  for (let index = 0; index < WORKERS; index++) void life(index)
  await time.run(() => working === 0)
  const runs = [...computed.values()]
  const sorted = Float64Array.from(waits).sort()
  const at = (share) => (sorted.length === 0 ? 0 : sorted[Math.floor(sorted.length * share)])
  return {
    keys: computed.size,
    again: runs.reduce((sum, times) => sum + times - 1, 0),
    requests: bucket.asked,
    refused: bucket.refused,
    waited: sorted.length,
    p50: at(0.5),
    p99: at(0.99),
    took: time.now,
    killed,
    blind,
  }
}

const all = Array.from({ length: KEYS }, (_, key) => `k${key}`)
const first = () => all.slice(0, CALLS)
const some = (_index, random) => shuffled([...all], random).slice(0, CALLS)
const own = (index) => first().map((key) => `w${index}-${key}`)

function shuffled(all, random) {
  for (let last = all.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    ;[all[last], all[other]] = [all[other], all[last]]
  }
  return all
}

const scenarios = {
  [`all want the same ${CALLS} keys, all at once`]: { keysOf: first, leases: true, spread: 1 },
  [`each wants ${CALLS} of ${number(KEYS)} keys, all at once`]: { keysOf: some, leases: true, spread: 1 },
  'the same, arriving over a minute': { keysOf: some, leases: true, spread: SOON },
  'the same, all at once, without leases': { keysOf: some, leases: false, spread: 1 },
  'the same, arriving over a minute, without leases': { keysOf: some, leases: false, spread: SOON },
  [`each wants ${CALLS} keys of its own, all at once`]: { keysOf: own, leases: true, spread: 1 },
}

const rows = []
for (const [name, scenario] of Object.entries(scenarios)) {
  const { again, blind, keys, killed, p50, p99, refused, requests, took, waited } = await simulate(scenario)
  const calls = CALLS * WORKERS
  rows.push(
    row(
      `${number(WORKERS)} workers, ${name}`,
      `${number(keys)} keys, ${number(again)} computed again; ${number(requests)} requests, ${number(requests / calls)} a call, ` +
        `${number((100 * refused) / requests)} % refused; ${number(blind)} calls without an answer; ` +
        `${number(waited)} waited, p50 ${number(p50 / 1000)} s, p99 ${number(p99 / 1000)} s; ` +
        `${number(killed)} died; all done after ${number(took / 1000)} s`,
    ),
  )
}
console.log(JSON.stringify(rows))
