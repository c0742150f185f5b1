import assert from 'node:assert/strict'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { StoreError } from '#src/errors.js'
import { nodeFiles } from '#src/store/files.js'
import { type Ask, STATEMENTS, type Statement, type StatementName } from '#src/store/schema.js'
import type { Store } from '#src/store/store.js'
import { VersionTable } from '#src/store/version-table.js'
import { bytesOf, digest, entryOf, get, keyOf, LARGE, put, roomFor, SMALL } from './harness.js'

for (const [kind, size] of [
  ['small', SMALL],
  ['large', LARGE],
  ['empty', 0],
] as const) {
  test(`a ${kind} result comes back in fresh memory, in this process and the next`, (t) => {
    const room = roomFor(t)
    const store = room.open()
    const bytes = bytesOf(1, size)
    const entry = store.put(
      entryOf(keyOf(1), { tags: ['a', 'b'], expiresAt: room.now + 5, async: true }),
      bytes,
    )
    assert.ok(entry)
    const twice = [store.read(entry)?.bytes, store.read(entry)?.bytes]
    assert.deepEqual(
      twice.map((one) => one && Buffer.from(one)),
      [bytes, bytes],
    )
    if (size > 0) assert.notEqual(twice[0]!.buffer, twice[1]!.buffer)
    twice[0]!.fill(0)
    assert.deepEqual(get(store, 1), bytes)
    store.close()
    const again = room.open()
    const found = again.find(keyOf(1).digest)!
    assert.deepEqual(found, entry)
    assert.deepEqual(found, {
      key: keyOf(1),
      object: digest(bytes),
      size,
      computeTime: 100,
      hits: 0,
      createdAt: room.now,
      accessedAt: room.now,
      expiresAt: room.now + 5,
      codec: 'raw',
      async: true,
      tags: ['a', 'b'],
    })
    assert.equal(again.has(found), true)
    assert.deepEqual(get(again, 1), bytes)
    assert.deepEqual(room.failures, [])
  })
}

test('a result put again replaces the earlier one, and its file', (t) => {
  const room = roomFor(t)
  const store = room.open()
  for (const [n, size] of [
    [1, LARGE],
    [2, LARGE],
    [3, SMALL],
    [4, LARGE],
  ] as const) {
    store.put(entryOf(keyOf('x')), bytesOf(n, size))
    const entry = store.find(keyOf('x').digest)!
    assert.deepEqual(Buffer.from(store.read(entry)!.bytes), bytesOf(n, size))
    assert.equal(store.totals().entries, 1)
    assert.equal(files(room.directory).length, size === LARGE ? 1 : 0)
  }
})

test('an entry found earlier is not read from what replaced it', (t) => {
  const store = roomFor(t).open()
  const old = store.put(entryOf(keyOf(1)), bytesOf(1, LARGE))!
  store.put(entryOf(keyOf(1)), bytesOf(2, LARGE))
  assert.equal(store.read(old), undefined)
  assert.deepEqual(get(store, 1), bytesOf(2, LARGE))
})

test('two calls with the same result do not lose it to each other', (t) => {
  const store = roomFor(t).open()
  const same = bytesOf(9, LARGE)
  store.put(entryOf(keyOf(1)), same)
  store.put(entryOf(keyOf(2)), same)
  assert.equal(store.drop(keyOf(1).digest), true)
  assert.deepEqual(get(store, 2), same)
})

test('a dropped call is gone, and so is its file', (t) => {
  const room = roomFor(t)
  const store = room.open()
  put(store, 1, LARGE)
  put(store, 2, SMALL)
  assert.equal(store.drop(keyOf(1).digest), true)
  assert.equal(store.drop(keyOf(1).digest), false)
  assert.equal(store.find(keyOf(1).digest), undefined)
  assert.deepEqual(files(room.directory), [])
  assert.equal(store.totals().entries, 1)
})

test('entries are listed newest first and cleared by name and by tag', (t) => {
  const store = roomFor(t).open()
  for (let n = 0; n < 1200; n++) {
    const key = keyOf(n, { name: n % 2 === 0 ? 'even' : 'odd' })
    store.put(entryOf(key, { tags: n % 3 === 0 ? ['third', 'x"y'] : [] }), bytesOf(n, SMALL))
  }
  const args = [...store.entries()].map((entry) => entry.key.args)
  assert.deepEqual(
    args,
    Array.from({ length: 1200 }, (_, n) => keyOf(1199 - n).args),
  )
  assert.equal([...store.entries({ name: 'odd' })].length, 600)
  assert.equal([...store.entries({ tag: 'x"y' })].length, 400)
  assert.equal([...store.entries({ name: 'odd', tag: 'third' })].length, 200)
  assert.equal(store.clear({ name: 'odd', tag: 'third' }), 200)
  assert.equal(store.clear({ tag: 'third' }), 200)
  assert.equal(store.clear({ name: 'odd' }), 400)
  assert.equal(store.clear(), 400)
  assert.deepEqual(store.totals(), { entries: 0, size: 0 })
})

test('entries can be dropped while they are listed', (t) => {
  const store = roomFor(t).open()
  for (let n = 0; n < 1000; n++) put(store, n, SMALL)
  for (const entry of store.entries()) store.drop(entry.key.digest)
  assert.equal(store.totals().entries, 0)
})

test('counts are seen at once, written in batches, and survive', (t) => {
  const room = roomFor(t)
  const store = room.open()
  put(store, 1, SMALL)
  room.now += 10
  for (let n = 0; n < 3; n++) store.count('f', { hits: 1, timeSaved: 100, overhead: 0.5 }, keyOf(1).digest)
  store.count('g', { misses: 1, timeSpent: 7 })
  const expected = {
    hits: 3,
    misses: 0,
    timeSaved: 300,
    timeSpent: 0,
    overhead: 1.5,
    bytes: store.totals().size,
  }
  assert.deepEqual(store.usage().f, expected)
  assert.equal(store.find(keyOf(1).digest)?.hits, 0)
  store.close()
  const again = room.open()
  assert.deepEqual(again.usage().f, expected)
  assert.deepEqual(again.usage().g, { hits: 0, misses: 1, timeSaved: 0, timeSpent: 7, overhead: 0, bytes: 0 })
  const entry = again.find(keyOf(1).digest)
  assert.equal(entry?.hits, 3)
  assert.equal(entry?.accessedAt, room.now)
  for (let n = 1; n < 1500; n++) again.count('f', { hits: 1 }, keyOf(n).digest)
  assert.equal(again.find(keyOf(1).digest)?.hits, 4, 'a thousand entries are a batch')
  again.resetUsage('f')
  assert.equal(again.usage().f?.hits, 0)
  assert.equal(again.usage().g?.misses, 1)
  again.resetUsage()
  assert.equal(again.usage().g, undefined)
})

/** Node 24 ends the process when it collects objects of better-sqlite3. */
const uncollected: unknown[] = []

test('a code version that two processes add at the same moment is one', (t) => {
  const room = roomFor(t)
  room.open().close()
  const path = join(room.directory, 'index.sqlite')
  const tables = [new Database(path), new Database(path)].map((db) => {
    t.after(() => db.close())
    return (name: StatementName) => {
      const statement = db.prepare(STATEMENTS[name])
      uncollected.push(db, statement)
      return statement as unknown as Statement
    }
  })
  const [ask, askOther] = tables as [Ask, Ask]
  const other = new VersionTable(askOther)
  let there: number | undefined
  const meeting = new VersionTable((name) => {
    if (name === 'insertVersion') there = other.of(keyOf(1), 0).id
    return ask(name)
  })
  assert.equal(meeting.of(keyOf(1), 0).id, there)
  assert.equal(typeof there, 'number')
})

test('whoever put or dropped something waits for the disk at the end, whoever only looked does not', (t) => {
  const room = roomFor(t)
  let waits = 0
  const fs = {
    ...nodeFiles,
    fsyncSync(descriptor: number): void {
      waits += 1
      nodeFiles.fsyncSync(descriptor)
    },
  }
  const waitsOf = (act: (store: Store) => void): number => {
    const store = room.open({ durability: 'commit' }, fs)
    waits = 0
    act(store)
    store.close()
    return waits
  }
  assert.ok(waitsOf((store) => put(store, 1, SMALL)) > 0)
  assert.equal(
    waitsOf((store) => {
      assert.ok(store.find(keyOf(1).digest))
      store.count('f', { hits: 1 }, keyOf(1).digest)
    }),
    0,
  )
  assert.equal(room.open().find(keyOf(1).digest)?.hits, 1)
  assert.ok(waitsOf((store) => store.drop(keyOf(1).digest)) > 0)
  assert.ok(waitsOf((store) => store.clear()) > 0)
})

test('closest prefers the same arguments, then the newest', (t) => {
  const room = roomFor(t)
  const store = room.open()
  store.put(entryOf(keyOf(1, { code: 'old' })), bytesOf(1, SMALL))
  room.now += 1
  store.put(entryOf(keyOf(2, { code: 'new' })), bytesOf(2, SMALL))
  assert.equal(store.closest(keyOf(1, { code: 'newest' }))?.key.code, digest('old'))
  assert.equal(store.closest(keyOf(3, { code: 'newest' }))?.key.code, digest('new'))
  assert.equal(store.closest(keyOf(1, { name: 'other' })), undefined)
  assert.deepEqual(store.versionsOf('f'), [
    { code: digest('new'), latest: room.now },
    { code: digest('old'), latest: room.now - 1 },
  ])
})

test('equal code, arguments, inputs and state of another name is the same call', (t) => {
  const store = roomFor(t).open()
  store.put(entryOf(keyOf(1, { name: 'before the move' })), bytesOf(1, SMALL))
  assert.ok(store.find(keyOf(1, { name: 'after the move' }).digest))
})

test('after close every method says so, and closing again does nothing', async (t) => {
  const room = roomFor(t)
  const store = room.open()
  const entry = put(store, 1, SMALL)!
  store.close()
  store.close()
  const closed = (error: unknown): boolean => error instanceof StoreError && error.code === 'ERR_STORE_CLOSED'
  assert.throws(() => store.find(entry.key.digest), closed)
  assert.throws(() => store.read(entry), closed)
  assert.throws(() => store.has(entry), closed)
  assert.throws(() => put(store, 2, SMALL), closed)
  assert.throws(() => store.count('f', { hits: 1 }), closed)
  assert.throws(() => store.totals(), closed)
  assert.throws(() => store.entries().next(), closed)
  assert.throws(() => store.commit(), closed)
  assert.throws(() => store.flush(), closed)
  await assert.rejects(() => store.gc(), closed)
  await assert.rejects(() => store.verify(), closed)
  await assert.rejects(() => store.recover(), closed)
})

test('a temporary directory is gone after close', (t) => {
  const room = roomFor(t)
  const store = room.open({ temporary: true })
  put(store, 1, LARGE)
  store.close()
  assert.equal(existsSync(room.directory), false)
})

for (const durability of ['process', 'commit', 'always'] as const) {
  test(`commit leaves nothing to flush with durability "${durability}"`, (t) => {
    const room = roomFor(t, { durability })
    const store = room.open()
    for (let n = 0; n < 5; n++) put(store, n, n % 2 === 0 ? LARGE : SMALL)
    store.commit()
    store.commit()
    store.drop(keyOf(0).digest)
    store.commit()
    store.close()
    assert.deepEqual(room.failures, [])
    assert.equal(room.open().totals().entries, 4)
  })
}

test('a directory deleted while it is in use is made again', (t) => {
  const room = roomFor(t)
  const store = room.open()
  put(store, 1, LARGE)
  rmSync(room.directory, { recursive: true })
  store.commit()
  put(store, 2, LARGE)
  assert.deepEqual(get(room.open(), 2), bytesOf(2, LARGE))
})

test('tmp/ and objects/ deleted while they are in use are made again', async (t) => {
  const room = roomFor(t)
  const store = room.open()
  put(store, 1, LARGE)
  for (const name of ['tmp', 'objects']) rmSync(join(room.directory, name), { recursive: true })
  assert.equal(get(store, 1), undefined)
  put(store, 1, LARGE)
  assert.deepEqual(get(store, 1), bytesOf(1, LARGE))
  rmSync(join(room.directory, 'tmp'), { recursive: true })
  await store.gc()
})

/** The object files of a directory. */
function files(directory: string): string[] {
  const objects = join(directory, 'objects', 'xxh128')
  if (!existsSync(objects)) return []
  return readdirSync(objects, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /[0-9a-f]{30}$/.test(name),
  )
}
