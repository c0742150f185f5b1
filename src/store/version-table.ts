/**
 * The rows of code versions in the index: a function's name and code, under a number. They are never changed in these
 * and never removed, so what was read once stays true, and is kept.
 */
import type { CallKey, Digest } from '../types.ts'
import { blobOf, hexOf, type Version } from './row.ts'
import type { Ask } from './schema.ts'

/** A version that has entries. */
export interface LiveVersion {
  readonly id: number
  readonly code: Digest
  /** When its newest entry was made. */
  readonly latest: number
}

interface VersionRow {
  readonly id: number
  readonly name: string
  readonly code: Buffer
  readonly inputs: Buffer
  readonly state: Buffer
}

export class VersionTable {
  readonly #ask: Ask
  readonly #known = new Map<number, Version>()
  readonly #ids = new Map<string, number>()

  constructor(ask: Ask) {
    this.#ask = ask
  }

  readonly withId = (id: number): Version | undefined => {
    const known = this.#known.get(id)
    if (known !== undefined) return known
    const row = this.#ask('whichVersion').get(id) as VersionRow | undefined
    return row === undefined ? undefined : this.#remember(row)
  }

  /** The version of a call; a new one if need be. */
  of(key: CallKey, now: number): Version {
    const known = this.#ids.get(`${key.code}${key.name}`)
    if (known !== undefined) return this.withId(known)!
    const row = this.#ask('whichVersionIs').get(key.name, blobOf(key.code)) as VersionRow | undefined
    if (row !== undefined) return this.#remember(row)
    // another process may do the same at this moment
    this.#ask('insertVersion').run(key.name, blobOf(key.code), blobOf(key.inputs), blobOf(key.state), now)
    return this.#remember(this.#ask('whichVersionIs').get(key.name, blobOf(key.code)) as VersionRow)
  }

  #remember(row: VersionRow): Version {
    const code = hexOf(row.code)
    const version = { id: row.id, name: row.name, code, inputs: hexOf(row.inputs), state: hexOf(row.state) }
    this.#known.set(row.id, version)
    this.#ids.set(`${code}${row.name}`, row.id)
    return version
  }

  /** After a transaction was undone: those made in it are gone again. */
  forget(): void {
    this.#known.clear()
    this.#ids.clear()
  }

  /** The versions of a function that have entries, the one computed last first. */
  live(name: string): LiveVersion[] {
    const rows = this.#ask('whichVersionsLive').all(name) as {
      readonly id: number
      readonly code: Buffer
      readonly newest: number
    }[]
    return rows.map(({ id, code, newest }) => ({ id, code: hexOf(code), latest: newest }))
  }
}
