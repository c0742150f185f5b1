/**
 * Who comes in and who has to leave for it. Promises that the directory is within its budget after each admission,
 * that a newcomer is never its own victim, and that a few rows are touched, however many there are.
 */
import { StoreError } from '../errors.ts'
import { emit } from '../events.ts'
import type { CallKey, Entry, EvictionPolicy } from '../types.ts'
import type { Lease, NewEntry } from './contract.ts'
import type { EntryIndex } from './entry-index.ts'
import { unsound } from './failure.ts'
import type { Leaf } from './leaf.ts'
import type { Totals } from './ledger.ts'
import { ROW_OVERHEAD } from './policy.ts'
import { type Leaving, leavingOf, type NewRow } from './row.ts'

export interface Budget {
  readonly maxSize: number
  readonly maxEntries: number
  readonly policy: EvictionPolicy
  readonly clock: () => number
  readonly onError: (error: StoreError) => void
}

export type Newcomer = Omit<NewRow, 'score'>

/** What an admission made leave. */
export interface Departure extends Leaving {
  readonly why: 'expired' | 'evicted'
}

export interface Admission {
  readonly departures: readonly Departure[]
  /** Whether a file lost its row. */
  readonly leavesFiles: boolean
  /** Nothing was added: the lease had passed to somebody else, whose result is there. */
  readonly isLate?: true
  /** Nothing was added: a leaf is not in its place. */
  readonly lacksLeaf?: true
}

/** Under the write lock: whether a leaf is in its place now. */
export type Place = (leaf: Leaf) => boolean

/** A put removes at most so many entries of old versions; the rest follow with the next puts. */
const OLD_ENTRIES_PER_PUT = 100
// So many rows may wait to be booked, none with a greater footprint: booking costs as much as ten puts.
const MOST_FRESH = 256
const LARGEST_FRESH = 16_384
const SLACK = MOST_FRESH * LARGEST_FRESH
const LEAVING_AT_ONCE = 100

type Asked = Pick<NewEntry, 'keepVersions' | 'lease' | 'note' | 'codeNote'>

const NOBODY: Admission = { departures: [], leavesFiles: false }
const TOO_LATE: Admission = { ...NOBODY, isLate: true }
const LEAF_GONE: Admission = { ...NOBODY, lacksLeaf: true }

class NotAdmitted extends Error {}

/** The bytes an entry takes in all. */
export const footprintOf = (stored: number, tags: readonly string[], codec: string): number =>
  stored + ROW_OVERHEAD + codec.length + tags.reduce((sum, tag) => sum + tag.length + 3, 0)

/** Whether it could ever fit. */
export const fits = (footprint: number, budget: Budget): boolean =>
  footprint <= budget.maxSize && budget.maxEntries >= 1

/**
 * Adds a row in place of any other of its key, and removes others until all fit. Undefined if nobody may leave.
 * @param place is asked for each leaf; nobody else takes one away until the row is there
 */
export function admit(
  index: EntryIndex,
  newcomer: Newcomer,
  budget: Budget,
  asked: Asked,
  place: Place,
): Admission | undefined {
  const quickly = (): boolean => admitQuickly(index, newcomer, budget, asked)
  const { lease } = asked
  if (lease === undefined && quickly()) return NOBODY
  const { entry, file, leaves = [] } = newcomer
  const { key } = entry
  // the user's code, which may ask this very index: not while it is writing
  const { codeNote } = asked
  const version =
    codeNote !== undefined && index.ledger.noted(key.code) === undefined ? codeNote() : undefined
  try {
    return index.write(() => {
      if (!leaves.every(place)) return LEAF_GONE
      if (lease !== undefined && isLate(index, lease)) return TOO_LATE
      // without a lease, too: others may have booked what was waiting, while we waited for the lock
      if (quickly()) return NOBODY
      const { inflation } = index.ledger.books()
      const row = { ...newcomer, score: scoreOf(entry, inflation, budget) }
      const id = index.insert(row)
      const replaced = id === undefined ? index.remove(key.digest) : undefined
      const except = id ?? index.insert(row)
      if (except === undefined) throw unsound('a row that was removed is still there')
      if (replaced !== undefined) index.ledger.addReplacement()
      index.ledger.takeNotes(key, asked.note, version)
      // A new object is to be flushed at the next commit(); whoever removes the row removes the duty.
      if (file !== undefined) index.ledger.addChore(file, 'sync')
      const departures = makeRoom(index, budget, except)
      if (asked.keepVersions !== Number.POSITIVE_INFINITY) {
        departures.push(...retire(index, key, asked.keepVersions))
      }
      const leavesFiles =
        replaced?.file !== undefined || departures.some((departure) => departure.file !== undefined)
      return { departures, leavesFiles }
    })
  } catch (error) {
    if (error instanceof NotAdmitted) return undefined
    throw error
  }
}

/** Whoever has the lease now knows better than one who was taken for dead. Ends the lease. */
const isLate = (index: EntryIndex, lease: Lease): boolean =>
  !index.leases.letGo(lease) && index.find(lease.key) !== undefined

/** Nine puts of ten need no more than one row: it is new, small, and there is room for it whatever waits to be booked. */
function admitQuickly(index: EntryIndex, newcomer: Newcomer, budget: Budget, asked: Asked): boolean {
  const { entry, file, footprint, inline, leavesAt } = newcomer
  const { keepVersions, note, codeNote } = asked
  const isPlain =
    file === undefined && note === undefined && codeNote === undefined && footprint <= LARGEST_FRESH
  if (!isPlain || keepVersions !== Number.POSITIVE_INFINITY) return false
  const room = {
    inflation: index.ledger.inflation,
    entries: budget.maxEntries - MOST_FRESH,
    size: budget.maxSize - SLACK,
    fresh: MOST_FRESH,
  }
  if (room.entries < 0 || room.size < 0) return false
  const score = scoreOf(entry, room.inflation, budget)
  return index.insertIfRoom({ entry, file, inline, footprint, leavesAt, score }, room)
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
  const fresh = index.ledger.book()
  let { entries, size }: Totals = index.ledger.books()
  const most = { entries: lessSlack(budget.maxEntries, MOST_FRESH), size: lessSlack(budget.maxSize, SLACK) }
  const isOver = (): boolean => size > most.size || entries > most.entries
  if (!isOver()) return departures
  // Where there is slack, as much leaves as has just come, so that the next puts find room.
  if (most.entries < budget.maxEntries) most.entries -= fresh.entries
  if (most.size < budget.maxSize) most.size -= fresh.size
  let inflation = Number.NEGATIVE_INFINITY
  for (let batch = 1; isOver() && departures.length < atMost; batch = LEAVING_AT_ONCE) {
    const limit = Math.min(batch, atMost - departures.length)
    const expired = index.leaving.expired(budget.clock(), except, limit)
    const why = expired.length > 0 ? 'expired' : 'evicted'
    const first = expired.length > 0 ? expired : index.leaving.lowest(except, limit)
    if (first.length === 0) break
    const leaving: Leaving[] = []
    for (const one of first) {
      if (!isOver() || (why === 'evicted' && one.score === Number.POSITIVE_INFINITY)) break
      leaving.push(one)
      entries -= 1
      size -= one.footprint
    }
    // nobody else may leave
    if (leaving.length === 0 && except !== 0) throw new NotAdmitted()
    if (leaving.length === 0) break
    if (why === 'evicted') inflation = leaving.at(-1)!.score
    departures.push(...removed(index, leaving, why))
  }
  index.ledger.inflateTo(inflation)
  remember(index, departures)
  return departures
}

function removed(index: EntryIndex, leaving: readonly Leaving[], why: Departure['why']): Departure[] {
  index.leaving.remove(leaving)
  return leaving.map((one) => ({ ...one, why }))
}

/** So that a later miss can be explained. */
function remember(index: EntryIndex, departures: readonly Departure[]): void {
  for (const why of ['expired', 'evicted'] as const) {
    const gone = departures.filter((departure) => departure.why === why)
    index.ledger.addDepartures(
      gone.map(({ key }) => key),
      why,
    )
  }
}

/** A large budget is not used to the last percent: what is left is room for puts that need not look. */
const lessSlack = (most: number, slack: number): number => (slack * 100 <= most ? most - slack : most)

/** The newcomer's own version stays, whatever the clock says. */
function retire(index: EntryIndex, { code, name }: CallKey, keepVersions: number): Departure[] {
  const departures: Departure[] = []
  const others = index.versions(name).filter((version) => version.code !== code)
  for (const { id } of others.slice(Math.max(0, keepVersions - 1))) {
    const leaving = index.recent(id, OLD_ENTRIES_PER_PUT - departures.length).map(leavingOf)
    departures.push(...removed(index, leaving, 'evicted'))
    if (departures.length >= OLD_ENTRIES_PER_PUT) break
  }
  remember(index, departures)
  return departures
}

export function tellOf(departures: readonly Departure[]): void {
  for (const { footprint, key, name, why } of departures) emit(why, () => ({ name, key, size: footprint }))
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
