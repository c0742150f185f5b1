/**
 * What was read out of texts, for the processes to come: found in the index, and written to it in batches, never by whoever
 * brings it. Only saves time: what is waiting may be lost, and what there is no room for is not kept.
 */
import type { Digest } from '../types.ts'
import type { KeptTexts } from './contract.ts'
import type { EntryIndex } from './entry-index.ts'
import type { OpenDirectory } from './open-directory.ts'
import { LARGEST } from './parsed-table.ts'

// How old, in milliseconds, what is known of the last use may be.
const DAY = 86_400_000
// Where writing fails for long, what is waiting must not grow without end.
const MOST_WAITING = 8 * 2 ** 20
// What a row takes in memory besides its text.
const OVERHEAD = 200

export class Parses implements KeptTexts {
  readonly #open: OpenDirectory
  readonly #clock: () => number
  readonly #waiting: () => void
  #new = new Map<Digest, string>()
  /** What was of use, and when it last was before. */
  #found = new Map<Digest, number>()
  #size = 0

  /** `waiting` is called when there is something for `writeTo`. */
  constructor(open: OpenDirectory, clock: () => number, waiting: () => void) {
    this.#open = open
    this.#clock = clock
    this.#waiting = waiting
  }

  get(key: Digest): string | undefined {
    const waiting = this.#new.get(key)
    if (waiting !== undefined) return waiting
    return this.#open.guard('looking for what was read out of a text', () => {
      const found = this.#open.index.parsed.find(key)
      if (found === undefined) return undefined
      // the clock is somebody else's, so it is not asked here, in the midst of a walk
      if (!this.#found.has(key) && this.#hasRoom(0)) this.#found.set(key, found.used)
      return found.text
    })
  }

  set(key: Digest, text: string): void {
    if (this.#new.has(key) || text.length > LARGEST || !this.#hasRoom(text.length)) return
    this.#new.set(key, text)
    this.#waiting()
  }

  #hasRoom(size: number): boolean {
    if (this.#open.readonly || this.#open.closed || this.#size + size + OVERHEAD > MOST_WAITING) return false
    this.#size += size + OVERHEAD
    return true
  }

  /** Writes what is waiting, as one transaction; if that fails, it waits on. */
  writeTo(index: EntryIndex): void {
    if (this.#size === 0) return
    const now = Math.round(this.#clock())
    const used = [...this.#found].filter(([, before]) => !(Math.abs(now - before) < DAY))
    if (used.length > 0 || this.#new.size > 0) {
      index.write(() => {
        for (const [key] of used) index.parsed.touch(key, now)
        for (const [key, text] of this.#new) index.parsed.put(key, text, now)
        if (this.#new.size > 0) index.parsed.shrink()
      })
    }
    this.#letGo()
  }

  #letGo(): void {
    this.#new = new Map()
    this.#found = new Map()
    this.#size = 0
  }

  /** All that is kept. */
  forget(): void {
    this.#letGo()
    this.#open.index.parsed.removeAll()
  }
}
