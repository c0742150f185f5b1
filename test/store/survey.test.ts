/** What people ask: lists in some order, sums, calls by their first digits, room; and work that is watched and stopped. */
import assert from 'node:assert/strict'
import { cpSync, existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import type { Selection, Sorting } from '#src/store/contract.js'
import type { Store } from '#src/store/store.js'
import type { Entry, EntryOrder } from '#src/types.js'
import {
  bytesOf,
  digest,
  entryOf,
  keyOf,
  LARGE,
  LEAF,
  leafOf,
  put,
  putLeaves,
  roomFor,
  SMALL,
} from './harness.js'

const BY: Readonly<Record<EntryOrder, (entry: Entry) => number | string>> = {
  used: (entry) => entry.accessedAt,
  created: (entry) => entry.createdAt,
  size: (entry) => entry.size,
  time: (entry) => entry.computeTime,
  hits: (entry) => entry.hits,
  name: (entry) => entry.key.name,
}

const NAMES = ['src/a.ts#f', 'src/b.ts#f', 'g[x]', 'g?']

/** Entries of all sorts, some of them not yet booked. */
function filled(
  t: TestContext,
  count: number,
  random: () => number,
): { store: Store; all: Entry[]; now: number } {
  const room = roomFor(t)
  const store = room.open()
  const start = room.now
  for (let n = 0; n < count; n++) {
    room.now = start + Math.floor(random() * 1e9)
    const key = keyOf(n, { name: NAMES[n % NAMES.length]!, code: `code ${n % 3}` })
    const computeTime = random() < 0.2 ? 0 : random() * 10 ** (random() * 9 - 3)
    const tags = n % 3 === 0 ? ['third'] : []
    const entry = store.put(entryOf(key, { computeTime, tags }), bytesOf(n, Math.floor(random() * 500)))!
    for (let hits = Math.floor(random() * 4) * Math.floor(random() * 200); hits > 0; hits--)
      store.count(key.name, { hits: 1 }, entry.key.digest)
  }
  store.flush()
  return { store, all: [...store.entries()], now: start }
}

const digests = (entries: Iterable<Entry>): string[] => [...entries].map(({ key }) => key.digest)

test('each order is that of the entries themselves, both ways, with any limit', (t) => {
  fc.assert(
    fc.property(fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })), (numbers) => {
      const random = (): number => numbers.next().value as number
      const { store, all } = filled(t, 80, random)
      for (const [sort, by] of Object.entries(BY) as [EntryOrder, (typeof BY)[EntryOrder]][]) {
        for (const reverse of [false, true]) {
          const sorting: Sorting = { sort, reverse }
          const listed = [...store.survey.sorted({}, sorting)]
          assert.deepEqual(digests(listed).sort(), digests(all).sort())
          const rising = (sort === 'name') !== reverse
          for (const [place, entry] of listed.entries()) {
            const [a, b] = [by(listed[Math.max(0, place - 1)]!), by(entry)]
            assert.ok(rising ? a <= b : a >= b, `${sort}: ${a}, then ${b}`)
          }
          const few = [...store.survey.sorted({}, { ...sorting, limit: 7 })]
          assert.deepEqual(digests(few), digests(listed).slice(0, 7))
        }
      }
      store.close()
    }),
    { numRuns: 10 },
  )
})

test('what came last comes first, by itself or as a list, with any limit', (t) => {
  const store = roomFor(t).open()
  for (let n = 0; n < 600; n++) put(store, n, SMALL)
  const all = digests(store.entries())
  for (const limit of [1, 499, 500, 501, 600, 700]) {
    const last = all.slice(0, limit)
    assert.deepEqual(digests(store.survey.newest({}, limit)), last)
    assert.deepEqual(digests(store.survey.sorted({}, { limit })), last)
  }
  assert.deepEqual(digests(store.survey.sorted({}, { reverse: true })), all.reverse())
})

test('a selection means what its words say, for lists, sums and removal alike', (t) => {
  let seed = 1
  const random = (): number => {
    seed = (seed * 48271) % 2147483647
    return seed / 2147483647
  }
  const { store, all, now } = filled(t, 300, random)
  const half = now + 5e8
  const cases: [Selection, (entry: Entry) => boolean][] = [
    [{}, () => true],
    [{ name: 'g?' }, ({ key }) => key.name === 'g?'],
    [{ pattern: 'src/*#f' }, ({ key }) => key.name.startsWith('src/')],
    [{ pattern: 'g?*' }, ({ key }) => key.name === 'g?'],
    [{ pattern: '*[x]' }, ({ key }) => key.name === 'g[x]'],
    [{ pattern: 'SRC*' }, () => false],
    [{ tag: 'third' }, ({ tags }) => tags.includes('third')],
    [{ since: half }, ({ createdAt }) => createdAt >= half],
    [{ before: half }, ({ createdAt }) => createdAt < half],
    [{ usedBefore: half }, ({ accessedAt }) => accessedAt < half],
    [{ usedBefore: -5 }, () => false],
    [{ largerThan: 250 }, ({ size }) => size > 250],
    [{ largerThan: 255.5, tag: 'third' }, ({ size, tags }) => size > 255.5 && tags.includes('third')],
    [{ code: digest('code 1').slice(0, 5) }, ({ key }) => key.code === digest('code 1')],
    [{ code: digest('code 1'), name: 'nobody' }, () => false],
  ]
  for (const [selection, means] of cases) {
    const meant = digests(all.filter(means))
    assert.deepEqual(digests(store.entries(selection)), meant, JSON.stringify(selection))
    assert.deepEqual(digests(store.survey.sorted(selection, { sort: 'used' })).sort(), [...meant].sort())
    assert.equal(store.survey.sum(selection).entries, meant.length)
  }
  assert.equal(store.survey.sum({}).size, store.totals().size)
  for (const [selection, means] of cases.slice(1)) {
    const left = [...store.entries()].filter(means).length
    assert.equal(store.clear(selection), left)
  }
})

test('calls are found by the first digits of their digests, those that left, too', async (t) => {
  const store = roomFor(t).open()
  for (let n = 0; n < 400; n++) put(store, n, SMALL)
  const { digest: key } = keyOf(7)
  for (let length = 1; length <= 32; length++) {
    const prefix = key.slice(0, length)
    const all = digests(store.entries()).filter((one) => one.startsWith(prefix))
    assert.deepEqual(digests(store.survey.startingWith(prefix, 400)), all.sort())
  }
  assert.equal(store.survey.startingWith('', 3).length, 3)
  store.drop(key)
  assert.deepEqual(store.survey.startingWith(key, 2), [])
  assert.deepEqual(store.survey.departedLike(key.slice(0, 9)), [{ key, why: 'forgotten' }])
  await store.evict({ maxSize: Number.POSITIVE_INFINITY, maxEntries: 1 })
  assert.equal(store.survey.departedLike('').filter(({ why }) => why === 'evicted').length, 398)
})

test('room is told by function, and in all as large as the files are', (t) => {
  const room = roomFor(t)
  const store = room.open()
  for (let n = 0; n < 100; n++) put(store, n, SMALL)
  put(store, 100, LARGE, { key: keyOf(100, { name: 'large' }) })
  putLeaves(store, 101, [1, 2], { key: keyOf(101, { name: 'leafy' }) })
  putLeaves(store, 102, [2], { key: keyOf(102, { name: 'leafy' }) })
  store.commit()
  writeFileSync(join(room.directory, 'index.sqlite.damaged-1'), 'x'.repeat(1000))
  const space = store.survey.space()
  const { f, large, leafy } = space.functions
  const whole = (size: number): number => Math.ceil(size / 4096) * 4096
  assert.deepEqual([f?.entries, f?.objects, f?.leaves], [100, 0, 0])
  assert.deepEqual([large?.rows, large?.leaves, leafy?.entries], [0, 0, 2])
  assert.equal(leafy?.leaves, 3 * whole(leafOf(1).byteLength))
  assert.equal(space.leaves, 2 * whole(LEAF))
  const files = (folder: string): number =>
    readdirSync(join(room.directory, folder), { recursive: true, encoding: 'utf8' })
      .map((name) => statSync(join(room.directory, folder, name)))
      .reduce((sum, stat) => sum + (stat.isFile() ? whole(stat.size) : 0), 0)
  // and what their rows are charged beside
  const objects = files('objects')
  assert.ok(space.objects >= objects && space.objects < objects + 3 * 512, `${space.objects} of ${objects}`)
  assert.equal(space.leaves, files('leaves'))
  assert.equal(space.index, statSync(join(room.directory, 'index.sqlite')).size)
  assert.ok(space.rest >= 1000)
  assert.equal(space.total, space.index + space.log + space.objects + space.leaves + space.rest)
})

test('evicting stops at its limits, takes the lowest scores first, and those selected before them', async (t) => {
  const room = roomFor(t)
  const store = room.open()
  for (let n = 0; n < 100; n++)
    put(store, n, n % 2 === 0 ? LARGE : SMALL, { computeTime: n, tags: n < 5 ? ['x'] : [] })
  const few = await store.evict({ maxSize: Infinity, maxEntries: Infinity, selection: { tag: 'x' } })
  assert.equal(few.evicted, 5)
  assert.equal(store.departed(keyOf(3).digest), 'evicted')
  const { evicted, bytesFreed } = await store.evict({ maxSize: 1_000_000, maxEntries: Infinity })
  assert.ok(store.totals().size <= 1_000_000 && bytesFreed > 3_000_000)
  assert.equal(store.totals().entries, 95 - evicted)
  await store.evict({ maxSize: Infinity, maxEntries: 3 })
  assert.deepEqual(
    [...store.entries()].map(({ computeTime }) => computeTime),
    [99, 97, 95],
  )
  assert.deepEqual((await store.verify()).problems, [])
})

test('work is stopped by its signal, tells how far it is, and leaves the directory in order', async (t) => {
  const room = roomFor(t)
  const store = room.open()
  for (let n = 0; n < 1000; n++)
    put(store, n, n < 200 ? LARGE : SMALL, { expiresAt: room.now + (n < 900 ? 1 : 1e9) })
  const file = join(room.directory, '..', 'exported')
  const stopping = (): {
    watch: { signal: AbortSignal; onProgress: (done: number, total: number) => void }
    told: [number, number][]
  } => {
    const told: [number, number][] = []
    const controller = new AbortController()
    const onProgress = (done: number, total: number): void => {
      told.push([done, total])
      if (told.length === 2) controller.abort()
    }
    return { watch: { signal: controller.signal, onProgress }, told }
  }
  const goesOn = (told: [number, number][]): void => {
    assert.ok(told.length >= 2 && told.length <= 3, JSON.stringify(told))
    for (const [done, total] of told) assert.ok(done <= total && total > 0)
  }

  const verified = stopping()
  const report = await store.verify(verified.watch)
  goesOn(verified.told)
  assert.ok(report.checked['entries']! < 1000 && report.checked['totals'] === undefined)

  const exported = stopping()
  await assert.rejects(store.export(file, {}, exported.watch), { name: 'AbortError' })
  goesOn(exported.told)
  assert.equal(existsSync(file), false)
  assert.deepEqual(readdirSync(join(room.directory, '..')), ['cache'])

  await store.export(file)
  const other = roomFor(t).open()
  const imported = stopping()
  const { imported: some } = await other.import(file, imported.watch)
  goesOn(imported.told)
  assert.equal(other.totals().entries, some)
  assert.ok(some >= 50 && some < 1000)

  const recovered = stopping()
  await store.recover({ dryRun: true, ...recovered.watch })
  goesOn(recovered.told)

  const evicted = stopping()
  const { evicted: gone } = await store.evict({ maxSize: Infinity, maxEntries: 10, ...evicted.watch })
  goesOn(evicted.told)
  assert.ok(gone >= 200 && gone < 900, `${gone} are gone`)

  room.now += 10
  const collected = stopping()
  const { expired } = await store.gc(collected.watch)
  goesOn(collected.told)
  assert.ok(expired < 700)
  for (const one of [store, other]) assert.deepEqual((await one.verify()).problems, [])
})

test('where the signal is aborted before the work begins, nothing is done', async (t) => {
  const room = roomFor(t)
  const store = room.open()
  for (let n = 0; n < 10; n++) put(store, n, LARGE, { expiresAt: room.now + (n < 5 ? 1 : 1e9) })
  const file = join(room.directory, '..', 'exported')
  await store.export(file)
  const before = readdirSync(room.directory, { recursive: true }).sort()
  room.now += 10
  const watch = { signal: AbortSignal.abort() }
  assert.deepEqual(await store.gc(watch), { expired: 0, evicted: 0, orphans: 0, bytesFreed: 0 })
  const none = { maxSize: 0, maxEntries: 0, ...watch }
  assert.deepEqual(await store.evict(none), { evicted: 0, bytesFreed: 0 })
  assert.deepEqual((await store.verify({ repair: true, ...watch })).checked, {})
  await assert.rejects(store.export(join(file, '..', 'second'), {}, watch), { name: 'AbortError' })
  assert.equal(store.totals().entries, 10)
  assert.deepEqual(readdirSync(room.directory, { recursive: true }).sort(), before)

  const other = roomFor(t)
  const there = other.open()
  const nothing = { imported: 0, present: 0, expired: 0, refused: 0 }
  assert.deepEqual(await there.import(file, watch), nothing)
  there.close()
  // objects without rows
  cpSync(join(room.directory, 'objects'), join(other.directory, 'objects'), { recursive: true })
  const again = other.open()
  assert.deepEqual(await again.recover(watch), { adopted: 0 })
  assert.equal(again.totals().entries, 0)
  assert.deepEqual(await again.recover(), { adopted: 10 })
})
