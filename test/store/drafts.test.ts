/** Results that are written and read piece by piece. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { digestBytes, newDigester as newRealDigester } from '#src/freeze/digest.js'
import type { Draft, Pieces, Store } from '#src/store/contract.js'
import { type FileSystem, nodeFiles } from '#src/store/files.js'
import { entryOf, get, keyOf, put, roomFor } from './harness.js'

const PIECE = 65_536
const piece = (n: number, size = PIECE): Buffer => Buffer.alloc(size, `piece ${n} `)
const about = (n: number) => {
  const { async, codec, key, tags } = entryOf(keyOf(n))
  return { async, codec, key, tags }
}
const begun = (store: Store, n: number, pieces: number): Draft => {
  const draft = store.begin(about(n))
  for (let i = 0; i < pieces; i++) assert.ok(draft.append(piece(i)))
  return draft
}
const all = (pieces: number): Buffer => Buffer.concat(Array.from({ length: pieces }, (_, i) => piece(i)))
function readAll(pieces: Pieces, size = 10_000): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < pieces.size; ) {
    const part = Buffer.alloc(size)
    const count = pieces.read(part, at)
    parts.push(part.subarray(0, count))
    at += count
  }
  pieces.close()
  return Buffer.concat(parts)
}
const tmp = (directory: string): string[] =>
  readdirSync(join(directory, 'tmp')).filter((name) => !name.endsWith('.slot'))
function objectFile(directory: string): string {
  const objects = join(directory, 'objects', 'xxh128')
  const [file] = readdirSync(objects, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.length > 20,
  )
  return join(objects, file!)
}

test('a digest of pieces is that of the whole', () => {
  for (const sizes of [[], [0], [1], [100, 0, 7], [1000, 70_000, 3], [65_536, 65_536, 1]]) {
    const digester = newRealDigester()
    const pieces = sizes.map((size, n) => piece(n, size))
    for (const one of pieces) digester.update(new Uint8Array(one))
    assert.equal(digester.digest(), digestBytes(Buffer.concat(pieces)))
  }
  assert.throws(() => newRealDigester().update('text' as never), TypeError)
})

test('a draft becomes an entry like any other, which survives the process and the index', async (t) => {
  const room = roomFor(t)
  for (const durability of ['process', 'always'] as const) {
    const store = room.open({ durability })
    const draft = begun(store, 1, 5)
    assert.equal(store.find(keyOf(1).digest), undefined)
    assert.equal(tmp(room.directory).length, 1)
    const entry = draft.keep(entryOf(keyOf(1), { expiresAt: room.now + 1e9, tags: [] }))
    assert.equal(entry?.size, 5 * PIECE)
    assert.deepEqual(tmp(room.directory), [])
    draft.discard()
    assert.equal(draft.append(piece(1)), false)
    assert.deepEqual(get(store, 1), all(5))
    assert.deepEqual(readAll(store.pieces(store.find(keyOf(1).digest)!)!), all(5))
    assert.deepEqual((await store.verify()).problems, [])
    store.close()
    rmSync(join(room.directory, 'index.sqlite'))
    const again = room.open()
    const found = again.find(keyOf(1).digest)
    assert.equal(found?.expiresAt, Math.round(room.now + 1e9))
    assert.deepEqual(readAll(again.pieces(found!)!, 1_000_000), all(5))
    assert.equal(readFileSync(objectFile(room.directory)).byteLength % 64, 0)
    again.close()
    rmSync(room.directory, { recursive: true })
  }
})

test('small results can be read by pieces, too', (t) => {
  const store = roomFor(t).open()
  put(store, 1, 100)
  assert.deepEqual(readAll(store.pieces(store.find(keyOf(1).digest)!)!, 7), get(store, 1))
})

test('what is discarded, or pending at close, leaves nothing', (t) => {
  const room = roomFor(t)
  const store = room.open()
  begun(store, 1, 2).discard()
  assert.deepEqual(tmp(room.directory), [])
  const pending = begun(store, 2, 2)
  assert.equal(tmp(room.directory).length, 1)
  store.close()
  assert.deepEqual(readdirSync(join(room.directory, 'tmp')), [])
  assert.equal(pending.append(piece(1)), false)
  assert.equal(pending.keep(entryOf(keyOf(2))), undefined)
  assert.deepEqual(room.failures, [])
})

test('what outgrows the directory ends there, and makes room for nothing', (t) => {
  const room = roomFor(t)
  const store = room.open({ maxSize: 10 * PIECE })
  put(store, 5, 100)
  const draft = begun(store, 1, 9)
  assert.equal(draft.append(piece(9)), false)
  assert.deepEqual(tmp(room.directory), [])
  assert.equal(draft.append(piece(9, 1)), false)
  assert.equal(draft.keep(entryOf(keyOf(1))), undefined)
  assert.ok(get(store, 5))
})

test('what is kept makes others leave', (t) => {
  const room = roomFor(t)
  const store = room.open({ maxSize: 10 * PIECE })
  for (const n of [1, 2, 3]) assert.ok(begun(store, n, 4).keep(entryOf(keyOf(n))))
  assert.ok(store.totals().size <= 10 * PIECE)
  assert.deepEqual(get(store, 3), all(4))
})

test('pieces are of one reading: damage is a miss, removal takes nothing away', (t) => {
  const room = roomFor(t)
  const store = room.open()
  const keep = () => begun(store, 1, 5).keep(entryOf(keyOf(1)))
  const find = () => store.find(keyOf(1).digest)
  keep()
  const pieces = store.pieces(find()!)!
  store.drop(keyOf(1).digest)
  assert.deepEqual(readAll(pieces), all(5))
  for (const spoil of [
    (path: string) => truncateSync(path, 3 * PIECE),
    (path: string) => writeFileSync(path, readFileSync(path).fill(1, 4 * PIECE, 4 * PIECE + 1)),
    (path: string) => rmSync(path),
  ]) {
    keep()
    spoil(objectFile(room.directory))
    const entry = find()!
    assert.equal(store.has(entry), false)
    assert.equal(store.pieces(entry), undefined)
    assert.equal(find(), undefined)
    keep()
    assert.deepEqual(readAll(store.pieces(find()!)!), all(5))
    store.drop(keyOf(1).digest)
  }
})

test('collecting garbage leaves a draft alone that was written to today, wherever its writer is', async (t) => {
  const room = roomFor(t)
  const store = room.open()
  const draft = begun(store, 1, 2)
  const [name] = tmp(room.directory)
  const path = join(room.directory, 'tmp', name!)
  for (const [hours, stays] of [
    [23, true],
    [25, false],
  ] as const) {
    utimesSync(path, room.now / 1000 - hours * 3600, room.now / 1000 - hours * 3600)
    await store.gc()
    assert.equal(existsSync(path), stays)
  }
  assert.throws(() => draft.append(piece(2)), { code: 'ERR_STORE_IO' })
  assert.equal(draft.keep(entryOf(keyOf(1))), undefined)
})

test('a disk that fails at any moment leaves no draft, and no entry that is not whole', (t) => {
  for (const call of ['openSync', 'writeSync', 'renameSync'] as const) {
    for (let failing = 1; failing < 12; failing++) {
      const room = roomFor(t)
      let calls = 0
      let armed = false
      const fs: FileSystem = {
        ...nodeFiles,
        [call]: (...args: never[]) => {
          if (armed && ++calls === failing)
            throw Object.assign(new Error('no space left'), { code: 'ENOSPC' })
          return (nodeFiles[call] as (...all: never[]) => unknown)(...args)
        },
      }
      const store = room.open({}, fs)
      armed = true
      let hasFailed = false
      try {
        begun(store, 1, 3).keep(entryOf(keyOf(1)))
      } catch (error) {
        hasFailed = true
        assert.equal((error as { code?: string }).code, 'ERR_STORE_IO')
      }
      armed = false
      assert.deepEqual(tmp(room.directory), [])
      assert.deepEqual(get(store, 1), hasFailed ? undefined : all(3))
      if (!hasFailed) break
      assert.ok(failing < 11)
    }
  }
})

test('a process that is killed while it writes leaves a file that the next one removes', async (t) => {
  const room = roomFor(t)
  room.open().close()
  const program = `
    import { roomIn, entryOf, keyOf } from ${JSON.stringify(new URL('./harness.js', import.meta.url).href)}
    const store = roomIn(${JSON.stringify(room.directory)}).open()
    const { async, codec, key, tags } = entryOf(keyOf(1))
    const draft = store.begin({ async, codec, key, tags })
    for (let n = 0; n < 10; n++) draft.append(Buffer.alloc(65536, n))
    console.log('written')
    setInterval(() => undefined, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    cwd: new URL('../../..', import.meta.url).pathname,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  const first = room.open()
  assert.equal(tmp(room.directory).length, 1, 'it lives')
  first.close()
  child.kill('SIGKILL')
  await once(child, 'close')
  const second = room.open()
  assert.deepEqual(tmp(room.directory), [])
  assert.equal([...second.entries()].length, 0)
  assert.deepEqual((await second.verify()).problems, [])
})
