/**
 * Who comes in and who has to leave for it. Promises that the directory is within its budget after each admission,
 * that a newcomer is never its own victim, and that a few rows are touched, however many there are.
 */
import { StoreError } from '../errors.ts'
import { emit } from '../events.ts'
import type { Entry, EvictionPolicy } from '../types.ts'
import type { EntryIndex, NewRow } from './entry-index.ts'
import type { Totals } from './ledger.ts'
import { ROW_OVERHEAD } from './policy.ts'
import type { Located } from './row.ts'

export interface Budget {
  readonly maxSize: number
  readonly maxEntries: number
  readonly policy: EvictionPolicy
  readonly clock: () => number
  readonly onError: (error: StoreError) => void
}

export type Newcomer = Omit<NewRow, 'score'>

/** What an admission made leave. */
export interface Departure {
  readonly located: Located
  readonly why: 'expired' | 'evicted'
}

export interface Admission {
  readonly located: Located
  readonly departures: readonly Departure[]
  /** Whether a file lost its row. */
  readonly leavesFiles: boolean
}

// A put removes at most so many entries of old versions; the rest follow with the next puts.
const OLD_ENTRIES_PER_PUT = 100

class NotAdmitted extends Error {}

/** The bytes an entry takes in all. */
export const footprintOf = (stored: number, tags: readonly string[], codec: string): number =>
  stored + ROW_OVERHEAD + codec.length + tags.reduce((sum, tag) => sum + tag.length + 3, 0)

/** Whether it could ever fit. */
export const fits = (footprint: number, budget: Budget): boolean =>
  footprint <= budget.maxSize && budget.maxEntries >= 1

/**
 * Adds a row in place of any other of its key, and removes others until all fit. Undefined if nobody may leave.
 * @param permit asked within the transaction whether it may enter, given that there is, or is not, one of its key
 */
export function admit(
  index: EntryIndex,
  newcomer: Newcomer,
  budget: Budget,
  keepVersions: number,
  permit: (present: boolean) => boolean = () => true,
): Admission | undefined {
  try {
    return index.write(() => {
      const before = index.ledger.totalsBefore(newcomer.key.digest)
      if (!permit(before.present === 1)) return undefined
      const replaced = before.present === 1 ? index.remove(newcomer.key.digest) : undefined
      const entry = entryOf(newcomer)
      const score = scoreOf(entry, before.inflation, budget)
      const id = index.insert({ ...newcomer, score })
      const located = {
        id,
        entry,
        score,
        footprint: newcomer.footprint,
        file: newcomer.file,
        inline: undefined,
      }
      const after = {
        inflation: before.inflation,
        entries: before.entries + (replaced === undefined ? 1 : 0),
        size: before.size + newcomer.footprint - (replaced?.footprint ?? 0),
      }
      const departures = makeRoom(index, budget, after, id)
      if (Number.isFinite(keepVersions)) departures.push(...retire(index, newcomer.key.name, keepVersions))
      const leavesFiles =
        replaced?.file !== undefined || departures.some(({ located }) => located.file !== undefined)
      // A new object is to be flushed at the next commit(); whoever removes the row removes the duty.
      if (newcomer.file !== undefined) index.ledger.addChore(newcomer.file, 'sync')
      return { located, departures, leavesFiles }
    })
  } catch (error) {
    if (error instanceof NotAdmitted) return undefined
    throw error
  }
}

/** Removes expired rows, then those with the lowest scores, until the budget holds. Within a transaction. */
export function makeRoom(
  index: EntryIndex,
  budget: Budget,
  totals: Totals,
  except: number,
  atMost: number = Number.POSITIVE_INFINITY,
): Departure[] {
  const departures: Departure[] = []
  let { entries, size } = totals
  while ((size > budget.maxSize || entries > budget.maxEntries) && departures.length < atMost) {
    const [expired] = index.expired(budget.clock(), except, 1)
    const located = expired ?? index.lowest(except)
    if (located === undefined) break
    if (expired === undefined) {
      if (located.score === Number.POSITIVE_INFINITY) {
        if (except === 0) break
        throw new NotAdmitted()
      }
      index.ledger.inflateTo(located.score)
    }
    index.removeRow(located.id)
    departures.push({ located, why: expired === undefined ? 'evicted' : 'expired' })
    entries -= 1
    size -= located.footprint
  }
  return departures
}

function retire(index: EntryIndex, name: string, keepVersions: number): Departure[] {
  const departures: Departure[] = []
  for (const { id } of index.versions(name).slice(Math.max(1, keepVersions))) {
    for (const located of index.recent(id, OLD_ENTRIES_PER_PUT - departures.length)) {
      index.removeRow(located.id)
      departures.push({ located, why: 'evicted' })
    }
    if (departures.length >= OLD_ENTRIES_PER_PUT) break
  }
  return departures
}

export function tellOf(departures: readonly Departure[]): void {
  for (const { located, why } of departures) {
    emit(why, () => ({
      name: located.entry.key.name,
      key: located.entry.key.digest,
      size: located.footprint,
    }))
  }
}

/** A policy is the user's code: what it throws or returns must not harm the index. */
export function scoreOf(entry: Entry, inflation: number, budget: Budget): number {
  try {
    const score = budget.policy.score(entry, inflation)
    if (typeof score === 'number' && !Number.isNaN(score)) return score
  } catch (error) {
    const message = `the policy ${budget.policy.name} threw`
    budget.onError(new StoreError('ERR_STORE_IO', message, { cause: error }))
  }
  return inflation
}

function entryOf(newcomer: Newcomer): Entry {
  const { key, object, size, computeTime, createdAt, expiresAt, codec, async, tags } = newcomer
  return {
    key,
    object,
    size,
    computeTime,
    hits: 0,
    createdAt,
    accessedAt: createdAt,
    ...(expiresAt === undefined ? undefined : { expiresAt }),
    codec,
    async,
    tags,
  }
}
