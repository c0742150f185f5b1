/**
 * Results that were read lately, in memory: whoever asks again gets a copy, and neither the index nor a file is read.
 * Promises that what was dropped or replaced here is not given again, and what other processes dropped or replaced not
 * later than a millisecond after; and that nobody else ever has the memory that is kept.
 */
import { performance } from 'node:perf_hooks'
import { Recent } from '../recent.ts'
import type { Digest, Entry } from '../types.ts'
import type { Stored } from './contract.ts'
import type { EntryIndex } from './entry-index.ts'

interface Held {
  readonly entry: Entry
  readonly stored: Stored
  /** When it was last seen in the index. */
  readonly era: number
}

// a program may put another clock in its place, for its tests
const now = performance.now.bind(performance)

// How long, in milliseconds, nobody looks whether entries have left.
const UNSEEN = 1
// Bytes of an entry besides those of its result.
const OVERHEAD = 1000

export class Warm {
  readonly #index: () => EntryIndex
  readonly #held: Recent<Digest, Held>
  /** Bytes that one result may have. */
  readonly #largest: number
  /** Goes up when entries have left, whichever they were. */
  #era = 0
  #lookedAt = Number.NEGATIVE_INFINITY
  #seen: EntryIndex | undefined
  #lastDeparture = 0

  /** @param size bytes that may be held */
  constructor(size: number, index: () => EntryIndex) {
    this.#index = index
    this.#largest = size / 2
    this.#held = new Recent(size, ({ stored }) => sizeOf(stored))
  }

  /** The entry of a call, if its result is held and nothing has left since it was seen in the index. */
  find(key: Digest): Entry | undefined {
    this.#look()
    const held = this.#held.get(key)
    return held?.era === this.#era ? held.entry : undefined
  }

  /** Of a row that is found in the index now. */
  get era(): number {
    return this.#era
  }

  /** A copy of the result of an entry that came from here or, in that era, from the index. */
  read(entry: Entry, era?: number): Stored | undefined {
    const { key } = entry
    const held = this.#held.get(key.digest)
    if (held === undefined) return undefined
    if (held.entry !== entry) {
      if (era === undefined || !isSame(held.entry, entry)) return undefined
      this.#held.set(key.digest, { ...held, entry: hardened(entry), era })
    }
    return copyOf(held.stored)
  }

  /** Whether `read` would give the result of an entry that came from here. */
  has(entry: Entry): boolean {
    return this.#held.get(entry.key.digest)?.entry === entry
  }

  /** Keeps a copy of what was read of an entry found in that era. */
  hold(entry: Entry, stored: Stored, era: number): void {
    // a copy takes as long as reading it
    if (sizeOf(stored) > this.#largest) return
    this.#held.set(entry.key.digest, { entry: hardened(entry), stored: copyOf(stored), era })
  }

  forget(key: Digest): void {
    this.#held.delete(key)
  }

  clear(): void {
    this.#held.clear()
  }

  /** Whoever removes or replaces an entry appends to the list of departures; another index has another list. */
  #look(): void {
    const at = now()
    if (at - this.#lookedAt < UNSEEN) return
    const index = this.#index()
    const last = index.ledger.lastDeparture()
    if (index !== this.#seen || last !== this.#lastDeparture) this.#era += 1
    this.#seen = index
    this.#lastDeparture = last
    this.#lookedAt = at
  }
}

const sizeOf = ({ bytes, leaves }: Stored): number =>
  leaves.reduce((sum, leaf) => sum + leaf.byteLength, bytes.byteLength + OVERHEAD)

const isSame = (held: Entry, entry: Entry): boolean =>
  held.object === entry.object && held.createdAt === entry.createdAt && held.codec === entry.codec

/** Each in memory of its own: what is made of it may be views. */
const copyOf = ({ bytes, leaves }: Stored): Stored => ({
  bytes: new Uint8Array(bytes),
  leaves: leaves.length === 0 ? leaves : leaves.map((leaf) => new Uint8Array(leaf)),
})

/** It is handed out again and again. */
function hardened(entry: Entry): Entry {
  Object.freeze(entry.key)
  Object.freeze(entry.tags)
  return Object.freeze(entry)
}
