/** What a store goes through in a life, in a test that makes some of it fail. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { StoreError } from '#src/errors.js'
import type { FileSystem } from '#src/store/files.js'
import type { Store } from '#src/store/store.js'
import {
  bytesOf,
  entryOf,
  getWhole,
  keyOf,
  LARGE,
  parseKey,
  parseOf,
  put,
  putLeaves,
  type Room,
  SMALL,
  whole,
} from '../store/harness.js'

const COUNT = 5
/** Calls whose results have leaves, some of them in common. */
const LEAVES: ReadonlyMap<number, readonly number[]> = new Map([
  [5, [1, 2]],
  [6, [1, 3, 1]],
])
const sizeOf = (n: number): number => (n % 3 === 0 ? SMALL : LARGE + n)

/** Reads whatever is there; it must be right. */
function check(store: Store): void {
  for (let n = 0; n < COUNT; n++) {
    const entry = attempt(() => store.find(keyOf(n).digest))
    const bytes = entry && store.read(entry)?.bytes
    if (bytes === undefined) continue
    assert.ok([n, n + 100].some((m) => Buffer.compare(bytes, bytesOf(m, sizeOf(n))) === 0))
  }
  for (let n = 0; n < COUNT; n++) {
    const parse = attempt(() => store.parses.get(parseKey(n)))
    if (parse !== undefined) assert.equal(parse, parseOf(n))
  }
  for (const [n, leaves] of LEAVES) {
    const bytes = attempt(() => getWhole(store, n))
    if (bytes !== undefined) assert.equal(Buffer.compare(bytes, whole(n, leaves)), 0)
  }
}

/** Nothing but a StoreError may come out. */
function attempt<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    assert.ok(error instanceof StoreError, String(error))
    return undefined
  }
}

async function attemptLater<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    assert.ok(error instanceof StoreError, String(error))
    return undefined
  }
}

/** Some of everything. Returns the calls whose results were acknowledged last. */
export async function life(room: Room, fs?: FileSystem): Promise<Map<number, Buffer>> {
  const acknowledged = new Map<number, Buffer>()
  const store = attempt(() => room.open({ maxSize: 707_000 }, fs))
  if (store === undefined) return acknowledged
  for (let n = 0; n < COUNT; n++) {
    if (attempt(() => put(store, n, sizeOf(n))) !== undefined) acknowledged.set(n, bytesOf(n, sizeOf(n)))
  }
  const putAgain = (n: number): void => {
    const leaves = LEAVES.get(n)!
    if (attempt(() => putLeaves(store, n, leaves)) !== undefined) acknowledged.set(n, whole(n, leaves))
  }
  for (const n of LEAVES.keys()) putAgain(n)
  check(store)
  attempt(() => store.put(entryOf(keyOf(1), { note: 'again' }), bytesOf(101, sizeOf(1))))
  attempt(() => store.drop(keyOf(2).digest))
  acknowledged.delete(5)
  attempt(() => store.drop(keyOf(5).digest))
  attempt(() => store.count('f', { hits: 1 }, keyOf(0).digest))
  for (let n = 0; n < COUNT; n++) attempt(() => store.parses.set(parseKey(n), parseOf(n)))
  attempt(() => store.commit())
  room.now += 7_200_000
  await attemptLater(() => store.gc())
  await attemptLater(() => store.recover())
  await attemptLater(() => store.verify({ repair: true }))
  attempt(() => store.clear({ tag: 'none' }))
  putAgain(5)
  check(store)
  store.close()
  return acknowledged
}

/** What must be true afterwards, when nothing fails any more. */
export async function afterwards(
  room: Room,
  acknowledged: ReadonlyMap<number, Buffer>,
  what: string,
): Promise<void> {
  const healthy = room.open()
  for (const [n, bytes] of acknowledged) {
    // replaced and dropped
    if (n === 1 || n === 2) continue
    const found = getWhole(healthy, n)
    assert.ok(found !== undefined, `${what}: acknowledged result ${n} is gone`)
    assert.ok(found.equals(bytes), `${what}: result ${n}`)
  }
  check(healthy)
  const { problems } = await healthy.verify({ repair: true })
  assert.deepEqual(
    problems.filter(({ repaired }) => !repaired),
    [],
    what,
  )
  assert.deepEqual((await healthy.verify()).problems, [], what)
  healthy.close()
  // A living process may leave one file it could not remove; it is removed by age, or when the process has ended.
  const left = readdirSync(`${room.directory}/tmp`).filter((name) => !name.endsWith('.lock'))
  assert.ok(left.length <= 1, `${what}: ${left.join()}`)
}
