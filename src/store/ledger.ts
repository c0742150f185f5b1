/**
 * What the index knows besides entries: how many there are and how large, how functions were used, and what is still
 * to be done with object files. Each method answers one question or does one deed. Knows no single entry.
 */
import type { CallKey, Digest, FunctionStats } from '../types.ts'
import type { Counts, WhyDeparted } from './contract.ts'
import { sumOf } from './counts.ts'
import { paged } from './paged.ts'
import { blobOf, hexOf } from './row.ts'
import type { Ask } from './schema.ts'

export interface Totals {
  readonly entries: number
  readonly size: number
  readonly inflation: number
}

/** What is still to be done with a file: flush it and its leaves at the next commit; remove it; or look whether it is a
 * leaf that nobody names any more, and remove it. */
export type Chore = 'sync' | 'remove' | 'leaf'

const SLICE = 500
// Departures, about 100 KiB.
const REMEMBERED = 4096
const NO_KEY = Buffer.alloc(0)

export class Ledger {
  readonly #ask: Ask
  readonly #write: <T>(work: () => T) => T
  #inflation = 0

  constructor(ask: Ask, write: <T>(work: () => T) => T) {
    this.#ask = ask
    this.#write = write
  }

  /** As it was when last seen: another process may have evicted since. */
  get inflation(): number {
    return this.#inflation
  }

  inflateTo(score: number): void {
    if (Number.isFinite(score)) this.#ask('setInflation').run(score)
  }

  // notes -------------------------------------------------------------------------------------------------------

  /** Text about an entry (by the call's digest) or a code version (by the code's); it leaves with them. */
  takeNotes(key: CallKey, note: string | undefined, codeNote: string | undefined): void {
    if (note !== undefined) this.#ask('addNote').run(blobOf(key.digest), note)
    if (codeNote !== undefined) this.#ask('addNote').run(blobOf(key.code), codeNote)
  }

  noted(about: Digest): string | undefined {
    return (this.#ask('whatIsNoted').get(blobOf(about)) as { text: string } | undefined)?.text
  }

  // who left lately ---------------------------------------------------------------------------------------------

  /** Within the transaction that removes them: appended, so one page for many. */
  addDepartures(keys: readonly Digest[], why: WhyDeparted): void {
    if (keys.length === 0) return
    for (const key of keys) this.#ask('addDeparture').run(blobOf(key), why)
    this.#ask('forgetDepartures').run(REMEMBERED)
  }

  /** Within the transaction that replaces an entry: nobody has left, but whoever has the old one in memory learns of it. */
  addReplacement(): void {
    this.#ask('addDeparture').run(NO_KEY, 'forgotten')
    this.#ask('forgetDepartures').run(REMEMBERED)
  }

  /** Something greater for each entry that left or was replaced; 0 if none ever was. */
  lastDeparture(): number {
    return (this.#ask('whatLeftLast').get() as { id: number | null }).id ?? 0
  }

  /** Looks through all that are remembered, which takes a fraction of a millisecond: no put pays for an index. */
  departed(key: Digest): WhyDeparted | undefined {
    return (this.#ask('whyDeparted').get(blobOf(key)) as { why: WhyDeparted } | undefined)?.why
  }

  // counters ----------------------------------------------------------------------------------------------------

  totals(): Totals {
    return this.#ask('howMuch').get() as Totals
  }

  /** The totals of the rows that are in the books. */
  books(): Totals {
    const [entries, size, inflation] = this.#ask('whatIsBooked').get() as [number, number, number]
    this.#inflation = inflation
    return { entries, size, inflation }
  }

  /** Enters all rows that are not yet in the books. Within a transaction. Returns what they add. */
  book(): { readonly entries: number; readonly size: number } {
    const { entries, last, size } = this.#ask('whatIsFresh').get() as {
      readonly entries: number
      readonly last: number
      readonly size: number
    }
    if (entries === 0) return { entries, size }
    this.#ask('bookVersions').run()
    this.#ask('bookEntries').run()
    this.#ask('bookTotal').run(entries, size, last)
    return { entries, size }
  }

  /** Whether the counters agree with the rows. */
  isCountedRight(): boolean {
    const counted = this.totals()
    const really = this.#ask('howMuchReally').get() as Totals
    return (
      counted.entries === really.entries &&
      counted.size === really.size &&
      this.#ask('whichAreMisbooked').get() === undefined &&
      this.#ask('whichVersionsAreMiscounted').get() === undefined
    )
  }

  recount(): void {
    this.#write(() => {
      this.#ask('rebookEntries').run()
      this.#ask('recountTotal').run()
      this.#ask('recountVersions').run()
    })
  }

  usage(): Map<string, FunctionStats> {
    const usage = new Map<string, FunctionStats>()
    for (const row of this.#ask('howWasItUsed').all() as UsageRow[]) {
      const known = usage.get(row.name)
      usage.set(row.name, { ...sumOf(known, row), bytes: row.bytes + (known?.bytes ?? 0) })
    }
    return usage
  }

  addUsage(name: string, counts: Counts): void {
    this.#ask('addUsage').run(name, counts.hits, counts.misses, counts.timeSaved, counts.timeSpent)
    this.#ask('addOverhead').run(name, counts.overhead)
  }

  forgetUsage(name?: string): void {
    this.#ask('forgetUsage').run({ name: name ?? null })
    this.#ask('forgetOverhead').run({ name: name ?? null })
  }

  // files -------------------------------------------------------------------------------------------------------

  /** What is still to be done with a file. */
  choreOf(file: Digest): Chore | undefined {
    return (this.#ask('whatIsToDo').get(blobOf(file)) as { what: Chore } | undefined)?.what
  }

  *chores(what: Chore): Generator<Digest> {
    const page = (after: Buffer) => this.#ask('whichFilesNeed').all(what, after, SLICE) as FileRow[]
    for (const { file } of paged(NO_KEY, page, (row) => row.file)) yield hexOf(file)
  }

  addChore(file: Digest, what: Chore): void {
    this.#ask('addChore').run(blobOf(file), what)
  }

  finishChores(files: readonly Digest[], what: Chore): void {
    if (files.length > 0) this.#write(() => this.choresAreDone(files, what))
  }

  /** The same within a transaction. */
  choresAreDone(files: readonly Digest[], what: Chore): void {
    for (const file of files) this.#ask('choreIsDone').run(blobOf(file), what)
  }

  /** Whether the object files that were there before this index have been adopted. */
  isWhole(): boolean {
    return (this.#ask('isWhole').get() as { whole: number }).whole === 1
  }

  setWhole(whole: boolean): void {
    this.#ask('setWhole').run(whole ? 1 : 0)
  }
}

interface FileRow {
  readonly file: Buffer
}

interface UsageRow extends FunctionStats {
  readonly name: string
}
