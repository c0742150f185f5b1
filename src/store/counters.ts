/**
 * Hits and misses that are counted but not yet written: a hit never takes a write lock by itself. Written after
 * some hundred, after about a second, and at flush and close; a killed process loses no more than that.
 */
import type { Digest } from '../types.ts'
import type { Counts } from './entry-index.ts'

export interface Touch {
  readonly hits: number
  readonly at: number
}

/** What is waiting to be written. */
export interface Pending {
  readonly usage: ReadonlyMap<string, Counts>
  readonly touched: ReadonlyMap<Digest, Touch>
}

const BATCH = 256
const DELAY = 1000
// Where writing fails for long, what is waiting must not grow without end.
const MOST_TOUCHES = 65_536

export class Counters {
  #usage = new Map<string, Counts>()
  #touched = new Map<Digest, Touch>()
  #waiting = 0
  #timer: NodeJS.Timeout | undefined
  readonly #write: () => void

  /** `write` is called when it is time; it finds what is waiting in `pending` and says `done()`. */
  constructor(write: () => void) {
    this.#write = write
  }

  get usage(): ReadonlyMap<string, Counts> {
    return this.#usage
  }

  count(name: string, what: Partial<Counts>, touched: Digest | undefined, now: number): void {
    const old = this.#usage.get(name)
    this.#usage.set(name, {
      hits: (old?.hits ?? 0) + (what.hits ?? 0),
      misses: (old?.misses ?? 0) + (what.misses ?? 0),
      timeSaved: (old?.timeSaved ?? 0) + (what.timeSaved ?? 0),
      timeSpent: (old?.timeSpent ?? 0) + (what.timeSpent ?? 0),
    })
    if (touched !== undefined && (this.#touched.size < MOST_TOUCHES || this.#touched.has(touched))) {
      this.#touched.set(touched, { hits: (this.#touched.get(touched)?.hits ?? 0) + 1, at: now })
    }
    this.#waiting += 1
    if (this.#waiting % BATCH === 0) this.#write()
    else this.#timer ??= setTimeout(this.#ring, DELAY).unref()
  }

  readonly #ring = (): void => {
    this.#timer = undefined
    if (this.#waiting > 0) this.#write()
  }

  /** What is waiting. It waits on until `done()`. */
  get pending(): Pending | undefined {
    return this.#waiting === 0 ? undefined : { usage: this.#usage, touched: this.#touched }
  }

  /** What was pending is written. */
  done(): void {
    this.#usage = new Map()
    this.#touched = new Map()
    this.#waiting = 0
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  forget(name?: string): void {
    if (name === undefined) this.#usage.clear()
    else this.#usage.delete(name)
  }

  close(): void {
    clearTimeout(this.#timer)
  }
}
