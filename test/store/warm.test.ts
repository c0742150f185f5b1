/** Results in memory: what they must never be is older than the directory, another's, or more than allowed. */
import assert from 'node:assert/strict'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { Recent } from '#src/recent.js'
import type { Store } from '#src/store/store.js'
import { bytesOf, entryOf, get, keyOf, LARGE, LEAF, type Room, roomFor, SMALL } from './harness.js'

const memory = 1_000_000

/** What a hit would give. */
function hit(store: Store, n: number): string | undefined {
  const entry = store.find(keyOf(n).digest)
  const stored = entry && store.read(entry)
  return stored && Buffer.concat([stored.bytes, ...stored.leaves]).toString('latin1')
}

const put = (store: Store, n: number, size: number, what = n): void =>
  void store.put(entryOf(keyOf(n)), bytesOf(what, size))

/** As others notice: after a millisecond. */
async function later(): Promise<void> {
  const from = performance.now()
  while (performance.now() - from < 1.5) await new Promise(setImmediate)
}

test('what was read once is read from memory, each time as a copy of its own', (t) => {
  const room = roomFor(t)
  const store = room.open({ memory })
  put(store, 1, LARGE)
  store.put(entryOf(keyOf(2)), bytesOf(2, SMALL), [bytesOf(3, LEAF)])
  const first = [hit(store, 1), hit(store, 2)]
  for (const folder of ['objects', 'leaves']) rmSync(join(room.directory, folder), { recursive: true })
  const entry = store.find(keyOf(2).digest)!
  const { bytes, leaves } = store.read(entry)!
  bytes.fill(0)
  leaves[0]!.fill(0)
  assert.deepEqual([hit(store, 1), hit(store, 2)], first)
  assert.equal(store.has(store.find(keyOf(1).digest)!), true)
  assert.ok(Object.isFrozen(store.find(keyOf(1).digest)))
  assert.equal(hit(room.open(), 1), undefined, 'from the disk alone')
})

test('what is dropped, cleared or replaced here is gone at once', (t) => {
  const store = roomFor(t).open({ memory })
  for (const forget of [
    () => store.drop(keyOf(1).digest),
    () => store.clear(),
    () => store.clear({ name: 'f' }),
  ]) {
    put(store, 1, SMALL)
    assert.ok(hit(store, 1))
    assert.ok(hit(store, 1))
    forget()
    assert.equal(hit(store, 1), undefined)
  }
  put(store, 1, SMALL)
  hit(store, 1)
  put(store, 1, SMALL, 2)
  assert.match(hit(store, 1)!, /^result 2 /)
  assert.match(hit(store, 1)!, /^result 2 /)
})

test('what is dropped, cleared or replaced between looking it up and reading it is not read', (t) => {
  const room = roomFor(t)
  for (const store of [room.open({ memory }), room.open()]) {
    for (const forget of [
      () => void store.drop(keyOf(1).digest),
      () => void store.clear(),
      () => put(store, 1, SMALL, 2),
    ]) {
      put(store, 1, SMALL)
      const entry = store.find(keyOf(1).digest)!
      forget()
      const replacement = get(room.open(), 1)
      assert.equal(store.has(entry), false)
      assert.equal(store.pieces(entry), undefined)
      assert.equal(store.read(entry), undefined)
      assert.deepEqual(get(store, 1), replacement)
    }
  }
})

test('what another connection drops, replaces or evicts is noticed', async (t) => {
  const room = roomFor(t)
  const one = room.open({ memory })
  const other = room.open({ memory, maxEntries: 3 })
  put(one, 1, SMALL)
  hit(one, 1)
  other.drop(keyOf(1).digest)
  await later()
  assert.equal(hit(one, 1), undefined)
  put(one, 1, SMALL)
  hit(one, 1)
  put(other, 1, SMALL, 7)
  await later()
  assert.match(hit(one, 1)!, /^result 7 /)
  for (let n = 2; n < 9; n++) put(other, n, SMALL)
  await later()
  assert.equal(hit(one, 1) === undefined, hit(other, 1) === undefined)
  assert.equal(hit(one, 1), undefined)
})

test('another index, another memory', async (t) => {
  const room = roomFor(t)
  const store = room.open({ memory })
  put(store, 1, SMALL)
  hit(store, 1)
  store.close()
  for (const file of readdirSync(room.directory)) rmSync(join(room.directory, file), { recursive: true })
  const again = room.open({ memory })
  assert.equal(hit(again, 1), undefined)
  assert.throws(() => store.find(keyOf(1).digest), { code: 'ERR_STORE_CLOSED' })
})

test('law: two stores with memory and one without give the same', async (t) => {
  const n = fc.integer({ min: 0, max: 5 })
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.tuple(fc.constant('hit' as const), n, fc.constant(0)) },
    { weight: 2, arbitrary: fc.tuple(fc.constant('put' as const), n, fc.nat(99)) },
    { weight: 1, arbitrary: fc.tuple(fc.constant('drop' as const), n, fc.constant(0)) },
    { weight: 1, arbitrary: fc.tuple(fc.constant('clear' as const), n, fc.constant(0)) },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.boolean(), step), { maxLength: 25 }), async (steps) => {
      const room: Room = roomFor(t)
      const small = room.open({ memory: 4000 })
      const large = room.open({ memory })
      const bare = room.open()
      let last: boolean | undefined
      for (const [first, [what, key, value]] of steps) {
        const store = first ? small : large
        if (last !== first) await later()
        last = first
        if (what === 'put') put(store, key, SMALL, value)
        else if (what === 'drop') store.drop(keyOf(key).digest)
        else if (what === 'clear') store.clear()
        else assert.equal(hit(store, key), hit(bare, key))
      }
      for (const store of [small, large, bare]) store.close()
    }),
    { numRuns: 30 },
  )
})

test('law: recent things weigh no more than allowed, and are what was set last', () => {
  const key = fc.integer({ min: 0, max: 9 })
  const step = fc.oneof(
    fc.tuple(fc.constant('get' as const), key, fc.constant(0)),
    fc.tuple(fc.constant('delete' as const), key, fc.constant(0)),
    fc.tuple(fc.constant('set' as const), key, fc.integer({ min: 1, max: 60 })),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const recent = new Recent<number, { weight: number }>(100, ({ weight }) => weight)
      const all = new Map<number, { weight: number }>()
      for (const [what, at, weight] of steps) {
        if (what === 'set') {
          const value = { weight }
          recent.set(at, value)
          all.set(at, value)
          assert.equal(recent.get(at), weight <= 50 ? value : undefined)
        } else if (what === 'delete') {
          recent.delete(at)
          all.delete(at)
        }
        const found = recent.get(at)
        if (found !== undefined) assert.equal(found, all.get(at))
      }
      const held = [...all.keys()].map((at) => recent.get(at)?.weight ?? 0)
      assert.ok(held.reduce((sum, weight) => sum + weight, 0) <= 100)
    }),
  )
})

test('what others drop is noticed while a program has stopped its clock', async (t) => {
  const room = roomFor(t)
  const [mine, theirs] = [room.open({ memory }), room.open({ memory })]
  put(mine, 1, SMALL)
  assert.ok(hit(mine, 1))
  const { now } = performance
  const stopped = now.call(performance)
  t.after(() => {
    performance.now = now
  })
  performance.now = () => stopped
  assert.ok(hit(mine, 1))
  theirs.drop(keyOf(1).digest)
  for (const from = process.hrtime.bigint(); process.hrtime.bigint() - from < 2_000_000n; )
    await new Promise(setImmediate)
  assert.equal(hit(mine, 1), undefined)
})
