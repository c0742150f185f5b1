/**
 * Orphans are objects that no entry names: a writer died before its row was written, or the index was lost. Their
 * headers say what they are, so they get a row again. What was removed on purpose stays removed.
 */
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { Digest, RecoverOptions } from '../types.ts'
import { admit, type Budget, footprintOf, makeRoom, tellOf } from './admission.ts'
import { EntryIndex } from './entry-index.ts'
import { storeErrorOf } from './failure.ts'
import { type FileSystem, removeFile } from './files.ts'
import type { Layout } from './layout.ts'
import type { LeafStore } from './leaf-store.ts'
import type { FoundObject, ObjectStore } from './object-store.ts'
import type { Located } from './row.ts'
import { leftovers } from './writer.ts'

// Objects between two words about progress.
const PROGRESS_EVERY = 20

/** The rooms maintenance walks through. `index` is asked for each time: it may be replaced meanwhile. */
export interface Rooms {
  readonly fs: FileSystem
  readonly layout: Layout
  readonly objects: ObjectStore
  readonly leaves: LeafStore
  readonly budget: Budget
  readonly digest: (bytes: Uint8Array) => Digest
  readonly index: () => EntryIndex
  /** Whether that is the index at its path, so that its lock is everybody's. */
  readonly isCurrent: () => boolean
}

/** What an object without a row is: worth a row, or not. */
export type Orphan =
  | { readonly kind: 'adoptable'; readonly found: FoundObject }
  | { readonly kind: 'removed' | 'damaged' | 'superseded' }

/** Undefined if an entry names the file. */
export function judge({ objects, leaves, index }: Rooms, file: Digest): Orphan | undefined {
  if (index().namesFile(file)) return undefined
  if (index().ledger.choreOf(file) === 'remove') return { kind: 'removed' }
  const found = objects.inspect(file)
  if (found?.header.leaves?.every((leaf) => leaves.has(leaf)) === false) return { kind: 'damaged' }
  if (found === undefined) return { kind: 'damaged' }
  const present = index().find(found.header.key.digest)
  if (present === undefined || present === 'damaged') return { kind: 'adoptable', found }
  // Somebody has just adopted it.
  if (present.file === file) return undefined
  return present.entry.createdAt < found.header.createdAt
    ? { kind: 'adoptable', found }
    : { kind: 'superseded' }
}

const KEEP_ALL = { keepVersions: Number.POSITIVE_INFINITY }

/** Gives an orphan its row. Returns whether there was room for it. */
export function adopt(rooms: Rooms, { file, footprint, header }: FoundObject): boolean {
  const { index, budget } = rooms
  const { leaves, serial: _, ...about } = header
  const entry = { ...about, hits: 0, accessedAt: about.createdAt }
  const newcomer = {
    entry,
    file,
    inline: undefined,
    leaves,
    footprint: footprintOf(footprint, about.tags, about.codec),
  }
  if (newcomer.footprint > budget.maxSize) return false
  const admission = admit(index(), newcomer, budget, KEEP_ALL, (leaf) => rooms.leaves.has(leaf))
  tellOf(admission?.departures ?? [])
  return admission !== undefined && admission.lacksLeaf !== true
}

/** Carries over what is sound in a broken index: each row has a seal, and its bytes have a digest. */
export function salvage(rooms: Rooms, path: string): void {
  let broken: EntryIndex
  try {
    broken = new EntryIndex(path, { readonly: true, synced: false, digest: rooms.digest })
  } catch {
    return
  }
  // A row that cannot be read ends a walk; what lies behind it is reached from the other end. The newest come first:
  // where the index had lost sight of a row, there may be two of one call.
  for (const direction of ['down', 'up'] as const) {
    try {
      for (const { located } of broken.rows(direction)) {
        if (located !== undefined) carryOver(rooms, located)
      }
      break
    } catch (error) {
      if (storeErrorOf(error, '').code !== 'ERR_STORE_CORRUPT') throw error
    }
  }
  try {
    for (const [name, counts] of broken.ledger.usage()) rooms.index().ledger.addUsage(name, counts)
  } catch {
    // statistics are not worth more
  }
  broken.close()
}

function carryOver({ index, objects, leaves, budget, digest }: Rooms, located: Located): void {
  const { entry, file, footprint, inline } = located
  if (index().find(entry.key.digest) !== undefined) return
  const sound =
    file === undefined
      ? inline !== undefined && digest(inline) === entry.object
      : objects.inspect(file) !== undefined
  if (!sound) return
  const named = located.leaves.length > 0 ? located.leaves : undefined
  const newcomer = { entry, file, inline, footprint, leaves: named }
  admit(index(), newcomer, budget, KEEP_ALL, (leaf) => leaves.has(leaf))
}

/** Adopts every orphan of the tree. The caller removes the files that lost their rows. Returns how many there were. */
export function adoptAll(rooms: Rooms): number {
  let adopted = 0
  for (const isAdopted of adopting(rooms, false)) if (isAdopted) adopted += 1
  return adopted
}

/** The same, one object of the tree after the other: whether it is adopted, or in a dry run, could be. */
function* adopting(rooms: Rooms, dryRun: boolean): Generator<boolean> {
  for (const file of rooms.objects.list()) {
    const orphan = judge(rooms, file)
    yield orphan?.kind === 'adoptable' && (dryRun || adopt(rooms, orphan.found))
  }
}

/** The same, with pauses and words about progress. Returns how many were, or could be, adopted. */
export async function recoverAll(
  rooms: Rooms,
  { dryRun = false, onProgress, signal }: RecoverOptions,
): Promise<number> {
  if (signal?.aborted) return 0
  const total = onProgress === undefined ? 0 : [...rooms.objects.list()].length
  let adopted = 0
  let done = 0
  for (const isAdopted of adopting(rooms, dryRun)) {
    if (isAdopted) adopted += 1
    if (++done % PROGRESS_EVERY !== 0) continue
    onProgress?.(done, Math.max(done, total))
    await setImmediate()
    if (signal?.aborted) return adopted
  }
  onProgress?.(done, done)
  return adopted
}

/** Tidies up after writers that died: adopts what they had in flight, removes what they left half-written. */
export function adoptInFlight(rooms: Rooms): number {
  const { fs, layout } = rooms
  let adopted = 0
  for (const { name, dead, announces } of leftovers(fs, layout.tmp)) {
    if (!dead) continue
    const orphan = announces === undefined ? undefined : judge(rooms, announces)
    if (orphan?.kind === 'adoptable' && adopt(rooms, orphan.found)) adopted += 1
    // Nobody is about to name it any more.
    else if (orphan !== undefined) rooms.objects.remove(announces!)
    removeFile(fs, join(layout.tmp, name))
  }
  return adopted
}

/** Unlinks the files whose rows have gone. Returns the bytes freed; what could not be removed is tried again later. */
export function removeDoomed(rooms: Rooms, onFailure: (error: unknown) => void): number {
  const { objects, index } = rooms
  const done: Digest[] = []
  let freed = 0
  for (const file of index().ledger.chores('remove')) {
    try {
      freed += objects.ageAndSize(file)?.size ?? 0
      objects.remove(file)
      done.push(file)
    } catch (error) {
      onFailure(error)
    }
  }
  index().ledger.finishChores(done, 'remove')
  return freed + removeUnnamed(rooms, [...index().ledger.chores('leaf')], onFailure)
}

// Unlinking a large file takes milliseconds, and others wait for the lock meanwhile.
const LEAVES_AT_ONCE = 8

/**
 * Unlinks those of these leaves that no entry names, under the write lock, so that nobody begins to name one meanwhile.
 * Returns the bytes freed.
 */
export function removeUnnamed(
  { leaves, index, isCurrent }: Rooms,
  files: readonly Digest[],
  onFailure: (error: unknown) => void,
): number {
  let freed = 0
  for (let from = 0; from < files.length; from += LEAVES_AT_ONCE) {
    index().write(() => {
      if (!isCurrent()) return
      const done: Digest[] = []
      for (const file of files.slice(from, from + LEAVES_AT_ONCE)) {
        try {
          if (!index().leaves.isNamed(file)) {
            freed += leaves.ageAndSize(file)?.size ?? 0
            leaves.remove(file)
          }
          done.push(file)
        } catch (error) {
          onFailure(error)
        }
      }
      index().ledger.choresAreDone(done, 'leaf')
    })
  }
  return freed
}

/** Brings the directory within its budget, a slice at a time. */
export function shrinkToBudget({ index, budget }: Rooms, slice: number): number {
  const departures = index().write(() => makeRoom(index(), budget, 0, slice))
  tellOf(departures)
  return departures.length
}
