/** What was read out of texts: given back to the letter or not at all, written in batches, never too much. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { parseKey, parseOf, put, type Room, roomFor, SMALL } from './harness.js'

interface Index {
  exec(sql: string): void
  prepare(sql: string): { all(...values: unknown[]): any[]; run(...values: unknown[]): unknown }
  close(): void
}

const Database = createRequire(import.meta.url)('better-sqlite3') as new (path: string) => Index

const DAY = 86_400_000

/** The index as SQLite shows it. */
function inIndex<T>(room: Room, look: (index: Index) => T): T {
  const index = new Database(join(room.directory, 'index.sqlite'))
  try {
    return look(index)
  } finally {
    index.close()
  }
}

const rowsOf = (room: Room): { key: Buffer; sealed: Buffer; used: number }[] =>
  inIndex(room, (index) => index.prepare('SELECT * FROM parsed').all())

/** A closed store with what was read out of so many texts. */
function filled(room: Room, count: number): void {
  const store = room.open()
  for (let n = 0; n < count; n++) store.parses.set(parseKey(n), parseOf(n))
  store.close()
}

test('what one process leaves another finds, and what nobody left is not there', (t) => {
  const room = roomFor(t)
  filled(room, 50)
  const store = room.open()
  for (let n = 0; n < 50; n++) assert.equal(store.parses.get(parseKey(n)), parseOf(n))
  assert.equal(store.parses.get(parseKey(50)), undefined)
})

test('it is written with the counters, not by whoever brings it', (t) => {
  const room = roomFor(t)
  const store = room.open()
  store.parses.set(parseKey(1), parseOf(1))
  assert.equal(store.parses.get(parseKey(1)), parseOf(1))
  assert.deepEqual(rowsOf(room), [])
  store.flush()
  assert.equal(rowsOf(room).length, 1)
})

test('it is written a moment later, whether or not anything is counted', async (t) => {
  const room = roomFor(t)
  const store = room.open()
  store.parses.set(parseKey(1), parseOf(1))
  while (rowsOf(room).length === 0) await pause(20)
  assert.equal(store.parses.get(parseKey(1)), parseOf(1))
})

test('whichever byte of a row is changed, or how much of it is missing, it is not there', (t) => {
  const room = roomFor(t)
  filled(room, 1)
  const [row] = rowsOf(room)
  assert.ok(row!.sealed.byteLength > 16)
  for (let at = 0; at < row!.sealed.byteLength; at++) {
    const flipped = Buffer.from(row!.sealed)
    flipped[at]! ^= 1 << (at % 8)
    for (const sealed of [flipped, row!.sealed.subarray(0, at), 'text', 7]) {
      inIndex(room, (index) => index.prepare('UPDATE parsed SET sealed = ?').run(sealed))
      const store = room.open()
      assert.equal(store.parses.get(parseKey(0)), undefined, `byte ${at}`)
      store.close()
    }
  }
})

test('what belongs to another key is not there', (t) => {
  const room = roomFor(t)
  filled(room, 2)
  const [one, other] = rowsOf(room)
  inIndex(room, (index) =>
    index.prepare('UPDATE parsed SET sealed = ? WHERE key = ?').run(other!.sealed, one!.key),
  )
  const store = room.open()
  const found = [store.parses.get(parseKey(0)), store.parses.get(parseKey(1))]
  assert.equal(found.filter((text) => text === undefined).length, 1)
  for (const [n, text] of found.entries()) if (text !== undefined) assert.equal(text, parseOf(n))
})

test('what is damaged is replaced by who reads the text again, and found and removed by verify', async (t) => {
  const room = roomFor(t)
  filled(room, 3)
  const damage = (n: number) =>
    inIndex(room, (index) =>
      index
        .prepare('UPDATE parsed SET sealed = zeroblob(100) WHERE key = ?')
        .run(Buffer.from(parseKey(n), 'hex')),
    )
  damage(0)
  damage(1)
  const store = room.open()
  store.parses.set(parseKey(0), parseOf(0))
  store.flush()
  assert.equal(store.parses.get(parseKey(0)), parseOf(0))
  const { checked, problems } = await store.verify()
  assert.deepEqual(
    [problems.map(({ code, repaired }) => [code, repaired]), checked['parsed']],
    [[['parsed-damaged', false]], 3],
  )
  assert.equal((await store.verify({ repair: true })).problems[0]?.repaired, true)
  const after = await store.verify()
  assert.deepEqual([after.problems, after.checked['parsed']], [[], 2])
})

test('a reader finds it, and leaves nothing', (t) => {
  const room = roomFor(t)
  filled(room, 1)
  room.now += 2 * DAY
  const before = rowsOf(room)
  const reader = room.open({ readonly: true })
  assert.equal(reader.parses.get(parseKey(0)), parseOf(0))
  reader.parses.set(parseKey(1), parseOf(1))
  assert.equal(reader.parses.get(parseKey(1)), undefined)
  reader.close()
  assert.deepEqual(rowsOf(room), before)
})

test('a directory from before there was such a table is read as it is, and gets one from a writer', (t) => {
  const room = roomFor(t)
  const first = room.open()
  put(first, 1, SMALL)
  first.close()
  inIndex(room, (index) => index.exec('DROP TABLE parsed'))
  const reader = room.open({ readonly: true })
  assert.equal(reader.parses.get(parseKey(0)), undefined)
  assert.equal(reader.totals().entries, 1)
  reader.close()
  filled(room, 1)
  assert.equal(room.open().parses.get(parseKey(0)), parseOf(0))
})

test('it is known to the day when it was last used', (t) => {
  const room = roomFor(t)
  filled(room, 2)
  const { used } = rowsOf(room)[0]!
  const ask = (later: number): number[] => {
    room.now = used + later
    const store = room.open()
    assert.equal(store.parses.get(parseKey(0)), parseOf(0))
    store.close()
    return rowsOf(room).map((row) => row.used - used)
  }
  assert.deepEqual(ask(DAY / 2), [0, 0])
  assert.deepEqual(ask(2 * DAY), [2 * DAY, 0])
})

test('of too many, those leave that were not used for longest', (t) => {
  const room = roomFor(t)
  const store = room.open()
  const many = (from: number, to: number): void => {
    for (let n = from; n < to; n++) {
      store.parses.set(parseKey(n), `${n}`)
      if (n % 5000 === 0) store.flush()
    }
    store.flush()
  }
  many(0, 10_000)
  room.now += 2 * DAY
  assert.equal(store.parses.get(parseKey(5)), '5')
  many(10_000, 20_000)
  assert.equal(rowsOf(room).length, 20_000)
  many(20_000, 20_001)
  assert.equal(rowsOf(room).length, 17_500)
  assert.equal(store.parses.get(parseKey(5)), '5')
  assert.equal(store.parses.get(parseKey(20_000)), '20000')
  for (let n = 10_000; n < 20_000; n++) assert.equal(store.parses.get(parseKey(n)), `${n}`)
})

test('nor is there ever too much, however large each is', (t) => {
  const room = roomFor(t)
  const store = room.open()
  const large = 'x'.repeat(1_000_000)
  for (let n = 0; n < 40; n++) {
    room.now += 1000
    store.parses.set(parseKey(n), large)
    store.flush()
  }
  const size = rowsOf(room).reduce((sum, { sealed }) => sum + sealed.byteLength, 0)
  assert.ok(size > 8 * 2 ** 20 && size <= 16 * 2 ** 20, `${size} bytes`)
  assert.equal(store.parses.get(parseKey(39)), large)
  store.parses.set(parseKey(100), 'x'.repeat(5_000_000))
  store.flush()
  assert.equal(store.parses.get(parseKey(100)), undefined)
})

test('what cannot be written does not gather without end', (t) => {
  const room = roomFor(t)
  const store = room.open()
  for (let n = 0; n < 40; n++) store.parses.set(parseKey(n), 'x'.repeat(1_000_000))
  const waiting = Array.from({ length: 40 }, (_, n) => store.parses.get(parseKey(n)) !== undefined)
  assert.equal(waiting.filter(Boolean).length, 8)
})

test('who clears everything clears this, too; who clears one function does not', (t) => {
  const room = roomFor(t)
  filled(room, 1)
  const store = room.open()
  put(store, 1, SMALL)
  store.clear({ name: 'f' })
  assert.equal(store.parses.get(parseKey(0)), parseOf(0))
  store.parses.set(parseKey(1), parseOf(1))
  assert.equal(store.clear(), 0)
  assert.deepEqual([store.parses.get(parseKey(0)), store.parses.get(parseKey(1))], [undefined, undefined])
  store.close()
  assert.deepEqual(rowsOf(room), [])
})
