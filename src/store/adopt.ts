/**
 * Orphans are objects that no entry names: a writer died before its row was written, or the index was lost. Their
 * headers say what they are, so they get a row again. What was removed on purpose stays removed.
 */
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { Digest, RecoverOptions } from '../types.ts'
import { admit, type Budget, footprintOf, makeRoom, tellOf } from './admission.ts'
import { EntryIndex, type Located } from './entry-index.ts'
import { storeErrorOf } from './failure.ts'
import { type FileSystem, removeFile } from './files.ts'
import type { Layout } from './layout.ts'
import type { FoundObject, ObjectStore } from './object-store.ts'
import { leftovers } from './writer.ts'

// Objects between two words about progress.
const PROGRESS_EVERY = 20

/** The rooms maintenance walks through. `index` is asked for each time: it may be replaced meanwhile. */
export interface Rooms {
  readonly fs: FileSystem
  readonly layout: Layout
  readonly objects: ObjectStore
  readonly budget: Budget
  readonly digest: (bytes: Uint8Array) => Digest
  readonly index: () => EntryIndex
}

/** What an object without a row is: worth a row, or not. */
export type Orphan =
  | { readonly kind: 'adoptable'; readonly found: FoundObject }
  | { readonly kind: 'removed' | 'damaged' | 'superseded' }

/** Undefined if an entry names the file. */
export function judge({ objects, index }: Rooms, file: Digest): Orphan | undefined {
  if (index().namesFile(file)) return undefined
  if (index().ledger.choreOf(file) === 'remove') return { kind: 'removed' }
  const found = objects.inspect(file)
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
export function adopt({ index, budget }: Rooms, { file, footprint, header }: FoundObject): boolean {
  const { serial: _, ...about } = header
  const entry = { ...about, hits: 0, accessedAt: about.createdAt }
  const newcomer = {
    entry,
    file,
    inline: undefined,
    footprint: footprintOf(footprint, about.tags, about.codec),
  }
  if (newcomer.footprint > budget.maxSize) return false
  const admission = admit(index(), newcomer, budget, KEEP_ALL)
  tellOf(admission?.departures ?? [])
  return admission !== undefined
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

function carryOver({ index, objects, budget, digest }: Rooms, located: Located): void {
  const { entry, file, inline, footprint } = located
  if (index().find(entry.key.digest) !== undefined) return
  const sound =
    file === undefined
      ? inline !== undefined && digest(inline) === entry.object
      : objects.inspect(file) !== undefined
  if (!sound) return
  admit(index(), { entry, file, inline, footprint }, budget, KEEP_ALL)
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
  { dryRun = false, onProgress }: RecoverOptions,
): Promise<number> {
  const total = onProgress === undefined ? 0 : [...rooms.objects.list()].length
  let adopted = 0
  let done = 0
  for (const isAdopted of adopting(rooms, dryRun)) {
    if (isAdopted) adopted += 1
    if (++done % PROGRESS_EVERY !== 0) continue
    onProgress?.(done, Math.max(done, total))
    await setImmediate()
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
export function removeDoomed({ objects, index }: Rooms, onFailure: (error: unknown) => void): number {
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
  return freed
}

/** Brings the directory within its budget, a slice at a time. */
export function shrinkToBudget({ index, budget }: Rooms, slice: number): number {
  const departures = index().write(() => makeRoom(index(), budget, 0, slice))
  tellOf(departures)
  return departures.length
}
