import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Store } from '#src/store/store.js'
import { bytesOf, get, keyOf, LARGE, put, type Room, roomFor, SMALL } from './harness.js'

const HOUR = 3_600_000

/** Objects 0 to 3, with rows for 0 and 1 only: as if a copy of 2 and 3 came from elsewhere. */
function withOrphans(t: TestContext): Room {
  const room = roomFor(t)
  const store = room.open()
  for (let n = 0; n < 4; n++) put(store, n, LARGE)
  const saved = `${room.directory}-objects`
  cpSync(join(room.directory, 'objects'), saved, { recursive: true })
  store.drop(keyOf(2).digest)
  store.drop(keyOf(3).digest)
  store.close()
  cpSync(saved, join(room.directory, 'objects'), { recursive: true })
  return room
}

const codes = async (store: Store): Promise<string[]> =>
  (await store.verify()).problems.map(({ code }) => code)

test('recover adopts orphans, and in a dry run only counts them', async (t) => {
  const room = withOrphans(t)
  const store = room.open()
  assert.deepEqual(await store.recover({ dryRun: true }), { adopted: 2 })
  assert.equal(store.totals().entries, 2)
  assert.deepEqual(await store.recover(), { adopted: 2 })
  assert.deepEqual(await store.recover(), { adopted: 0 })
  for (let n = 0; n < 4; n++) assert.deepEqual(get(store, n), bytesOf(n, LARGE))
  assert.deepEqual(await codes(store), [])
})

test('recover says how far it is, and verify how much it looked at', async (t) => {
  const room = roomFor(t)
  const store = room.open()
  for (let n = 0; n < 45; n++) put(store, n, LARGE)
  const told: (readonly [number, number])[] = []
  await store.recover({ dryRun: true, onProgress: (...how) => void told.push(how) })
  assert.deepEqual(told, [
    [20, 45],
    [40, 45],
    [45, 45],
  ])
  const { checked, steps } = await store.verify()
  assert.deepEqual(Object.keys(checked), Object.keys(steps))
  assert.deepEqual([checked.entries, checked.objects, checked.totals, checked.foreign], [45, 45, 45, 0])
  assert.ok(checked.index! > 3)
})

test('gc removes orphans, but only those past the grace age', async (t) => {
  const room = withOrphans(t)
  const store = room.open()
  assert.equal((await store.gc()).orphans, 0)
  room.now += 2 * HOUR
  const report = await store.gc()
  assert.equal(report.orphans, 2)
  assert.ok(report.bytesFreed >= 2 * LARGE)
  for (let n = 0; n < 2; n++) assert.deepEqual(get(store, n), bytesOf(n, LARGE))
  assert.deepEqual(await codes(store), [])
})

test('gc removes what has expired', async (t) => {
  const room = roomFor(t)
  const store = room.open()
  for (let n = 0; n < 500; n++)
    put(store, n, n === 0 ? LARGE : SMALL, n % 2 === 0 ? { expiresAt: room.now + 1 } : {})
  room.now += 2
  const report = await store.gc()
  assert.equal(report.expired, 250)
  assert.equal(store.totals().entries, 250)
  assert.deepEqual(await codes(store), [])
})

test('gc stops when it is told to', async (t) => {
  const room = withOrphans(t)
  room.now += 2 * HOUR
  const store = room.open()
  assert.equal((await store.gc({ signal: AbortSignal.abort() })).orphans, 0)
})

test('two gcs of one directory take turns', async (t) => {
  const room = withOrphans(t)
  room.now += 2 * HOUR
  const stores = [room.open(), room.open()]
  const reports = await Promise.all(stores.map((store) => store.gc()))
  assert.equal(
    reports.reduce((sum, { orphans }) => sum + orphans, 0),
    2,
  )
  assert.deepEqual(await codes(stores[0]!), [])
})

test('gc beside a writer takes nothing from it', async (t) => {
  const room = roomFor(t)
  const writer = room.open()
  const collector = room.open()
  let done = false
  const collecting = (async () => {
    while (!done) await collector.gc()
  })()
  for (let n = 0; n < 150; n++) {
    assert.ok(put(writer, n, n % 2 === 0 ? LARGE : SMALL))
    if (n % 10 === 0) await new Promise(setImmediate)
  }
  done = true
  await collecting
  for (let n = 0; n < 150; n++) assert.ok(get(writer, n))
})

test('verify finds each kind of harm by name and repairs what can be repaired', async (t) => {
  const room = withOrphans(t)
  const store = room.open()
  for (let n = 10; n < 14; n++) put(store, n, LARGE)
  store.close()
  const objects = join(room.directory, 'objects', 'xxh128')
  mkdirSync(join(objects, 'ab'), { recursive: true })
  writeFileSync(join(objects, 'ab', '0'.repeat(30)), 'not an object')
  writeFileSync(join(room.directory, 'stranger.txt'), 'hello')
  const again = room.open()
  const victim = filesBySize(objects)[0]!
  writeFileSync(victim, 'damaged')
  assert.deepEqual(
    [...new Set(await codes(again))].sort(),
    ['foreign', 'object-damaged', 'orphan', 'orphan-damaged'].sort(),
  )
  const report = await again.verify({ repair: true })
  assert.deepEqual(Object.keys(report.steps), [
    'index',
    'entries',
    'objects',
    'leaves',
    'removals',
    'totals',
    'parsed',
    'tmp',
    'foreign',
  ])
  for (const { code, repaired } of report.problems) assert.equal(repaired, code !== 'foreign')
  assert.deepEqual(await codes(again), ['foreign'])
})

/** The files of objects that entries name, for certain: those written last. */
function filesBySize(objects: string): string[] {
  return readdirSync(objects, { recursive: true, encoding: 'utf8' })
    .map((name) => join(objects, name))
    .filter((path) => statSync(path).isFile() && statSync(path).size > 1000)
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)
}

test('tmp files of dead processes are removed at open, those of others by age', async (t) => {
  const room = roomFor(t)
  const first = room.open()
  put(first, 1, LARGE)
  const [slot] = readdirSync(join(room.directory, 'tmp'))
  const [host, boot, , random] = slot!.split('.')[0]!.split('-')
  const object = '0'.repeat(32)
  const dead = `${host}-${boot}-${2 ** 22 + 1}-${random}.${object}`
  const elsewhere = `${'0'.repeat(8)}-${boot}-1-${random}.${object}`
  const rebooted = `${host}-${'0'.repeat(8)}-1-${random}.${object}`
  for (const name of [dead, elsewhere, rebooted]) writeFileSync(join(room.directory, 'tmp', name), 'half')
  const second = room.open()
  assert.deepEqual(readdirSync(join(room.directory, 'tmp')).sort(), [slot, elsewhere].sort())
  await second.gc()
  assert.ok(readdirSync(join(room.directory, 'tmp')).includes(elsewhere))
  utimesSync(join(room.directory, 'tmp', elsewhere), 0, 0)
  await second.gc()
  assert.deepEqual(readdirSync(join(room.directory, 'tmp')), [slot])
})

test('an object in flight when its writer died is adopted at the next open', (t) => {
  const room = withOrphans(t)
  const objects = join(room.directory, 'objects', 'xxh128')
  const store = room.open()
  put(store, 9, LARGE)
  const [slot] = readdirSync(join(room.directory, 'tmp'))
  store.close()
  const [host, boot, , random] = slot!.split('.')[0]!.split('-')
  for (const path of filesBySize(objects)) {
    const name = path.slice(objects.length).replaceAll(/[^0-9a-f]/g, '')
    const writer = `${host}-${boot}-${2 ** 22 + 1}-${name.slice(0, 8)}`
    assert.ok(random)
    writeFileSync(join(room.directory, 'tmp', `${writer}.slot`), name)
  }
  const again = room.open()
  assert.equal(again.totals().entries, 5)
  assert.deepEqual(get(again, 3), bytesOf(3, LARGE))
})

test('an object whose removal was not finished is not adopted, but removed', async (t) => {
  const room = roomFor(t)
  const stuck = new Set<string>()
  const fs = await import('node:fs')
  const store = room.open({}, {
    ...fs,
    unlinkSync(path: string) {
      if (path.includes('objects')) {
        stuck.add(path)
        throw Object.assign(new Error('EIO: injected'), { code: 'EIO' })
      }
      fs.unlinkSync(path)
    },
  } as typeof fs)
  put(store, 1, LARGE)
  assert.equal(store.drop(keyOf(1).digest), true)
  assert.equal(stuck.size, 1)
  assert.deepEqual(
    room.failures.map(({ code }) => code),
    ['ERR_STORE_IO'],
  )
  assert.deepEqual(await store.recover(), { adopted: 0 })
  store.close()
  const again = room.open()
  assert.equal(again.find(keyOf(1).digest), undefined)
  assert.equal(filesBySize(join(room.directory, 'objects')).length, 0)
})

test('an index deleted under a running store is rebuilt, and its results are shared again', async (t) => {
  const room = roomFor(t)
  const store = room.open()
  put(store, 1, LARGE)
  for (const suffix of ['', '-wal', '-shm'])
    rmSync(join(room.directory, `index.sqlite${suffix}`), { force: true })
  room.now += 2 * HOUR
  const other = room.open()
  put(other, 2, LARGE)
  await store.gc()
  for (const one of [store, other]) for (const n of [1, 2]) assert.ok(get(one, n))
})
