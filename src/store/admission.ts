/**
 * Who comes in and who has to leave for it. Promises that the directory is within its budget after each admission,
 * that a newcomer is never its own victim, and that a few rows are touched, however many there are.
 */
import { StoreError } from '../errors.ts'
import { emit } from '../events.ts'
import type { Entry, EvictionPolicy } from '../types.ts'
import type { NewEntry } from './contract.ts'
import type { EntryIndex, Located, NewRow } from './entry-index.ts'
import { type Totals, unsound } from './ledger.ts'
import { ROW_OVERHEAD } from './policy.ts'

export interface Budget {
  readonly maxSize: number
  readonly maxEntries: number
  readonly policy: EvictionPolicy
  readonly clock: () => number
  readonly onError: (error: StoreError) => void
}

export type Newcomer = Omit<NewRow, 'id' | 'score'>

/** What an admission made leave. */
export interface Departure {
  readonly located: Located
  readonly why: 'expired' | 'evicted'
}

export interface Admission {
  readonly departures: readonly Departure[]
  /** Whether a file lost its row. */
  readonly leavesFiles: boolean
}

/** A put removes at most so many entries of old versions; the rest follow with the next puts. */
const OLD_ENTRIES_PER_PUT = 100
/**
 * So many rows may wait to be entered in the books, none with a greater footprint. Booking costs as much as ten puts,
 * and a put that does not book half of one that does (measured).
 */
const MOST_FRESH = 64
const MOST_FRESH_FOOTPRINT = 2 ** 17

class NotAdmitted extends Error {}

/** The bytes an entry takes in all. */
export const footprintOf = (stored: number, tags: readonly string[], codec: string): number =>
  stored + ROW_OVERHEAD + codec.length + tags.reduce((sum, tag) => sum + tag.length + 3, 0)

/** Whether it could ever fit. */
export const fits = (footprint: number, budget: Budget): boolean =>
  footprint <= budget.maxSize && budget.maxEntries >= 1

/** Adds a row in place of any other of its key, and removes others until all fit. Undefined if nobody may leave. */
export function admit(
  index: EntryIndex,
  newcomer: Newcomer,
  budget: Budget,
  { keepVersions, ...notes }: Pick<NewEntry, 'keepVersions' | 'note' | 'codeNote'>,
): Admission | undefined {
  const { entry, file, footprint } = newcomer
  const { key } = entry
  try {
    return index.write(() => {
      const { booked, entries, inflation, last, size } = index.ledger.books()
      const id = Math.max(booked, last) + 1
      const row = { ...newcomer, id, score: scoreOf(entry, inflation, budget) }
      let leavesFiles = false
      if (!index.insert(row)) {
        leavesFiles = index.remove(key.digest)?.file !== undefined
        if (!index.insert(row)) throw unsound('a row that was removed is still there')
      }
      index.ledger.takeNotes({ key, ...notes })
      // A new object is to be flushed at the next commit(); whoever removes the row removes the duty.
      if (file !== undefined) index.ledger.addChore(file, 'sync')
      const hasRoom =
        id - booked < MOST_FRESH &&
        footprint <= MOST_FRESH_FOOTPRINT &&
        entries + MOST_FRESH <= budget.maxEntries &&
        size + MOST_FRESH * MOST_FRESH_FOOTPRINT <= budget.maxSize
      const departures = hasRoom ? [] : makeRoom(index, budget, id)
      if (keepVersions !== Number.POSITIVE_INFINITY) departures.push(...retire(index, key.name, keepVersions))
      leavesFiles ||= departures.some(({ located }) => located.file !== undefined)
      return { departures, leavesFiles }
    })
  } catch (error) {
    if (error instanceof NotAdmitted) return undefined
    throw error
  }
}

/**
 * Brings the books up to date; then removes expired rows, then those with the lowest scores, until the budget holds.
 * Within a transaction.
 */
export function makeRoom(
  index: EntryIndex,
  budget: Budget,
  except: number,
  atMost: number = Number.POSITIVE_INFINITY,
): Departure[] {
  const departures: Departure[] = []
  index.ledger.book()
  let { entries, size }: Totals = index.ledger.books()
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
