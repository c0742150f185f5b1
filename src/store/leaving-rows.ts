/**
 * The rows of the index that leave for others: which they are, by SQL's columns alone (their bytes are not read once more),
 * and their removal. Knows no budget; see admission.ts.
 */
import type { Digest } from '../types.ts'
import { unsound } from './failure.ts'
import { hexOf, type Leaving } from './row.ts'
import type { Ask } from './schema.ts'

/** As SQLite gives it; of a damaged row, anything may be anything. */
type RawLeaving = readonly [
  id: number,
  key: unknown,
  version: number,
  footprint: unknown,
  score: unknown,
  file: unknown,
]

export class LeavingRows {
  readonly #ask: Ask
  readonly #nameOf: (version: number) => string | undefined

  constructor(ask: Ask, nameOf: (version: number) => string | undefined) {
    this.#ask = ask
    this.#nameOf = nameOf
  }

  /** The booked entries with the lowest scores, other than `except`; damaged rows are removed on the way. */
  lowest(except: number, limit: number): Leaving[] {
    for (;;) {
      const rows = this.#ask('whichLeaveFirst').all(except, limit) as RawLeaving[]
      const sound: Leaving[] = []
      for (const row of rows) {
        const leaving = this.#read(row)
        if (leaving === undefined) this.#ask('removeRow').run(row[0])
        else sound.push(leaving)
      }
      if (sound.length === rows.length) return sound
    }
  }

  expired(now: number, except: number, limit: number): Leaving[] {
    const rows = this.#ask('whichHaveExpired').all(now, except, limit) as RawLeaving[]
    return rows.map((row) => this.#read(row)).filter((leaving) => leaving !== undefined)
  }

  #read([id, key, version, footprint, score, file]: RawLeaving): Leaving | undefined {
    const name = this.#nameOf(version)
    if (name === undefined || !Buffer.isBuffer(key)) return undefined
    if (typeof footprint !== 'number' || typeof score !== 'number') return undefined
    let named: Digest | undefined
    if (Buffer.isBuffer(file)) named = hexOf(file)
    else if (file !== null) return undefined
    return { id, key: hexOf(key), name, file: named, footprint, score }
  }

  /** Removes rows seen in the same transaction. */
  remove(leaving: readonly Leaving[]): void {
    const ids = JSON.stringify(leaving.map(({ id }) => id))
    if (this.#ask('removeRows').run(ids).changes !== leaving.length)
      throw unsound('rows that are there cannot be removed')
  }
}
