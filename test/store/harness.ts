/** A store in a fresh directory, with calls named by a number and a clock that stands still. */
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { PermafrostError } from '#src/errors.js'
import type { Digester } from '#src/store/contract.js'
import type { FileSystem } from '#src/store/files.js'
import { policies } from '#src/store/policy.js'
import { type NewEntry, openStore, type Store, type StoreOptions } from '#src/store/store.js'
import type { CallKey, Digest, Entry } from '#src/types.js'

export const digest = (bytes: Uint8Array | string): Digest =>
  createHash('sha256').update(bytes).digest('hex').slice(0, 32) as Digest

export function newDigester(): Digester {
  const hash = createHash('sha256')
  return {
    update: (bytes) => void hash.update(bytes),
    digest: () => hash.digest('hex').slice(0, 32) as Digest,
  }
}

/** The call `name(n)` of some code. */
export function keyOf(n: number | string, { name = 'f', code = 'code' } = {}): CallKey {
  const parts = {
    name,
    code: digest(code),
    args: digest(`args ${n}`),
    inputs: digest('inputs'),
    state: digest('state'),
  }
  return { ...parts, digest: digest(`${parts.code}${parts.args}${parts.inputs}${parts.state}`) }
}

export const entryOf = (key: CallKey, more: Partial<NewEntry> = {}): NewEntry => ({
  key,
  computeTime: 100,
  codec: 'raw',
  async: false,
  tags: [],
  keepVersions: Number.POSITIVE_INFINITY,
  ...more,
})

/** The bytes of result `n`: long ones live in files, short ones in rows. */
export function bytesOf(n: number, size: number): Buffer {
  const bytes = Buffer.alloc(size, n % 251)
  bytes.write(`result ${n} `.slice(0, size), 'latin1')
  return bytes
}

export const SMALL = 100
export const LARGE = 100_000
export const LEAF = 66_000

export interface Room {
  readonly directory: string
  readonly failures: PermafrostError[]
  now: number
  open(more?: Partial<StoreOptions>, fs?: FileSystem): Store
}

/** For a program of its own, on a directory that somebody else removes. */
export const roomIn = (directory: string): Room => roomAt(directory, [])

export function roomFor(t: TestContext, defaults: Partial<StoreOptions> = {}): Room {
  const parent = mkdtempSync(join(tmpdir(), 'permafrost-store-'))
  const opened: Store[] = []
  t.after(() => {
    for (const store of opened) store.close()
    rmSync(parent, { recursive: true, force: true })
  })
  return roomAt(join(parent, 'cache'), opened, defaults)
}

function roomAt(directory: string, opened: Store[], defaults: Partial<StoreOptions> = {}): Room {
  const room: Room = {
    directory,
    failures: [],
    now: Date.now(),
    open(more = {}, fs) {
      const options: StoreOptions = {
        directory: room.directory,
        readonly: false,
        temporary: false,
        maxSize: Number.POSITIVE_INFINITY,
        maxEntries: Number.POSITIVE_INFINITY,
        policy: policies.gdsf,
        durability: 'process',
        clock: () => room.now,
        digest,
        newDigester,
        onError: (error) => void room.failures.push(error),
        ...defaults,
        ...more,
      }
      const store = fs === undefined ? openStore(options) : openStore(options, fs)
      opened.push(store)
      return store
    },
  }
  return room
}

/** Stores result `n`. */
export const put = (store: Store, n: number, size: number, more: Partial<NewEntry> = {}): Entry | undefined =>
  store.put(entryOf(keyOf(n), more), bytesOf(n, size))

/** Leaf `n`: equal numbers are equal leaves. */
export const leafOf = (n: number, size: number = LEAF): Buffer => bytesOf(n, size)

/** Two of three leaves that all processes of a test share. */
export const leavesOf = (n: number): readonly number[] => [n % 3, (n >> 1) % 3]

/** Stores for call `n` a result with these leaves, of which there may be several with one number. */
export const putLeaves = (
  store: Store,
  n: number,
  leaves: readonly number[],
  more: Partial<NewEntry> = {},
): Entry | undefined =>
  store.put(
    entryOf(keyOf(n), more),
    bytesOf(n, SMALL),
    leaves.map((leaf) => leafOf(leaf)),
  )

/** What such a call has, one behind the other, and as it should be. */
export const whole = (n: number, leaves: readonly number[]): Buffer =>
  Buffer.concat([bytesOf(n, SMALL), ...leaves.map((leaf) => leafOf(leaf))])

export function getWhole(store: Store, n: number): Buffer | undefined {
  const entry = store.find(keyOf(n).digest)
  const stored = entry && store.read(entry)
  return stored && Buffer.concat([stored.bytes, ...stored.leaves])
}

/** What was read out of text `n`, by its key. */
export const parseKey = (n: number): Digest => digest(`text ${n}`)
export const parseOf = (n: number): string => JSON.stringify({ n, read: 'λ'.repeat(n % 200) })

/** What the store has for call `n`. */
export function get(store: Store, n: number): Buffer | undefined {
  const entry = store.find(keyOf(n).digest)
  const bytes = entry && store.read(entry)?.bytes
  return bytes && Buffer.from(bytes)
}
