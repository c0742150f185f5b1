/** Fails the n-th file-system call, for n = 1, 2, 3 … until a run completes without reaching it. */
import assert from 'node:assert/strict'
import * as nodeFs from 'node:fs'
import { readdirSync, rmSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { StoreError } from '#src/errors.js'
import type { FileSystem } from '#src/store/files.js'
import type { Store } from '#src/store/store.js'
import { bytesOf, keyOf, LARGE, put, type Room, roomFor, SMALL } from '../store/harness.js'

/** A file system whose n-th call fails, after doing half its work where there is a half. */
function failingAt(n: number, code: string): { readonly fs: FileSystem; reached(): boolean } {
  let calls = 0
  const failure = (): Error => Object.assign(new Error(`${code}: injected`), { code })
  const fs = Object.fromEntries(
    Object.entries(nodeFs).map(([name, member]) => {
      if (typeof member !== 'function' || !name.endsWith('Sync')) return [name, member]
      const call = member as (...args: unknown[]) => unknown
      return [
        name,
        (...args: unknown[]) => {
          if (++calls !== n) return call(...args)
          if (name === 'writeSync' && (args[3] as number) > 1) call(args[0], args[1], args[2], 1)
          if (name === 'closeSync') call(...args)
          throw failure()
        },
      ]
    }),
  ) as unknown as FileSystem
  return { fs, reached: () => calls >= n }
}

const COUNT = 5
const sizeOf = (n: number): number => (n % 3 === 0 ? SMALL : LARGE + n)

/** Reads whatever is there; it must be right. */
function check(store: Store): number {
  let found = 0
  for (let n = 0; n < COUNT; n++) {
    const entry = attempt(() => store.find(keyOf(n).digest))
    if (entry === undefined) continue
    const bytes = store.read(entry)
    if (bytes === undefined) continue
    assert.ok([n, n + 100].some((m) => Buffer.compare(bytes, bytesOf(m, sizeOf(n))) === 0))
    found += 1
  }
  return found
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
async function life(room: Room, fs: FileSystem): Promise<Map<number, Buffer>> {
  const acknowledged = new Map<number, Buffer>()
  const store = attempt(() => room.open({ maxSize: 350_000 }, fs))
  if (store === undefined) return acknowledged
  for (let n = 0; n < COUNT; n++) {
    if (attempt(() => put(store, n, sizeOf(n))) !== undefined) acknowledged.set(n, bytesOf(n, sizeOf(n)))
  }
  check(store)
  attempt(() => store.put({ ...storedAgain, key: keyOf(1) }, bytesOf(101, sizeOf(1))))
  attempt(() => store.drop(keyOf(2).digest))
  attempt(() => store.commit())
  room.now += 7_200_000
  await attemptLater(() => store.gc())
  await attemptLater(() => store.recover())
  await attemptLater(() => store.verify({ repair: true }))
  attempt(() => store.clear({ tag: 'none' }))
  check(store)
  store.close()
  return acknowledged
}

const storedAgain = {
  computeTime: 1,
  codec: 'raw',
  async: false,
  tags: [],
  keepVersions: Number.POSITIVE_INFINITY,
}

async function loop(t: TestContext, codes: readonly string[]): Promise<void> {
  for (let n = 1; ; n++) {
    const code = codes[n % codes.length]!
    const room = roomFor(t)
    const { fs, reached } = failingAt(n, code)
    const acknowledged = await life(room, fs)
    const healthy = room.open()
    for (const [k, bytes] of acknowledged) {
      if (k === 1 || k === 2) continue
      const entry = healthy.find(keyOf(k).digest)
      const found = entry && healthy.read(entry)
      assert.ok(found !== undefined, `call ${n} fails with ${code}: acknowledged result ${k} is gone`)
      assert.deepEqual(Buffer.from(found), bytes)
    }
    check(healthy)
    const { problems } = await healthy.verify({ repair: true })
    assert.deepEqual(
      problems.filter(({ repaired }) => !repaired),
      [],
      `call ${n} fails with ${code}`,
    )
    assert.deepEqual((await healthy.verify()).problems, [], `call ${n} fails with ${code}`)
    healthy.close()
    assert.deepEqual(
      readdirSync(`${room.directory}/tmp`).filter((name) => !name.endsWith('.lock')),
      leftBy(room.directory),
      `call ${n} fails with ${code}`,
    )
    rmSync(room.directory, { recursive: true })
    if (!reached()) {
      assert.ok(n > 80, 'the run made enough calls to mean something')
      return
    }
  }
}

/** A living process may leave one file it could not remove; it is removed by age, or when the process has ended. */
function leftBy(directory: string): string[] {
  const names = readdirSync(`${directory}/tmp`).filter((name) => !name.endsWith('.lock'))
  assert.ok(names.length <= 1, names.join())
  return names
}

for (const codes of [
  ['EIO', 'EACCES'],
  ['ENOSPC', 'EMFILE'],
]) {
  test(`whichever file-system call fails with ${codes.join(' or ')}, nothing wrong is returned and nothing acknowledged is lost`, async (t) =>
    loop(t, codes))
}
