/** One computes, the others wait: what a lease promises, and what it does not. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, test } from 'node:test'
import { EntryIndex } from '#src/store/entry-index.js'
import { layoutOf } from '#src/store/layout.js'
import { identity, lifeOf, processId } from '#src/store/process.js'
import type { Lease } from '#src/store/store.js'
import { bytesOf, digest, entryOf, get, keyOf, LARGE, type Room, roomFor, SMALL } from './harness.js'

const terms = { duration: 1000, wait: Number.POSITIVE_INFINITY }
const key = keyOf(1).digest

/** The lease of another holder, as its process would have written it. */
function heldBy(
  room: Room,
  owner: string,
  more: { thread?: number; state?: 'blocking' | 'beating' } = {},
): void {
  const index = new EntryIndex(layoutOf(room.directory).index, { readonly: false, synced: false, digest })
  const { state = 'blocking', thread = 0 } = more
  index.leases.hold(key, { token: 1, owner, thread, state, expiresAt: room.now + 1000 })
  index.close()
}

const another = (): string => {
  const { host, boot } = identity()
  // our parent lives as long as we do
  return `${host}-${boot}-${process.ppid}-00000000`
}
const dead = (): string => {
  const { pid } = spawnSync(process.execPath, ['-e', ''])
  const { host, boot } = identity()
  return `${host}-${boot}-${pid}-00000000`
}
const elsewhere = '00000001-00000001-1-00000001'

const isLease = (answer: unknown): answer is Lease => typeof answer === 'object'

describe('a lease', () => {
  test('is given to one, and to the next when it is given back', (t) => {
    const room = roomFor(t)
    const store = room.open()
    const lease = store.leases.acquire(key, terms, false)
    assert.ok(isLease(lease))
    // a thread cannot wait for itself
    assert.equal(store.leases.acquire(key, terms, false), 'unwanted')
    store.leases.release(lease, 'done')
    assert.ok(isLease(store.leases.acquire(key, terms, false)))
  })

  test('that is taken says whether those who wait need to block', (t) => {
    const room = roomFor(t)
    const store = room.open()
    heldBy(room, another())
    assert.equal(store.leases.acquire(key, terms, false), 'taken')
    heldBy(room, another(), { state: 'beating' })
    assert.equal(store.leases.acquire(key, terms, false), 'taken asynchronously')
  })

  test('of a process that has died is free at once', (t) => {
    const room = roomFor(t)
    const store = room.open()
    heldBy(room, dead())
    assert.ok(isLease(store.leases.acquire(key, terms, false)))
  })

  test('of a pid that was given away is free: the process began at another time', () => {
    const id = processId()
    assert.equal(lifeOf(id), process.platform === 'linux' ? 'certain' : 'likely')
    assert.equal(lifeOf(id.replace(/.{8}$/, '12345678')), process.platform === 'linux' ? 'dead' : 'likely')
    assert.equal(lifeOf(elsewhere), 'unknown')
    assert.equal(lifeOf('no process'), 'unknown')
  })

  test('of another machine, or of a worker, lasts from its last beat', (t) => {
    const room = roomFor(t)
    const store = room.open()
    for (const [owner, thread] of [
      [elsewhere, 0],
      [another(), 7],
    ] as const) {
      heldBy(room, owner, { thread })
      assert.equal(store.leases.acquire(key, terms, false), 'taken')
      room.now += 999
      assert.equal(store.leases.acquire(key, terms, false), 'taken')
      room.now += 1
      const lease = store.leases.acquire(key, terms, false)
      assert.ok(isLease(lease))
      store.leases.release(lease, 'done')
    }
  })

  test("of a living process's main thread lasts while it computes, beat or no beat", (t) => {
    const room = roomFor(t)
    const store = room.open()
    heldBy(room, another())
    room.now += 60_000
    assert.equal(store.leases.acquire(key, terms, false), 'taken')
  })

  test('beats while it is held', async (t) => {
    const room = roomFor(t)
    const store = room.open()
    const lease = store.leases.acquire(key, { ...terms, duration: 30 }, true)
    assert.ok(isLease(lease))
    const index = new EntryIndex(layoutOf(room.directory).index, { readonly: false, synced: false, digest })
    t.after(() => index.close())
    const before = index.leases.holder(key)!.expiresAt
    room.now += 500
    while (index.leases.holder(key)!.expiresAt === before)
      await new Promise((resolve) => setTimeout(resolve, 5))
    assert.equal(index.leases.holder(key)!.expiresAt, before + 500)
    store.leases.release(lease, 'done')
    assert.equal(index.leases.holder(key), undefined)
  })

  test('under which nothing was kept makes nobody wait, for a minute', (t) => {
    const room = roomFor(t)
    const store = room.open()
    const lease = store.leases.acquire(key, terms, false)
    assert.ok(isLease(lease))
    store.leases.release(lease, 'unkept')
    assert.equal(store.leases.acquire(key, terms, false), 'unwanted')
    room.now += 60_001
    assert.ok(isLease(store.leases.acquire(key, terms, false)))
  })

  test('is over with the put, and at close', (t) => {
    const room = roomFor(t)
    const store = room.open()
    const lease = store.leases.acquire(key, terms, false)
    assert.ok(isLease(lease))
    store.put(entryOf(keyOf(1), { lease }), bytesOf(1, SMALL))
    assert.ok(lease.isOver)
    const next = store.leases.acquire(key, terms, false)
    assert.ok(isLease(next))
    store.close()
    const index = new EntryIndex(layoutOf(room.directory).index, { readonly: false, synced: false, digest })
    assert.equal(index.leases.holder(key), undefined)
    index.close()
  })
})

for (const [size, bytes] of [
  ['small', SMALL],
  ['large', LARGE],
] as const) {
  test(`a holder that was taken for dead replaces nothing that is newer: ${size}`, (t) => {
    const room = roomFor(t)
    const zombie = room.open()
    const lease = zombie.leases.acquire(key, terms, false)
    assert.ok(isLease(lease))
    // somebody else took it over, and has put
    heldBy(room, elsewhere)
    const successor = room.open()
    successor.put(entryOf(keyOf(1)), bytesOf(2, bytes))
    assert.equal(zombie.put(entryOf(keyOf(1), { lease }), bytesOf(1, bytes)), undefined)
    assert.deepEqual(get(zombie, 1), bytesOf(2, bytes))
    // and if nobody has put yet, its result is as good as any
    assert.ok(zombie.put(entryOf(keyOf(2), { lease: { ...lease, key: keyOf(2).digest } }), bytesOf(2, bytes)))
    assert.deepEqual(get(zombie, 2), bytesOf(2, bytes))
  })
}

test('gc forgets leases that expired long ago', async (t) => {
  const room = roomFor(t)
  const store = room.open()
  heldBy(room, elsewhere)
  await store.gc()
  const index = new EntryIndex(layoutOf(room.directory).index, { readonly: false, synced: false, digest })
  t.after(() => index.close())
  assert.notEqual(index.leases.holder(key), undefined)
  room.now += 100_000_000
  await store.gc()
  assert.equal(index.leases.holder(key), undefined)
})
