/**
 * Garbage collection, as a list of steps. Safe beside live writers: it takes an object away only if no row names it
 * and it is so old that no writer can still be about to name it.
 */
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { emit } from '../events.ts'
import type { Digest, EvictReport, GcReport, Watch } from '../types.ts'
import { tellOf } from './admission.ts'
import { adoptInFlight, judge, type Rooms, removeDoomed, removeUnnamed, shrinkToBudget } from './adopt.ts'
import type { Eviction } from './contract.ts'
import { namesIn, removeFile } from './files.ts'
import { leftovers } from './writer.ts'

/** From writing an object to naming it in the index a writer needs milliseconds; a suspended laptop, longer. */
export const GRACE = 3_600_000
// A draft is written to as fast as somebody takes what it records; he may have gone home.
const GRACE_OF_DRAFTS = 24 * GRACE
// Leases that expired so long ago are nobody's.
const LEASES_KEPT = 86_400_000
// Runs that were written to last so long ago are of interest to nobody: 90 days.
const RUNS_KEPT = 90 * 86_400_000
// Rows per transaction and pages per truncation: a few milliseconds, so that no call waits long.
const SLICE = 200

type Count = { -readonly [what in keyof GcReport]: GcReport[what] }
type Step = (rooms: Rooms, count: Count, onFailure: (error: unknown) => void) => Generator<void>

/**
 * 1. What dead writers had in flight is adopted, what they left half-written is removed.
 * 2. Rows that have expired leave.
 * 3. Rows leave, lowest score first, until the budget holds.
 * 4. Files whose rows have gone, now or earlier, are unlinked.
 * 5. Objects without a row that are older than the grace age are unlinked: their writer died, nobody adopted them.
 * 6. So are leaves that no row names.
 * 7. What is so old in tmp/ is removed: its writer died on another host.
 * 8. So are the lines of runs that ended 90 days ago.
 * 9. Leases that expired long ago are forgotten, what was read out of too many texts, too, counters that have drifted set right, and free pages go back to the
 *    file system.
 */
const steps: readonly Step[] = [
  finishForTheDead,
  expire,
  shrink,
  unlinkDoomed,
  removeOrphans,
  removeOrphanLeaves,
  cleanTmp,
  removeOldRuns,
  compact,
]

export async function collect(
  rooms: Rooms,
  { onProgress, signal }: Watch,
  onFailure: (error: unknown) => void,
): Promise<GcReport> {
  const count: Count = { expired: 0, evicted: 0, orphans: 0, bytesFreed: 0 }
  const before = rooms.index().ledger.totals().size
  function* collecting(): Generator<void> {
    for (const [done, step] of steps.entries()) {
      onProgress?.(done, steps.length)
      yield
      yield* step(rooms, count, onFailure)
    }
  }
  for (const _ of collecting()) {
    await setImmediate()
    if (signal?.aborted) break
  }
  count.bytesFreed += Math.max(0, before - rooms.index().ledger.totals().size)
  return count
}

/** Makes those leave that are selected, then others by their scores until the limits hold, and removes their files. */
export async function evict(
  rooms: Rooms,
  { maxEntries, maxSize, onProgress, selection, signal }: Eviction,
  onFailure: (error: unknown) => void,
): Promise<EvictReport> {
  const { index, budget } = rooms
  const before = index().ledger.totals()
  const within = { ...rooms, budget: { ...budget, maxEntries, maxSize } }
  function* leaving(): Generator<void> {
    yield
    if (selection !== undefined) for (const _ of index().removing(selection, 'evicted')) yield
    while (shrinkToBudget(within, SLICE) === SLICE) yield
  }
  for (const _ of leaving()) {
    onProgress?.(before.entries - index().ledger.totals().entries, before.entries)
    await setImmediate()
    if (signal?.aborted) break
  }
  removeDoomed(rooms, onFailure)
  const { entries, size } = index().ledger.totals()
  return { evicted: Math.max(0, before.entries - entries), bytesFreed: Math.max(0, before.size - size) }
}

function* expire({ index, budget }: Rooms, count: Count): Generator<void> {
  for (;;) {
    const departures = index().write(() => {
      index().ledger.book()
      const expired = index().leaving.expired(budget.clock(), 0, SLICE)
      index().leaving.remove(expired)
      index().ledger.addDepartures(
        expired.map(({ key }) => key),
        'expired',
      )
      return expired.map((leaving) => ({ ...leaving, why: 'expired' as const }))
    })
    tellOf(departures)
    count.expired += departures.length
    if (departures.length < SLICE) return
    yield
  }
}

function* shrink(rooms: Rooms, count: Count): Generator<void> {
  for (;;) {
    const evicted = shrinkToBudget(rooms, SLICE)
    count.evicted += evicted
    if (evicted < SLICE) return
    yield
  }
}

function* unlinkDoomed(rooms: Rooms, _count: Count, onFailure: (error: unknown) => void): Generator<void> {
  removeDoomed(rooms, onFailure)
  yield
}

function* removeOrphans(rooms: Rooms, count: Count, onFailure: (error: unknown) => void): Generator<void> {
  const { objects, budget } = rooms
  let seen = 0
  for (const file of objects.list()) {
    if (++seen % SLICE === 0) yield
    if (judge(rooms, file) === undefined) continue
    try {
      const age = objects.ageAndSize(file)
      if (age === undefined || budget.clock() - age.writtenAt < GRACE) continue
      objects.remove(file)
      emit('orphan', () => ({ object: file, size: age.size }))
      count.orphans += 1
      count.bytesFreed += age.size
    } catch (error) {
      onFailure(error)
    }
  }
}

function* removeOrphanLeaves(
  rooms: Rooms,
  count: Count,
  onFailure: (error: unknown) => void,
): Generator<void> {
  const { leaves, index } = rooms
  // before the objects have their rows again, no leaf is known to be an orphan
  if (!index().ledger.isWhole()) return
  let seen = 0
  for (const file of leaves.list()) {
    if (++seen % SLICE === 0) yield
    if (!isOldOrphan(rooms, file)) continue
    const freed = removeUnnamed(rooms, [file], onFailure)
    if (freed > 0) {
      emit('orphan', () => ({ leaf: file, size: freed }))
      count.orphans += 1
    }
    count.bytesFreed += freed
  }
}

/** Whether no entry names a leaf, and none can be about to. */
export function isOldOrphan({ leaves, index, budget }: Rooms, file: Digest): boolean {
  if (index().leaves.isNamed(file)) return false
  const age = leaves.ageAndSize(file)
  return age !== undefined && budget.clock() - age.writtenAt >= GRACE
}

function* finishForTheDead(rooms: Rooms): Generator<void> {
  adoptInFlight(rooms)
  yield
}

function* cleanTmp({ fs, layout, budget }: Rooms, count: Count): Generator<void> {
  for (const { name, announces } of leftovers(fs, layout.tmp)) {
    const path = join(layout.tmp, name)
    const stat = fs.statSync(path, { throwIfNoEntry: false })
    // A slot of a writer on another host is as old as its last object, so it stays; it is tiny.
    const grace = name.endsWith('.draft') ? GRACE_OF_DRAFTS : GRACE
    if (stat === undefined || announces !== undefined || budget.clock() - stat.mtimeMs < grace) continue
    removeFile(fs, path)
    count.bytesFreed += stat.size
  }
  yield
}

function* removeOldRuns({ fs, layout, budget }: Rooms, count: Count): Generator<void> {
  for (const name of namesIn(fs, layout.runs)) {
    const path = join(layout.runs, name)
    const stat = fs.statSync(path, { throwIfNoEntry: false })
    if (!name.endsWith('.jsonl') || stat === undefined || budget.clock() - stat.mtimeMs < RUNS_KEPT) continue
    removeFile(fs, path)
    count.bytesFreed += stat.size
  }
  yield
}

function* compact({ index, budget }: Rooms): Generator<void> {
  index().leases.forget(budget.clock() - LEASES_KEPT)
  index().write(() => index().parsed.shrink())
  if (!index().ledger.isCountedRight()) index().ledger.recount()
  for (;;) {
    const freed = index().shrink(SLICE)
    if (freed <= 0) return
    yield
  }
}
