/**
 * Hits and misses that are counted but not yet written: a hit never takes a write lock by itself. Written after about
 * a second, or when a thousand entries were hit, and at flush and close; a killed process loses no more than that.
 */
import { performance } from 'node:perf_hooks'
import timers from 'node:timers'
import type { Digest, FunctionStats } from '../types.ts'
import { type Budget, scoreOf } from './admission.ts'
import type { Counts } from './contract.ts'
import { addUnder, type Sum, sumOf } from './counts.ts'
import type { EntryIndex } from './entry-index.ts'

interface Touch {
  hits: number
  at: number
}

// as they were when this was loaded: programs put others in their place
const { clearTimeout, setTimeout } = timers
const clock = performance.now.bind(performance)

// Milliseconds.
const DELAY = 1000
// Entries, each of which takes a write; what was hit again and again is one.
const BATCH = 1024
// A program that never waits for anything hears no timer: each time that so many were counted, one looks.
const LOOK = 256
// Where writing fails for long, what is waiting must not grow without end.
const MOST_TOUCHES = 65_536

export class Counters {
  #usage = new Map<string, Sum>()
  #touched = new Map<Digest, Touch>()
  #waiting = 0
  /** When the first of those that wait was counted, or writing was last tried. */
  #since = 0
  #timer: NodeJS.Timeout | undefined
  readonly #write: () => void

  /** `write` is called when it is time for `writeTo`. */
  constructor(write: () => void) {
    this.#write = write
  }

  count(name: string, what: Partial<Counts>, touched: Digest | undefined, now: number): void {
    addUnder(this.#usage, name, what)
    if (touched !== undefined) this.#touch(touched, now)
    if (this.#waiting === 0) this.#since = clock()
    this.#waiting += 1
    if (this.#waiting % LOOK === 0 && this.#isTime()) this.#attempt()
    else this.soon()
  }

  #touch(key: Digest, at: number): void {
    const touch = this.#touched.get(key)
    if (touch !== undefined) {
      touch.hits += 1
      touch.at = at
    } else if (this.#touched.size < MOST_TOUCHES) this.#touched.set(key, { hits: 1, at })
  }

  #isTime(): boolean {
    return this.#touched.size >= BATCH || clock() - this.#since >= DELAY
  }

  #attempt(): void {
    this.#since = clock()
    this.#write()
  }

  /** Something else waits, too. */
  soon(): void {
    this.#timer ??= setTimeout(this.#ring, DELAY).unref()
  }

  readonly #ring = (): void => {
    this.#timer = undefined
    this.#attempt()
  }

  /** Writes what is waiting, as one transaction; if that fails, it waits on. */
  writeTo(index: EntryIndex, budget: Budget): void {
    if (this.#waiting === 0) return
    index.write(() => {
      for (const [name, counts] of this.#usage) index.ledger.addUsage(name, counts)
      const { inflation } = index.ledger.books()
      for (const [key, { hits, at }] of this.#touched) {
        const found = index.find(key)
        if (found === undefined || found === 'damaged') continue
        const { entry } = found
        const touched = { ...entry, hits: entry.hits + hits, accessedAt: Math.max(entry.accessedAt, at) }
        index.touch(found, touched, scoreOf(touched, inflation, budget))
      }
    })
    this.#usage = new Map()
    this.#touched = new Map()
    this.#waiting = 0
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** What is written and what is waiting. */
  addedTo(written: ReadonlyMap<string, FunctionStats>): Map<string, FunctionStats> {
    const all = new Map(written)
    for (const [name, waiting] of this.#usage) {
      const before = written.get(name)
      all.set(name, { ...sumOf(before, waiting), bytes: before?.bytes ?? 0 })
    }
    return all
  }

  forget(name?: string): void {
    if (name === undefined) this.#usage.clear()
    else this.#usage.delete(name)
  }

  close(): void {
    clearTimeout(this.#timer)
  }
}
