import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { policies } from '#src/store/policy.js'
import type { Store } from '#src/store/store.js'
import type { Entry, EvictionPolicy } from '#src/types.js'
import { bytesOf, digest, entryOf, get, keyOf, LARGE, put, roomFor, SMALL } from './harness.js'

type PolicyName = keyof typeof policies
const names = Object.keys(policies) as PolicyName[]

/** A cache as one would write it on a blackboard. */
class Model {
  readonly rows = new Map<number, { entry: Entry; score: number; footprint: number; age: number }>()
  inflation = 0
  age = 0
  readonly policy: EvictionPolicy
  readonly maxSize: number
  constructor(policy: EvictionPolicy, maxSize: number) {
    this.policy = policy
    this.maxSize = maxSize
  }
  size(): number {
    return [...this.rows.values()].reduce((sum, row) => sum + row.footprint, 0)
  }
  put(n: number, entry: Entry, footprint: number): void {
    this.rows.set(n, { entry, footprint, score: this.policy.score(entry, this.inflation), age: ++this.age })
    while (this.size() > this.maxSize) {
      const others = [...this.rows].filter(([other]) => other !== n)
      const [victim, { score }] = others.sort(([, a], [, b]) => a.score - b.score || a.age - b.age)[0]!
      this.rows.delete(victim)
      this.inflation = Math.max(this.inflation, score)
    }
  }
  hit(n: number, now: number): void {
    const row = this.rows.get(n)
    if (row === undefined) return
    row.entry = { ...row.entry, hits: row.entry.hits + 1, accessedAt: Math.max(now, row.entry.accessedAt) }
    row.score = this.policy.score(row.entry, this.inflation)
  }
}

for (const name of names.filter((one) => one !== 'none')) {
  test(`the policy ${name} keeps what a model on a blackboard keeps`, (t) => {
    const step = fc.record({
      what: fc.constantFrom('put', 'hit', 'hit'),
      n: fc.nat(12),
      size: fc.integer({ min: 1, max: 3000 }),
      cost: fc.integer({ min: 1, max: 5000 }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const room = roomFor(t)
        const store = room.open({ policy: policies[name], maxSize: 10_000, temporary: true })
        const model = new Model(policies[name], 10_000)
        for (const { what, n, size, cost } of steps) {
          room.now += 1
          if (what === 'put') {
            const before = store.totals().size
            const old = model.rows.get(n)?.footprint ?? 0
            const entry = put(store, n, size, { computeTime: cost })!
            const evicted = [...model.rows].filter(([k]) => k !== n && !store.find(keyOf(k).digest))
            const footprint =
              store.totals().size - before + old + evicted.reduce((sum, [, row]) => sum + row.footprint, 0)
            model.put(n, entry, footprint)
          } else {
            store.count('f', { hits: 1 }, keyOf(n).digest)
            store.flush()
            model.hit(n, room.now)
          }
          const kept = [...Array(13).keys()].filter((k) => store.find(keyOf(k).digest) !== undefined)
          assert.deepEqual(
            kept,
            [...model.rows.keys()].sort((a, b) => a - b),
          )
          assert.equal(store.totals().size, model.size())
          assert.equal(store.totals().entries, model.rows.size)
        }
        store.close()
      }),
      { numRuns: 15 },
    )
  })
}

test('maxSize and maxEntries hold after every put, rows and files alike', (t) => {
  const room = roomFor(t)
  const store = room.open({ maxSize: 1_000_000, maxEntries: 20 })
  for (let n = 0; n < 100; n++) {
    assert.ok(put(store, n, n % 3 === 0 ? LARGE + n * 1000 : SMALL))
    const { entries, size } = store.totals()
    assert.ok(entries <= 20 && size <= 1_000_000)
    assert.deepEqual(
      get(store, n),
      bytesOf(n, n % 3 === 0 ? LARGE + n * 1000 : SMALL),
      'a newcomer is not its own victim',
    )
  }
})

test('the limits hold after every put of two stores that know nothing of each other', (t) => {
  const room = roomFor(t)
  for (const limit of [{ maxEntries: 150 }, { maxSize: 9_000_000 }]) {
    const stores = [room.open(limit), room.open(limit)] as const
    for (let n = 0; n < 600; n++) {
      room.now += 1
      const store = stores[n % 3 === 0 ? 0 : 1]
      assert.ok(put(store, n, n % 50 === 0 ? LARGE : 'maxSize' in limit ? 60_000 : SMALL))
      const { entries, size } = stores[n % 2]!.totals()
      assert.ok(entries <= (limit.maxEntries ?? 600) && size <= (limit.maxSize ?? Number.POSITIVE_INFINITY))
    }
    assert.ok(stores[0].totals().entries > 100)
    stores[0].clear()
  }
})

test('rows that wait to be booked are counted, listed, and leave like the others', async (t) => {
  const room = roomFor(t)
  const store = room.open({ policy: policies.fifo })
  const fill = (from: number, to: number): void => {
    for (let n = from; n < to; n++) {
      room.now += 1
      store.put(
        entryOf(keyOf(n, { code: `code ${n % 3}` }), { expiresAt: room.now + 1e6 }),
        bytesOf(n, SMALL),
      )
    }
  }
  fill(0, 10)
  for (const one of [store, room.open(), room.open({ readonly: true })]) {
    assert.equal(one.totals().entries, 10)
    assert.equal(one.usage().f!.bytes, one.totals().size)
    assert.deepEqual(
      one.versionsOf('f').map(({ code }) => code),
      [digest('code 0'), digest('code 2'), digest('code 1')],
    )
    assert.deepEqual(one.closest(keyOf(7, { code: 'other' }))?.key, keyOf(7, { code: 'code 1' }))
    assert.deepEqual((await one.verify()).problems, [])
  }
  assert.ok(store.drop(keyOf(9, { code: 'code 0' }).digest), 'also the last of them')
  assert.equal(store.totals().entries, 9)
  fill(9, 620)
  const last = keyOf(619, { code: 'code 1' }).digest
  assert.ok(store.drop(last))
  fill(619, 622)
  assert.equal(store.totals().entries, 622, 'no id is taken for booked that is not')
  assert.deepEqual((await store.verify()).problems, [])
  const smaller = room.open({ policy: policies.fifo, maxEntries: 3 })
  await smaller.gc()
  assert.deepEqual(
    [...smaller.entries()].map(({ key }) => key.args),
    [621, 620, 619].map((n) => keyOf(n).args),
  )
  room.now += 1e7
  fill(700, 701)
  assert.equal((await store.gc()).expired, 3)
  assert.deepEqual((await store.verify()).problems, [])
})

test('whichever rows leave, booked or not, those that come next are counted', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(540), { minLength: 20, maxLength: 540 }), async (leaving) => {
      const store = roomFor(t).open({ temporary: true })
      for (let n = 0; n < 540; n++) put(store, n, SMALL)
      for (const n of [539, ...leaving, 538]) store.drop(keyOf(n).digest)
      const left = store.totals().entries
      for (let n = 600; n < 870; n++) put(store, n, SMALL)
      assert.equal(store.totals().entries, left + 270)
      assert.deepEqual((await store.verify()).problems, [])
      store.close()
    }),
    { numRuns: 15, examples: [[Array.from({ length: 30 }, (_, n) => 510 + n)], [[513, 514, 515]]] },
  )
})

test('a result larger than the budget is not admitted and evicts nothing', (t) => {
  const room = roomFor(t)
  const store = room.open({ maxSize: 150_000 })
  const told: unknown[] = []
  const listen = (message: unknown): void => void told.push(message)
  subscribe('permafrost:tooLarge', listen)
  t.after(() => unsubscribe('permafrost:tooLarge', listen))
  for (let n = 0; n < 50; n++) put(store, n, SMALL)
  const before = store.totals()
  for (const size of [150_000, 200_000, 1_000_000]) assert.equal(put(store, 99, size), undefined)
  assert.deepEqual(store.totals(), before)
  assert.equal(told.length, 3)
  assert.equal(put(store, 7, 200_000), undefined, 'and what it was to replace is outdated')
  assert.equal(store.find(keyOf(7).digest), undefined)
})

test('with the policy none nothing leaves and a full store admits nobody', (t) => {
  const room = roomFor(t)
  const store = room.open({ policy: policies.none, maxEntries: 10 })
  for (let n = 0; n < 10; n++) assert.ok(put(store, n, n === 0 ? LARGE : SMALL))
  assert.equal(put(store, 10, SMALL), undefined)
  assert.equal(put(store, 11, LARGE), undefined)
  assert.equal(store.totals().entries, 10)
  assert.ok(put(store, 3, SMALL), 'replacing makes its own room')
})

test('expired entries leave before the others', (t) => {
  const room = roomFor(t)
  const store = room.open({ maxEntries: 10 })
  for (let n = 0; n < 10; n++)
    put(store, n, SMALL, { computeTime: 1e6, ...(n >= 7 && { expiresAt: room.now + 5 }) })
  room.now += 10
  for (let n = 20; n < 23; n++) put(store, n, SMALL, { computeTime: 1 })
  for (let n = 0; n < 7; n++) assert.ok(store.find(keyOf(n).digest))
  for (let n = 7; n < 10; n++) assert.equal(store.find(keyOf(n).digest), undefined)
})

test('an expired entry is found until it leaves, for who compares expiresAt', (t) => {
  const room = roomFor(t)
  const store = room.open()
  put(store, 1, SMALL, { expiresAt: room.now + 1 })
  room.now += 10
  assert.equal(store.find(keyOf(1).digest)?.expiresAt, room.now - 9)
})

test('only the newest keepVersions code versions of a function stay', (t) => {
  const room = roomFor(t)
  const store = room.open()
  const add = (code: string, n: number, keepVersions: number): void => {
    room.now += 1
    store.put(entryOf(keyOf(n, { code }), { keepVersions }), bytesOf(n, n === 0 ? LARGE : SMALL))
  }
  for (const code of ['a', 'b', 'c']) for (let n = 0; n < 5; n++) add(code, n, Number.POSITIVE_INFINITY)
  store.put(entryOf(keyOf(0, { name: 'g', code: 'x' })), bytesOf(0, SMALL))
  assert.equal(store.versionsOf('f').length, 3)
  add('d', 0, 2)
  assert.deepEqual(
    store.versionsOf('f').map(({ code }) => code),
    [digest('d'), digest('c')],
  )
  assert.equal(store.totals().entries, 1 + 5 + 1)
  assert.equal(store.versionsOf('g').length, 1)
})

test('a policy that throws or returns nonsense harms nobody', (t) => {
  for (const score of [
    () => {
      throw new Error('mine')
    },
    () => Number.NaN,
    () => 'high' as unknown as number,
  ]) {
    const room = roomFor(t)
    const store = room.open({ policy: { name: 'broken', score }, maxEntries: 3 })
    for (let n = 0; n < 10; n++) assert.ok(put(store, n, SMALL))
    assert.equal(store.totals().entries, 3)
  }
})

test('a smaller budget holds after the next put, and after gc', async (t) => {
  const room = roomFor(t)
  const store = room.open()
  for (let n = 0; n < 30; n++) put(store, n, LARGE)
  store.close()
  const smaller = room.open({ maxSize: 500_000 })
  put(smaller, 99, SMALL)
  assert.ok(smaller.totals().size <= 500_000)
  smaller.close()
  const smallest = room.open({ maxSize: 200_000 })
  const report = await smallest.gc()
  assert.ok(report.evicted > 0 && report.bytesFreed > 200_000)
  assert.ok(smallest.totals().size <= 200_000)
})

test('listeners are told who was evicted', (t) => {
  const room = roomFor(t)
  const store: Store = room.open({ maxEntries: 1 })
  const told: { key: string }[] = []
  const listen = (message: unknown): void => void told.push(message as { key: string })
  subscribe('permafrost:evicted', listen)
  t.after(() => unsubscribe('permafrost:evicted', listen))
  put(store, 1, SMALL)
  put(store, 2, SMALL)
  assert.deepEqual(
    told.map(({ key }) => key),
    [keyOf(1).digest],
  )
})

test('it is known why an entry left lately, and only of entries that did', async (t) => {
  const room = roomFor(t)
  const store = room.open({ maxEntries: 3, policy: policies.fifo })
  const why = (n: number): string | undefined => store.departed(keyOf(n).digest)
  for (let n = 0; n < 3; n++) {
    room.now += 1
    put(store, n, LARGE, n === 1 ? { expiresAt: room.now + 100 } : {})
  }
  assert.deepEqual([why(0), why(1), why(9)], [undefined, undefined, undefined])
  put(store, 3, SMALL)
  assert.equal(why(0), 'evicted')
  room.now += 200
  put(store, 4, SMALL)
  assert.equal(why(1), 'expired')
  put(store, 4, SMALL)
  assert.equal(why(4), undefined, 'what is replaced has not left')
  store.drop(keyOf(3).digest)
  assert.equal(why(3), 'forgotten')
  store.clear()
  assert.equal(why(4), 'forgotten')
  put(store, 5, SMALL, { expiresAt: room.now + 1 })
  room.now += 2
  await store.gc()
  assert.equal(room.open().departed(keyOf(5).digest), 'expired', 'also when another removed it')
  put(store, 6, LARGE)
  const entry = store.find(keyOf(6).digest)!
  rmSync(join(room.directory, 'objects'), { recursive: true })
  assert.equal(store.read(entry), undefined)
  assert.equal(why(6), 'lost')
})

test('of departures, the last few thousand are remembered', (t) => {
  const room = roomFor(t)
  const store = room.open()
  for (let n = 0; n < 5000; n++) put(store, n, SMALL)
  store.clear()
  const known = Array.from({ length: 5000 }, (_, n) => store.departed(keyOf(n).digest) !== undefined)
  assert.deepEqual([known.indexOf(true), known.lastIndexOf(false)], [904, 903])
})
