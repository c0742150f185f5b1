/**
 * Many entries at a time: lists in some order, their sums, and calls by the first digits of their digests. SQL sorts and
 * adds, so that a directory of a million entries answers at once. Damaged rows are left out.
 */
import type { Digest } from '../types.ts'
import type { Selection, Sorting, WhyDeparted } from './contract.ts'
import { paged } from './paged.ts'
import type { Located } from './row.ts'
import { blobOf, hexOf, type RawRow } from './row.ts'
import type { Ask } from './schema.ts'

const SLICE = 500

/** Bytes of a function's entries: all, and of these what is in object files and what in leaves. */
export interface Weight {
  readonly entries: number
  readonly size: number
  readonly files: number
  readonly leaves: number
}

export class EntryList {
  readonly #ask: Ask
  readonly #read: (row: RawRow) => Located | undefined

  constructor(ask: Ask, read: (row: RawRow) => Located | undefined) {
    this.#ask = ask
    this.#read = read
  }

  /** The newest row first; `limit` at most. */
  *newest(selection: Selection, limit: number = Number.POSITIVE_INFINITY): Generator<Located> {
    const asked = { limit: Math.min(SLICE, limit), ...selected(selection) }
    const page = (below: number) => this.#ask('whichEntriesFollow').all({ ...asked, below }) as RawRow[]
    let left = limit
    for (const row of paged(Number.MAX_SAFE_INTEGER, page, ([id]) => id, 'down')) {
      const located = this.#read(row)
      if (located === undefined) continue
      yield located
      left -= 1
      if (left === 0) return
    }
  }

  /** Those that are there when it is asked; who leaves meanwhile is left out. */
  *sorted(selection: Selection, { limit, reverse = false, sort }: Sorting): Generator<Located> {
    // names begin with a, all others with the most
    const question = reverse === (sort === 'name') ? 'whichComeLast' : 'whichComeFirst'
    const asked = { by: sort ?? null, limit: limit ?? -1, ...selected(selection) }
    for (const { id } of this.#ask(question).all(asked) as { id: number }[]) {
      const row = this.#ask('whichEntryIs').get(id) as RawRow | undefined
      const located = row && this.#read(row)
      if (located !== undefined) yield located
    }
  }

  sum(selection: Selection): { readonly entries: number; readonly size: number } {
    return this.#ask('howManyMatch').get(selected(selection)) as { entries: number; size: number }
  }

  startingWith(prefix: string, limit: number): Located[] {
    const rows = this.#ask('whichKeysLieIn').all(...rangeOf(prefix), limit) as RawRow[]
    return rows.map((row) => this.#read(row)).filter((located) => located !== undefined)
  }

  departedLike(prefix: string): { readonly key: Digest; readonly why: WhyDeparted }[] {
    const rows = this.#ask('whoDepartedIn').all(...rangeOf(prefix)) as { key: Buffer; why: WhyDeparted }[]
    return rows.map(({ key, why }) => ({ key: hexOf(key), why }))
  }

  /** By the names of functions. */
  weights(): Map<string, Weight> {
    const weights = new Map<string, Weight>()
    const add = (name: string, more: Partial<Weight>): void => {
      const { entries = 0, files = 0, leaves = 0, size = 0 } = weights.get(name) ?? {}
      weights.set(name, {
        entries: entries + (more.entries ?? 0),
        size: size + (more.size ?? 0),
        files: files + (more.files ?? 0),
        leaves: leaves + (more.leaves ?? 0),
      })
    }
    for (const { entries, name, size } of this.#ask('howMuchHas').all() as Named[])
      add(name, { entries, size })
    for (const { name, size } of this.#ask('howMuchIsInFiles').all() as Named[]) add(name, { files: size })
    for (const { name, size } of this.#ask('howMuchIsInLeaves').all() as Named[]) add(name, { leaves: size })
    return weights
  }

  /** Bytes of all leaves, each once. */
  leaves(): number {
    return (this.#ask('howMuchAreLeaves').get() as { size: number }).size
  }
}

interface Named {
  readonly name: string
  readonly entries: number
  readonly size: number
}

/** A selection as SQL takes it. */
export function selected(selection: Selection): Record<string, unknown> {
  const { before, code, largerThan, name, pattern, since, tag, usedBefore } = selection
  const [first, last] = code === undefined ? [null, null] : rangeOf(code)
  return {
    name: name ?? null,
    pattern: pattern?.replace(/[[?]/g, '[$&]') ?? null,
    tag: tag ?? null,
    code: first,
    lastCode: last,
    since: since ?? null,
    before: before ?? null,
    usedBefore: usedBefore === undefined ? null : sortable(usedBefore),
    largerThan: largerThan === undefined ? null : sortable(largerThan),
  }
}

/** A number from 0 up as bytes that compare as it does. */
function sortable(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(Math.max(0, value))
  return bytes
}

/** The first and the last digest that begin so. */
const rangeOf = (prefix: string): [Buffer, Buffer] => [
  blobOf(prefix.padEnd(32, '0') as Digest),
  blobOf(prefix.padEnd(32, 'f') as Digest),
]
