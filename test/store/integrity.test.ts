/** Whatever happens to the bytes of the directory, a store answers rightly or not at all, and heals. */
import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import {
  cpSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { StoreError } from '#src/errors.js'
import type { Store } from '#src/store/store.js'
import {
  bytesOf,
  entryOf,
  get,
  getWhole,
  keyOf,
  LARGE,
  leavesOf,
  parseKey,
  parseOf,
  put,
  putLeaves,
  type Room,
  roomFor,
  SMALL,
  whole,
} from './harness.js'

const Database = createRequire(import.meta.url)('better-sqlite3') as new (
  path: string,
) => { exec(sql: string): void; close(): void }

const sizeOf = (n: number): number => [SMALL, LARGE, 5000, 70_000][n % 4]!
/** Twelve results as they are, and then some with leaves in common. */
const COUNT = 15
const hasLeaves = (n: number): boolean => n >= 12
const wanted = (n: number): Buffer => (hasLeaves(n) ? whole(n, leavesOf(n)) : bytesOf(n, sizeOf(n)))

/** A closed store with some of everything, its log included if `running`. */
function filled(t: TestContext): Room {
  const room = roomFor(t)
  const store = room.open()
  fill(store)
  store.close()
  return room
}

function fill(store: Store): void {
  for (let n = 0; n < COUNT; n++) {
    const more = { tags: ['t'], expiresAt: 9e12, async: n % 2 === 1 }
    if (hasLeaves(n)) putLeaves(store, n, leavesOf(n), more)
    else put(store, n, sizeOf(n), more)
  }
  store.count('f', { hits: 1 }, keyOf(1).digest)
  for (let n = 0; n < COUNT; n++) store.parses.set(parseKey(n), parseOf(n))
  store.flush()
}

function filesOf(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(directory, name)).isFile())
    .sort()
}

/** Every answer is right or missing; nothing but a StoreError is thrown. Returns how many answers there were. */
function answers(store: Store): number {
  let found = 0
  for (let n = 0; n < COUNT; n++) {
    const parse = store.parses.get(parseKey(n))
    if (parse !== undefined) assert.equal(parse, parseOf(n))
    const entry = store.find(keyOf(n).digest)
    if (entry === undefined) continue
    assert.deepEqual([entry.codec, entry.async, entry.expiresAt], ['raw', n % 2 === 1, 9e12])
    const has = store.has(entry)
    const stored = store.read(entry)
    assert.equal(stored !== undefined, has, '`has` agrees with `read`')
    if (stored === undefined) continue
    assert.ok(Buffer.concat([stored.bytes, ...stored.leaves]).equals(wanted(n)))
    found += 1
  }
  return found
}

async function heals(room: Room): Promise<void> {
  const store = room.open()
  answers(store)
  fill(store)
  assert.equal(answers(store), COUNT, 'what was lost is stored again')
  const { problems } = await store.verify({ repair: true })
  assert.deepEqual(
    problems.filter((problem) => !problem.repaired),
    [],
  )
  // Repairing a damaged index may cost small results that were stored into it; never an answer.
  fill(store)
  assert.deepEqual((await store.verify()).problems, [])
  assert.equal(answers(store), COUNT)
  store.close()
  assert.equal(answers(room.open()), COUNT)
}

const change = fc.record({
  file: fc.nat(),
  at: fc.nat(),
  how: fc.constantFrom('flip', 'zero', 'cut', 'delete', 'garbage', 'empty'),
  bit: fc.nat(7),
})
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never

function damage(directory: string, { file, at, how, bit }: Change): void {
  const names = filesOf(directory)
  // The index is the most intricate, so it gets half of the damage.
  const name = at % 2 === 0 && names.includes('index.sqlite') ? 'index.sqlite' : names[file % names.length]!
  const path = join(directory, name)
  const { size } = statSync(path)
  const position = size === 0 ? 0 : (at * 7919) % size
  if (how === 'delete') unlinkSync(path)
  else if (how === 'empty') truncateSync(path)
  else if (how === 'cut') truncateSync(path, position)
  else {
    const bytes = readFileSync(path)
    if (how === 'flip' && size > 0) bytes[position]! ^= 1 << bit
    if (how === 'zero') bytes.fill(0, position, Math.min(size, position + 512))
    if (how === 'garbage') bytes.fill(`${at} garbage `, position, Math.min(size, position + 300))
    writeFileSync(path, bytes)
  }
}

test('damage anywhere in a closed directory is a miss at worst, and heals', async (t) => {
  const original = filled(t)
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
      const room = roomFor(t)
      cpSync(original.directory, room.directory, { recursive: true })
      for (const one of changes) damage(room.directory, one)
      await heals(room)
      rmSync(room.directory, { recursive: true })
    }),
    { numRuns: 60, includeErrorInReport: true },
  )
})

test('damage to the index while it is open is survived, and heals', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.nat(7), async (at, bit) => {
      const room = roomFor(t)
      const first = room.open()
      fill(first)
      first.close()
      const store = room.open()
      const path = join(room.directory, 'index.sqlite')
      const bytes = readFileSync(path)
      for (let n = 0; n < 20; n++) bytes[(at * 7919 + n * 4001) % bytes.length]! ^= 1 << bit
      writeFileSync(path, bytes)
      answers(store)
      fill(store)
      answers(store)
      store.close()
      await heals(room)
      rmSync(room.directory, { recursive: true })
    }),
    { numRuns: 30, includeErrorInReport: true },
  )
})

for (const [what, spoil] of [
  ['deleted', (path: string) => unlinkSync(path)],
  ['emptied', (path: string) => truncateSync(path)],
  ['cut', (path: string) => truncateSync(path, 5000)],
  [
    'replaced by text',
    (path: string) => writeFileSync(path, 'not a database, but long enough to be looked at'.repeat(100)),
  ],
] as const) {
  test(`every large result hits again after the index is ${what}`, (t) => {
    const room = filled(t)
    spoil(join(room.directory, 'index.sqlite'))
    const store = room.open()
    for (let n = 0; n < COUNT; n++) {
      if (hasLeaves(n) || sizeOf(n) > 65_536) assert.ok(getWhole(store, n)?.equals(wanted(n)), `result ${n}`)
    }
    const entry = store.find(keyOf(1).digest)!
    assert.deepEqual(
      [entry.key, entry.tags, entry.computeTime, entry.async, entry.createdAt],
      [keyOf(1), ['t'], 100, true, room.now],
    )
  })
}

test('a database of somebody else is set aside, not deleted', (t) => {
  const room = filled(t)
  const path = join(room.directory, 'index.sqlite')
  writeFileSync(path, 'precious')
  room.open()
  const aside = readdirSync(room.directory).find((name) => name.startsWith('index.sqlite.damaged-'))
  assert.equal(readFileSync(join(room.directory, aside!), 'utf8'), 'precious')
  assert.deepEqual(
    room.failures.map(({ code }) => code),
    ['ERR_STORE_CORRUPT'],
  )
})

test('a lost result is told, dropped, and hits again once stored', (t) => {
  const room = filled(t)
  const told: unknown[] = []
  const listen = (message: unknown): void => void told.push(message)
  subscribe('permafrost:lost', listen)
  t.after(() => unsubscribe('permafrost:lost', listen))
  rmSync(join(room.directory, 'objects'), { recursive: true })
  const store = room.open()
  const entry = store.find(keyOf(1).digest)!
  assert.equal(store.has(entry), false)
  assert.ok(store.find(keyOf(1).digest), '`has` changes nothing')
  assert.equal(store.read(entry), undefined)
  assert.equal(store.find(keyOf(1).digest), undefined)
  assert.equal(told.length, 1)
  store.put(entryOf(keyOf(1)), bytesOf(1, LARGE))
  assert.deepEqual(get(store, 1), bytesOf(1, LARGE))
})

test('an object under the name of another is not believed', (t) => {
  const room = roomFor(t)
  const store = room.open()
  put(store, 1, LARGE)
  put(store, 2, LARGE)
  store.close()
  const [one, two] = filesOf(join(room.directory, 'objects')).map((name) =>
    join(room.directory, 'objects', name),
  )
  cpSync(one!, two!)
  const again = room.open()
  assert.equal([1, 2].filter((n) => get(again, n) !== undefined).length, 1)
  again.close()
  rmSync(join(room.directory, 'index.sqlite'))
  cpSync(one!, two!)
  assert.equal(room.open().totals().entries, 1)
})

test('a row whose values have changed their type is not believed', (t) => {
  const room = roomFor(t)
  const store = room.open()
  put(store, 1, SMALL)
  const index = new Database(join(room.directory, 'index.sqlite'))
  index.exec('UPDATE entry SET sealed = CAST(sealed AS TEXT)')
  index.close()
  assert.equal(store.find(keyOf(1).digest), undefined)
  put(store, 1, SMALL)
  assert.deepEqual(get(store, 1), bytesOf(1, SMALL))
})

test('errors are StoreErrors with a cause', (t) => {
  const room = roomFor(t)
  const store = room.open()
  const broken = { ...keyOf(1), name: null as unknown as string }
  assert.throws(
    () => store.put(entryOf(broken), bytesOf(1, SMALL)),
    (error) => error instanceof StoreError && error.cause instanceof Error,
  )
})

test('a result that is larger than checkUpTo is checked by verify alone', async (t) => {
  const room = roomFor(t, { checkUpTo: 80_000 })
  const store = room.open()
  put(store, 1, LARGE)
  put(store, 2, 70_000)
  const objects = filesOf(room.directory).filter((name) => name.startsWith('objects'))
  assert.equal(objects.length, 2)
  for (const name of objects) {
    const path = join(room.directory, name)
    const bytes = readFileSync(path)
    bytes[bytes.length - 1]! ^= 1
    writeFileSync(path, bytes)
  }
  assert.notEqual(get(store, 1), undefined)
  assert.equal(get(store, 2), undefined)
  assert.deepEqual(
    (await store.verify()).problems.map(({ code }) => code),
    ['object-damaged'],
  )
})
