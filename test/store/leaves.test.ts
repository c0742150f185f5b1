/** Large memory of results in files of its own: shared by equal results, lost by none, and never more than a miss. */
import assert from 'node:assert/strict'
import {
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import type { Store } from '#src/store/store.js'
import {
  digest,
  entryOf,
  getWhole,
  keyOf,
  LEAF,
  leafOf,
  putLeaves,
  type Room,
  roomFor,
  whole,
} from './harness.js'

const HOUR = 3_600_000

function filesIn(room: Room, tree: 'leaves' | 'objects' | 'tmp'): string[] {
  const top = join(room.directory, tree)
  if (!existsSync(top)) return []
  return readdirSync(top, { recursive: true, encoding: 'utf8' })
    .map((name) => join(top, name))
    .filter((path) => statSync(path).isFile() && !path.endsWith('.slot'))
}

const pathOf = (room: Room, leaf: number): string => {
  const name = digest(leafOf(leaf))
  return join(room.directory, 'leaves', 'xxh128', name.slice(0, 2), name.slice(2))
}

const codes = async (store: Store): Promise<string[]> =>
  (await store.verify()).problems.map(({ code }) => code)

const isRight = (store: Store, n: number, leaves: readonly number[]): boolean =>
  getWhole(store, n)?.equals(whole(n, leaves)) === true

/** Calls 1 and 2 share leaf 1. */
function shared(t: TestContext): { readonly room: Room; readonly store: Store } {
  const room = roomFor(t)
  const store = room.open()
  putLeaves(store, 1, [1, 2])
  putLeaves(store, 2, [1, 3])
  return { room, store }
}

test('whatever is put, replaced, dropped and read, there is one file for each leaf that a result has', async (t) => {
  const step = fc.record({
    call: fc.nat(4),
    leaves: fc.oneof(fc.constant(undefined), fc.array(fc.nat(5), { minLength: 1, maxLength: 4 })),
    how: fc.constantFrom('stay', 'stay', 'stay', 'reopen', 'forget the index', 'commit'),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), async (steps) => {
      const room = roomFor(t)
      const there = new Map<number, readonly number[]>()
      let store = room.open()
      for (const { call, leaves, how } of steps) {
        room.now += 1
        if (leaves === undefined) assert.equal(store.drop(keyOf(call).digest), there.delete(call))
        else {
          const entry = putLeaves(store, call, leaves)!
          assert.equal(entry.size, whole(call, leaves).byteLength)
          there.set(call, leaves)
        }
        if (how === 'commit') store.commit()
        if (how === 'reopen' || how === 'forget the index') {
          store.close()
          if (how === 'forget the index') rmSync(join(room.directory, 'index.sqlite'))
          store = room.open()
        }
        for (let n = 0; n < 5; n++) {
          const wanted = there.get(n)
          assert.equal(getWhole(store, n)?.toString('latin1'), wanted && whole(n, wanted).toString('latin1'))
        }
        const files = new Set([...there.values()].flat())
        assert.equal(filesIn(room, 'leaves').length, files.size)
      }
      assert.deepEqual(filesIn(room, 'tmp'), [])
      assert.deepEqual(await codes(store), [])
      const counted = store.totals().size
      store.close()
      rmSync(join(room.directory, 'index.sqlite'))
      assert.equal(room.open().totals().size, counted)
      rmSync(room.directory, { recursive: true })
    }),
    { numRuns: 40 },
  )
})

test('each leaf that is read has fresh memory of its own', (t) => {
  const { store } = shared(t)
  putLeaves(store, 3, [1, 1])
  const entry = store.find(keyOf(3).digest)!
  const leaves = [...store.read(entry)!.leaves, ...store.read(entry)!.leaves]
  assert.equal(new Set(leaves.map(({ buffer }) => buffer)).size, 4)
  for (const { buffer } of leaves) assert.equal(buffer.byteLength, LEAF)
})

test('an equal leaf is not written again', (t) => {
  const { room, store } = shared(t)
  const before = statSync(pathOf(room, 1), { bigint: true })
  putLeaves(store, 3, [1])
  putLeaves(store, 1, [1, 2])
  assert.equal(statSync(pathOf(room, 1), { bigint: true }).ino, before.ino)
  assert.equal(filesIn(room, 'leaves').length, 3)
  store.drop(keyOf(1).digest)
  assert.equal(filesIn(room, 'leaves').length, 2)
  assert.ok(isRight(store, 2, [1, 3]))
  assert.equal(store.clear(), 2)
  assert.deepEqual(filesIn(room, 'leaves'), [])
})

const harms: Readonly<Record<string, (path: string) => void>> = {
  'cut short': (path) => truncateSync(path, LEAF - 1),
  longer: (path) => writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.from('x')])),
  changed: (path) => {
    const bytes = readFileSync(path)
    bytes[LEAF >> 1]! ^= 4
    writeFileSync(path, bytes)
  },
  deleted: (path) => unlinkSync(path),
}

for (const [what, harm] of Object.entries(harms)) {
  test(`a leaf that is ${what} is a miss for all who name it, and heals`, async (t) => {
    const { room, store } = shared(t)
    putLeaves(store, 3, [2])
    harm(pathOf(room, 1))
    const entry = store.find(keyOf(1).digest)!
    assert.equal(store.has(entry), false)
    assert.equal(store.read(entry), undefined)
    assert.equal(store.departed(keyOf(1).digest), 'lost')
    putLeaves(store, 1, [1, 2])
    assert.ok(isRight(store, 1, [1, 2]), 'it is written anew though another entry names it')
    assert.ok(isRight(store, 2, [1, 3]), 'which makes that one whole')
    assert.ok(isRight(store, 3, [2]))
    assert.deepEqual(await codes(store), [])
  })

  test(`verify finds a leaf that is ${what}, and repairs`, async (t) => {
    const { room, store } = shared(t)
    putLeaves(store, 3, [2])
    harm(pathOf(room, 1))
    const code = what === 'deleted' ? 'leaf-missing' : 'leaf-damaged'
    assert.deepEqual(await codes(store), [code])
    const { checked, problems } = await store.verify({ repair: true })
    assert.ok(problems.every(({ repaired }) => repaired))
    assert.ok(checked['leaves']! >= 3)
    assert.deepEqual(await codes(store), [])
    assert.deepEqual(
      [1, 2].map((n) => getWhole(store, n)),
      [undefined, undefined],
    )
    assert.ok(isRight(store, 3, [2]))
    assert.equal(filesIn(room, 'leaves').length, 1)
  })
}

test('an object whose leaves are not all there is not adopted', async (t) => {
  const { room, store } = shared(t)
  store.close()
  rmSync(join(room.directory, 'index.sqlite'))
  unlinkSync(pathOf(room, 3))
  const again = room.open()
  assert.ok(isRight(again, 1, [1, 2]))
  assert.equal(again.find(keyOf(2).digest), undefined)
  putLeaves(again, 2, [1, 3])
  assert.ok(isRight(again, 2, [1, 3]))
  await again.verify({ repair: true })
  assert.deepEqual(await codes(again), [])
})

test('gc removes leaves that nobody names, but only those past the grace age', async (t) => {
  const { room, store } = shared(t)
  writeFileSync(pathOf(room, 1).replace(/.{4}$/, '0000'), leafOf(9))
  utimesSync(pathOf(room, 1), 0, 0)
  assert.equal((await store.gc()).orphans, 0)
  assert.deepEqual(await codes(store), [])
  room.now += 2 * HOUR
  assert.deepEqual(await codes(store), ['leaf-orphan'])
  const { bytesFreed, orphans } = await store.gc()
  assert.deepEqual([orphans, bytesFreed], [1, LEAF])
  assert.ok(isRight(store, 1, [1, 2]))
  assert.deepEqual(await codes(store), [])
})

test('what the index has forgotten of leaves is told by the objects', async (t) => {
  const { room, store } = shared(t)
  const Database = createRequire(import.meta.url)('better-sqlite3') as new (
    path: string,
  ) => { exec(sql: string): void; close(): void }
  const index = new Database(join(room.directory, 'index.sqlite'))
  index.exec('DELETE FROM leaf WHERE entry = 1; INSERT INTO leaf SELECT 77, place, file, size FROM leaf')
  index.close()
  assert.deepEqual(await codes(store), ['leaves-misnamed', 'leaves-misnamed'])
  await store.verify({ repair: true })
  assert.deepEqual(await codes(store), [])
  store.drop(keyOf(2).digest)
  assert.ok(isRight(store, 1, [1, 2]))
  assert.equal(filesIn(room, 'leaves').length, 2)
})

test('leaves count for each entry that shares them, and those that leave for a newcomer take theirs along', (t) => {
  const room = roomFor(t)
  const store = room.open({ maxSize: 4 * 80_000 })
  for (let n = 0; n < 12; n++) assert.ok(putLeaves(store, n, [0, n + 1]), `call ${n}`)
  assert.equal(store.totals().entries, 2)
  assert.equal(filesIn(room, 'leaves').length, 3)
  assert.equal(putLeaves(store, 20, [1, 2, 3, 4, 5]), undefined, 'it can never fit')
  assert.equal(filesIn(room, 'leaves').length, 3)
  assert.ok(isRight(store, 11, [0, 12]))
})

test('what is refused leaves no leaves', (t) => {
  const room = roomFor(t)
  const policy = { name: 'for ever', score: () => Number.POSITIVE_INFINITY }
  const store = room.open({ maxSize: 2 * 80_000, policy })
  assert.ok(putLeaves(store, 1, [1]))
  assert.equal(putLeaves(store, 2, [1, 2]), undefined)
  assert.equal(filesIn(room, 'leaves').length, 1)
  assert.deepEqual(filesIn(room, 'tmp'), [])
  assert.ok(isRight(store, 1, [1]))
})

test('a leaf that somebody takes away or brings in the midst of a put is written again or kept', (t) => {
  const room = roomFor(t)
  const other = room.open()
  const store = room.open()
  putLeaves(other, 1, [1])
  let deeds = 0
  const meddle = (deed: () => void) =>
    putLeaves(store, 2, [1], {
      note: 'x',
      codeNote: () => {
        deeds += 1
        deed()
        return undefined
      },
    })
  // the put has seen that leaf 1 is there
  assert.ok(meddle(() => other.drop(keyOf(1).digest)))
  assert.ok(isRight(store, 2, [1]))
  store.drop(keyOf(2).digest)
  // the put has seen that it is not
  assert.ok(meddle(() => putLeaves(other, 1, [1])))
  for (const n of [1, 2]) assert.ok(isRight(other, n, [1]))
  assert.equal(deeds, 3, 'the first put was begun twice')
  assert.deepEqual([filesIn(room, 'leaves').length, filesIn(room, 'tmp').length], [1, 0])
})

test('leaves travel with exported entries', async (t) => {
  const { room, store } = shared(t)
  const file = join(room.directory, '..', 'exported')
  assert.deepEqual(await store.export(file), { entries: 2, bytes: 2 * (2 * LEAF + 100) })
  const there = roomFor(t)
  const target = there.open()
  assert.equal((await target.import(file)).imported, 2)
  assert.ok(isRight(target, 1, [1, 2]) && isRight(target, 2, [1, 3]))
  assert.equal(filesIn(there, 'leaves').length, 3)
  assert.deepEqual(target.find(keyOf(1).digest), store.find(keyOf(1).digest))
  const bytes = readFileSync(file)
  bytes[bytes.byteLength - 1000]! ^= 1
  writeFileSync(file, bytes)
  await assert.rejects(roomFor(t).open().import(file), { code: 'ERR_STORE_CORRUPT' })
})

test('read-only, leaves are read and damaged ones stay where they are', (t) => {
  const { room, store } = shared(t)
  store.close()
  harms['changed']!(pathOf(room, 3))
  const reader = room.open({ readonly: true })
  assert.ok(isRight(reader, 1, [1, 2]))
  assert.equal(getWhole(reader, 2), undefined)
  reader.close()
  rmSync(join(room.directory, 'index.sqlite'))
  assert.ok(isRight(room.open({ readonly: true }), 1, [1, 2]), 'what the objects tell is read')
  assert.equal(filesIn(room, 'leaves').length, 3)
})

test('the folder of leaves is one of ours', (t) => {
  const { room, store } = shared(t)
  store.close()
  for (const name of readdirSync(room.directory)) {
    if (name !== 'leaves') rmSync(join(room.directory, name), { recursive: true })
  }
  const again = room.open({ temporary: true })
  again.close()
  assert.equal(existsSync(room.directory), false)
})

for (const durability of ['commit', 'always'] as const) {
  test(`with durability '${durability}', leaves and the folders that name them are flushed`, async (t) => {
    const fs = await import('node:fs')
    const room = roomFor(t)
    const open = new Map<number, string>()
    const flushed = new Set<string>()
    const spy = {
      ...fs,
      openSync: (path: string, ...more: unknown[]) => {
        const fd = (fs.openSync as (...all: unknown[]) => number)(path, ...more)
        open.set(fd, path)
        return fd
      },
      fsyncSync: (fd: number) => {
        flushed.add(open.get(fd)!)
        fs.fsyncSync(fd)
      },
    } as typeof fs
    const store = room.open({ durability }, spy)
    store.put(entryOf(keyOf(1)), Buffer.from('x'), [leafOf(1), leafOf(2)])
    if (durability === 'commit') store.commit()
    for (const leaf of [1, 2]) {
      const path = pathOf(room, leaf)
      for (const part of [path, join(path, '..'), join(path, '..', '..'), join(path, '..', '..', '..')]) {
        assert.ok(flushed.has(part), part)
      }
    }
  })
}
