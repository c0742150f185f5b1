/**
 * What was read out of texts, by the digest of what was read: rows that anybody may lose, each with a seal over its key and
 * its text, so that a flipped bit is no answer. Each method answers one question or does one deed. Knows not what they mean.
 */
import type { Digest } from '../types.ts'
import { paged } from './paged.ts'
import { blobOf, type Digester } from './row.ts'
import type { Ask } from './schema.ts'

export interface KeptText {
  readonly text: string
  /** About when it was last asked for, in milliseconds since the epoch. */
  readonly used: number
}

interface RawText {
  readonly id: number
  readonly key: unknown
  readonly sealed: unknown
}

const SEAL = 16
const SLICE = 500
// The most there may be; one that takes an eighth of it is not worth keeping.
const ROWS = 20_000
const SIZE = 16 * 2 ** 20
export const LARGEST: number = SIZE / 8

export class ParsedTable {
  readonly #ask: Ask
  readonly #digest: Digester

  constructor(ask: Ask, digest: Digester) {
    this.#ask = ask
    this.#digest = digest
  }

  /** Undefined also where the row is damaged. */
  find(key: Digest): KeptText | undefined {
    const row = this.#ask('whatIsParsed').get(blobOf(key)) as { sealed: unknown; used: unknown } | undefined
    const text = row && this.#unseal(row.sealed, blobOf(key))
    return text === undefined ? undefined : { text, used: Number(row?.used) }
  }

  /** The seal is the digest of all of the row, with the key in the place of the seal. */
  #unseal(sealed: unknown, key: Buffer): string | undefined {
    // SQLite stores any type in any column
    if (!Buffer.isBuffer(sealed) || sealed.byteLength < SEAL) return undefined
    const seal = sealed.toString('hex', 0, SEAL)
    sealed.set(key, 0)
    return this.#digest(sealed) === seal ? sealed.toString('utf8', SEAL) : undefined
  }

  /** Within a transaction. What was there under that key is replaced. */
  put(key: Digest, text: string, now: number): void {
    const sealed = Buffer.allocUnsafe(SEAL + Buffer.byteLength(text))
    sealed.write(key, 0, 'hex')
    sealed.write(text, SEAL)
    sealed.write(this.#digest(sealed), 0, 'hex')
    this.#ask('addParsed').run(blobOf(key), sealed, now)
  }

  touch(key: Digest, now: number): void {
    this.#ask('touchParsed').run(now, blobOf(key))
  }

  /** Within a transaction: while there are too many, an eighth of them leaves, those that were not used for longest. */
  shrink(): void {
    for (;;) {
      const { rows, size } = this.#ask('howMuchIsParsed').get() as { rows: number; size: number }
      if (rows <= ROWS && size <= SIZE) return
      this.#ask('removeLeastUsedParsed').run(Math.ceil(rows / 8))
    }
  }

  /** Every row by its id, and whether it is sound. */
  *rows(): Generator<{ readonly id: number; readonly sound: boolean }> {
    const page = (after: number) => this.#ask('whichParsedFollow').all(after, SLICE) as RawText[]
    for (const { id, key, sealed } of paged(0, page, (row) => row.id))
      yield { id, sound: Buffer.isBuffer(key) && this.#unseal(sealed, key) !== undefined }
  }

  remove(id: number): void {
    this.#ask('removeParsed').run(id)
  }

  removeAll(): void {
    this.#ask('removeAllParsed').run()
  }
}
