/** Entries that travel as one file arrive as they were, or not at all. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { StoreError } from '#src/errors.js'
import type { Store } from '#src/store/store.js'
import { failingFiles } from '../crash/faults.js'
import { bytesOf, digest, entryOf, get, keyOf, LARGE, put, type Room, roomFor, SMALL } from './harness.js'

const sizeOf = (n: number): number => [SMALL, LARGE, 5000, 1][n % 4]!

function filled(t: TestContext): { readonly room: Room; readonly store: Store; readonly file: string } {
  const room = roomFor(t)
  const store = room.open()
  for (let n = 0; n < 12; n++) {
    room.now += 1000
    const key = keyOf(n, { name: n % 2 === 0 ? 'src/even.ts#f' : 'odd' })
    const more = {
      tags: n < 4 ? ['low'] : [],
      async: n === 1,
      ...(n === 5 && { expiresAt: room.now + 60_000 }),
    }
    store.put(entryOf(key, more), bytesOf(n, sizeOf(n)))
  }
  return { room, store, file: join(room.directory, '..', 'exported') }
}

const kept = (store: Store): number[] =>
  Array.from({ length: 12 }, (_, n) => n).filter((n) => get(store, n) !== undefined)

test('what is exported can be imported elsewhere, as it was', async (t) => {
  const { room, store, file } = filled(t)
  const { entries, bytes } = await store.export(file)
  assert.deepEqual([entries, bytes], [12, 3 * (SMALL + LARGE + 5000 + 1)])
  assert.deepEqual(
    readdirSync(join(room.directory, '..')).sort(),
    ['cache', 'exported'],
    'and nothing else is left',
  )
  const other = roomFor(t)
  other.now = room.now + 30_000
  const there = other.open()
  put(there, 2, SMALL, { codec: 'mine' })
  assert.deepEqual(await there.import(file), { imported: 11, present: 1, expired: 0, refused: 0 })
  for (let n = 0; n < 12; n++) {
    const [entry, original] = [there.find(keyOf(n).digest)!, store.find(keyOf(n).digest)!]
    if (n === 2) assert.equal(entry.codec, 'mine', 'what was there stays')
    else assert.deepEqual(entry, original)
    if (n !== 2) assert.deepEqual(get(there, n), bytesOf(n, sizeOf(n)))
  }
  assert.deepEqual(await there.import(file), { imported: 0, present: 12, expired: 0, refused: 0 })
  assert.deepEqual((await there.verify()).problems, [])
})

test('entries are selected by name, pattern, tag and age', async (t) => {
  const { room, store, file } = filled(t)
  const select = async (selection: Parameters<Store['export']>[1]): Promise<number[]> => {
    await store.export(file, selection)
    const there = roomFor(t).open()
    await there.import(file)
    return kept(there)
  }
  assert.deepEqual(await select({ name: 'odd' }), [1, 3, 5, 7, 9, 11])
  assert.deepEqual(await select({ pattern: 'src/*#f' }), [0, 2, 4, 6, 8, 10])
  assert.deepEqual(await select({ pattern: 'src.*' }), [])
  assert.deepEqual(await select({ tag: 'low', pattern: 'o*d' }), [1, 3])
  assert.deepEqual(await select({ since: room.now - 2000 }), [9, 10, 11])
  assert.deepEqual(await select({ before: room.now - 9000, since: room.now - 10_000 }), [1])
  room.now += 100_000
  assert.deepEqual(await select({ name: 'odd' }), [1, 3, 7, 9, 11], 'what has expired stays behind')
})

test('what has expired on the way, and what finds no room, is not imported', async (t) => {
  const { room, store, file } = filled(t)
  await store.export(file)
  const other = roomFor(t, { maxSize: 50_000 })
  other.now = room.now + 100_000
  const there = other.open()
  assert.deepEqual(await there.import(file), { imported: 9, present: 0, expired: 1, refused: 2 })
})

test('a file of somebody else, or none, is refused; damage is met with an error, and what came before it stays', async (t) => {
  const { file, store } = filled(t)
  await store.export(file)
  const whole = readFileSync(file)
  const there = roomFor(t).open()
  const fails = async (bytes: Uint8Array, code: string): Promise<void> => {
    writeFileSync(file, bytes)
    await assert.rejects(there.import(file), (error) => error instanceof StoreError && error.code === code)
  }
  await assert.rejects(there.import(join(file, 'none')), StoreError)
  for (const text of ['', 'x', 'a letter to my mother, of some length']) {
    await fails(Buffer.from(text), 'ERR_STORE_FOREIGN')
  }
  await fails(whole.subarray(0, whole.byteLength >> 1), 'ERR_STORE_CORRUPT')
  await fails(Buffer.concat([whole, Buffer.from('x')]), 'ERR_STORE_CORRUPT')
  assert.ok(kept(there).length > 0)
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.nat(7), async (at, bit) => {
      const store = roomFor(t).open({ temporary: true })
      const damaged = Buffer.from(whole)
      damaged[at % whole.byteLength]! ^= 1 << bit
      writeFileSync(file, damaged)
      await assert.rejects(store.import(file), StoreError)
      for (const n of kept(store)) assert.deepEqual(get(store, n), bytesOf(n, sizeOf(n)))
      store.close()
    }),
    { numRuns: 40 },
  )
})

test('what is damaged on the disk is not exported, whether it is in memory or too large to be checked at each hit', async (t) => {
  const room = roomFor(t)
  const file = join(room.directory, '..', 'exported')
  const store = room.open({ memory: 1_000_000, checkUpTo: SMALL })
  for (const n of [1, 2, 3]) put(store, n, LARGE)
  assert.ok(get(store, 1))
  const objects = join(room.directory, 'objects')
  for (const name of readdirSync(objects, { recursive: true, encoding: 'utf8' })) {
    const path = join(objects, name)
    if (!statSync(path).isFile()) continue
    const bytes = readFileSync(path)
    const isThird = bytes.includes('result 3 ')
    if (!isThird) writeFileSync(path, bytes.fill(0, bytes.byteLength - 9))
  }
  assert.equal((await store.export(file)).entries, 1)
  const there = roomFor(t).open()
  assert.equal((await there.import(file)).imported, 1)
  assert.deepEqual(get(there, 3), bytesOf(3, LARGE))
})

test('a file that could not be written whole does not appear', async (t) => {
  const { file, room, store } = filled(t)
  store.close()
  for (let n = 1; ; n++) {
    const { fs, reached } = failingFiles(n, 'ENOSPC')
    let exporting: Store
    try {
      exporting = room.open({ readonly: true }, fs)
    } catch {
      continue
    }
    const before = readdirSync(join(room.directory, '..')).length
    const done = await exporting
      .export(file)
      .catch((error: unknown) => void assert.ok(error instanceof StoreError))
    exporting.close()
    if (!reached()) break
    if (done === undefined) assert.equal(readdirSync(join(room.directory, '..')).length, before)
    const there = roomFor(t).open()
    if (done !== undefined) assert.equal((await there.import(file)).imported, done.entries)
  }
})

test('docs/format.md is enough to read an exported file', async (t) => {
  const { file, store } = filled(t)
  await store.export(file)
  const bytes = readFileSync(file)
  assert.equal(bytes.toString('latin1', 0, 16), 'permafrost-exp\x01\n')
  let at = 16
  let entries = 0
  for (; !bytes.subarray(at, at + 16).equals(Buffer.alloc(16)); entries++) {
    const vouched = bytes.toString('hex', at, at + 16)
    at += 16
    assert.equal(bytes.toString('latin1', at, at + 16), 'permafrost-obj\x01\n')
    const named = bytes.subarray(at + 20, at + 20 + bytes.readUInt32LE(at + 16))
    assert.equal(digest(named), vouched)
    const header = JSON.parse(named.toString())
    at += 20 + named.byteLength
    assert.equal(digest(bytes.subarray(at, at + header.size)), header.object)
    at += header.size
  }
  assert.equal(bytes.readBigUInt64LE(at + 16), BigInt(entries))
  assert.equal(at + 24, bytes.byteLength)
  assert.equal(entries, 12)
})
