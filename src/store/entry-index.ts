/**
 * The index: one SQLite database of entries, small results and counters. One connection, opened and closed here;
 * each method answers one question or does one deed, in one transaction where it writes.
 * Promises that what a method has written survives the process. Knows nothing of object files but their names, and
 * throws what SQLite throws: store.ts turns that into words. The one door to better-sqlite3.
 */
import { createRequire } from 'node:module'
import type Sqlite from 'better-sqlite3'
import { StoreError } from '../errors.ts'
import type { Digest, Entry } from '../types.ts'
import type { Selection, WhyDeparted } from './contract.ts'
import { EntryList, selected } from './entry-list.ts'
import { unsound, WrongIndex } from './failure.ts'
import { LeafTable } from './leaf-table.ts'
import { LeaseTable } from './lease-table.ts'
import { LeavingRows } from './leaving-rows.ts'
import { Ledger } from './ledger.ts'
import { paged } from './paged.ts'
import { ParsedTable } from './parsed-table.ts'
import { Patience, PatientStatement } from './patience.ts'
import {
  blobOf,
  type Digester,
  type Found,
  hexOf,
  type Located,
  type NewRow,
  type RawRow,
  reseal,
  seal,
  unseal,
} from './row.ts'
import {
  ADDITIONS,
  APPLICATION_ID,
  FORMAT,
  LEAVING,
  STATEMENTS,
  type Statement,
  type StatementName,
  TABLES,
} from './schema.ts'
import { type LiveVersion, VersionTable } from './version-table.ts'

/** What must hold of the books for a row to be added without a look at them. */
export interface Room {
  readonly inflation: number
  /** At most so many and so large. */
  readonly entries: number
  readonly size: number
  /** Fewer rows than this may wait to be booked. */
  readonly fresh: number
}

export interface IndexOptions {
  readonly readonly: boolean
  /** Wait for the disk at each commit. */
  readonly synced: boolean
  readonly digest: Digester
}

// Milliseconds.
const BUSY_TIMEOUT = 5000
const CHECKPOINT_TIMEOUT = 200
// The log goes into the database when it has so many pages, 16 MiB: four times as many as by default, so that a page that many
// puts change, as those of the key's index are, is written once for more of them, and the disk is waited for less often.
const LOG_PAGES = 4096
/** Makes what is not there. */
const MISSING = Object.entries(ADDITIONS)
  .map(([name, columns]) => `CREATE TABLE IF NOT EXISTS ${name} ${columns};`)
  .join('\n')
// Many rows leave in slices, so that other processes get their turn in between.
const SLICE = 500

/**
 * Node 24 ends the process when it collects an object of better-sqlite3 12 at the wrong moment, at exit mostly
 * (WiseLibs/better-sqlite3#1515). So none is ever collected: connections and statements stay reachable, some dozens
 * for each opening, and what would make statements in passing (`pragma`, `iterate`) is not used.
 */
const pinned: object[] = []

export class EntryIndex {
  readonly ledger: Ledger = new Ledger(
    (name) => this.#ask(name),
    (work) => this.write(work),
  )
  readonly leaves: LeafTable = new LeafTable((name) => this.#ask(name))
  readonly leases: LeaseTable = new LeaseTable((name) => this.#ask(name))
  readonly leaving: LeavingRows = new LeavingRows(
    (name) => this.#ask(name),
    (version) => this.#versions.withId(version)?.name,
  )
  readonly list: EntryList = new EntryList(
    (name) => this.#ask(name),
    (row) => this.#read(row),
  )
  readonly parsed: ParsedTable = new ParsedTable(
    (name) => this.#ask(name),
    (bytes) => this.#digest(bytes),
  )
  readonly #db: Sqlite.Database
  readonly #digest: Digester
  readonly #patience = new Patience(BUSY_TIMEOUT)
  readonly #statements = new Map<string, Statement>()
  readonly #versions: VersionTable = new VersionTable((name) => this.#ask(name))

  /** `source` is a path, or the bytes of a database to read from memory. */
  constructor(source: string | Buffer, options: IndexOptions) {
    const Database = createRequire(import.meta.url)('better-sqlite3') as typeof Sqlite
    const { digest, readonly } = options
    this.#digest = digest
    this.#db = new Database(
      source,
      typeof source === 'string' ? { readonly, fileMustExist: readonly, timeout: BUSY_TIMEOUT } : {},
    )
    pinned.push(this.#db)
    try {
      if (readonly) {
        this.#expectOurs(typeof source === 'string' ? source : 'the index')
        for (const [name, columns] of Object.entries(ADDITIONS)) {
          if (this.#pragma<unknown>(`table_info(${name})`) === undefined)
            this.#db.exec(`CREATE TEMP TABLE ${name} ${columns}`)
        }
      } else this.#prepare(source as string, options.synced)
      // from now on `#patience` waits
      this.#db.exec('PRAGMA busy_timeout = 0')
    } catch (error) {
      this.#db.close()
      throw error
    }
  }

  #prepare(path: string, synced: boolean): void {
    const db = this.#db
    const empty = (): boolean => this.#pragma('schema_version') === 0
    if (empty()) db.exec('PRAGMA auto_vacuum = INCREMENTAL')
    db.exec('PRAGMA journal_mode = WAL')
    db.exec(`PRAGMA synchronous = ${synced ? 'FULL' : 'NORMAL'}`)
    db.exec('PRAGMA cell_size_check = ON')
    db.exec(`PRAGMA wal_autocheckpoint = ${LOG_PAGES}`)
    if (empty()) {
      this.write(() => {
        // another process may have been faster
        if (empty()) db.exec(TABLES + MISSING)
      })
    }
    this.#expectOurs(path)
    db.exec(MISSING)
  }

  #expectOurs(path: string): void {
    const version = this.#pragma('user_version')
    if (this.#pragma('application_id') !== APPLICATION_ID || version !== FORMAT) {
      throw new WrongIndex(path, version)
    }
  }

  #ask(name: StatementName): Statement {
    return this.#statements.get(name) ?? this.#prepared(name, STATEMENTS[name])
  }

  #prepared(name: string, sql: string): Statement {
    const statement = this.#patience.with(() => this.#db.prepare(sql))
    pinned.push(statement)
    // One column as it is, several as arrays: better-sqlite3 takes a quarter less time for them than for objects.
    if (sql.startsWith('PRAGMA') || name === 'whatIsSealed') statement.pluck()
    if (sql.includes(LEAVING) || name === 'whatIsBooked') statement.raw()
    const patient = new PatientStatement(statement, this.#patience)
    this.#statements.set(name, patient)
    return patient
  }

  #pragma<T = number>(name: string): T {
    return (this.#statements.get(name) ?? this.#prepared(name, `PRAGMA ${name}`)).get() as T
  }

  /** Does `work` as one transaction that has the write lock from its start. */
  write<T>(work: () => T): T {
    return this.#transact('begin', work)
  }

  /** Does `work`, which only reads, at one moment of the index. */
  look<T>(work: () => T): T {
    return this.#transact('look', work)
  }

  #transact<T>(begin: 'begin' | 'look', work: () => T): T {
    if (this.#db.inTransaction) throw new StoreError('ERR_STORE_BUSY', 'asked to write while it is writing')
    this.#ask(begin).run()
    try {
      const result = work()
      this.#ask('commit').run()
      return result
    } catch (error) {
      this.#versions.forget()
      if (this.#db.inTransaction) this.#ask('rollback').run()
      throw error
    }
  }

  /** How long the next writes may wait for their turn. */
  waitFor(milliseconds: number = BUSY_TIMEOUT): void {
    this.#patience.limit = milliseconds
  }

  // one entry ---------------------------------------------------------------------------------------------------

  /** The entry of this call; 'damaged' if its row is. */
  find(key: Digest): Found | 'damaged' | undefined {
    const blob = blobOf(key)
    const sealed = this.#ask('whatIsSealed').get(blob) as unknown
    if (sealed === undefined) return undefined
    return unseal(sealed, key, blob, this.#versions.withId, this.#digest) ?? 'damaged'
  }

  #rows(question: StatementName, ...values: unknown[]): RawRow[] {
    return this.#ask(question).all(...values) as RawRow[]
  }

  /** What a row of a list means, or undefined if it is damaged. */
  #read([id, key, version, footprint, score, file, sealed]: RawRow): Located | undefined {
    if (!Buffer.isBuffer(key)) return undefined
    const found = unseal(sealed, hexOf(key), key, this.#versions.withId, this.#digest)
    if (found === undefined || typeof footprint !== 'number' || typeof score !== 'number') return undefined
    // What SQL goes by must be what is sealed.
    const named = Buffer.isBuffer(file) ? hexOf(file) : (file ?? undefined)
    if (named !== found.file || this.#versions.withId(version)?.name !== found.entry.key.name)
      return undefined
    return { ...found, id, footprint, score }
  }

  /** Adds a row; undefined if its call has one. It is in the ledger's books only after `book()`. */
  insert(row: NewRow): number | undefined {
    const { changes, lastInsertRowid } = this.#ask('insertEntry').run(...this.#columns(row))
    if (changes !== 1) return undefined
    const id = Number(lastInsertRowid)
    if (row.leaves !== undefined) this.leaves.name(id, row.leaves)
    return id
  }

  /** Adds a row by itself, unless its call has one or it needs more than the room there surely is. */
  insertIfRoom(row: NewRow, { entries, fresh, inflation, size }: Room): boolean {
    const columns = this.#columns(row)
    return this.#ask('insertIfRoom').run(...columns, inflation, entries, size, fresh).changes === 1
  }

  #columns(row: NewRow): unknown[] {
    const { entry, file, footprint, leavesAt, score } = row
    const { createdAt, expiresAt, key, tags } = entry
    const version = this.#versions.of(key, createdAt)
    return [
      blobOf(key.digest),
      version.id,
      footprint,
      score,
      createdAt,
      leavesAt ?? expiresAt ?? null,
      file === undefined ? null : blobOf(file),
      tags.length === 0 ? null : JSON.stringify(tags),
      seal({ ...row, leaves: row.leaves ?? [] }, version, this.#digest),
    ]
  }

  /** Removes the row of a call, whatever it names. Returns what it named. */
  remove(key: Digest): { readonly file: Digest | undefined } | undefined {
    const row = this.#ask('removeKey').get(blobOf(key)) as { file: Buffer | null } | undefined
    return row && { file: row.file === null ? undefined : hexOf(row.file) }
  }

  /** The same for good: a later miss is explained by it. */
  removeFor(why: WhyDeparted, key: Digest): { readonly file: Digest | undefined } | undefined {
    return this.write(() => {
      const removed = this.remove(key)
      if (removed !== undefined) this.ledger.addDepartures([key], why)
      return removed
    })
  }

  /** Removes the row of a call whose bytes are lost, only if it still names what was found. */
  removeExactly({ entry, file }: Found): boolean {
    const { key, object } = entry
    const named = file === undefined ? null : blobOf(file)
    return this.write(() => {
      if (this.#ask('removeExactly').get(blobOf(key.digest), blobOf(object), named) === undefined)
        return false
      this.ledger.addDepartures([key.digest], 'lost')
      return true
    })
  }

  /** Removes a row seen in the same transaction. */
  removeRow(id: number): void {
    if (this.#ask('removeRow').run(id).changes !== 1) throw unsound('a row that is there cannot be removed')
  }

  /** Writes how often and when an entry was last hit. Within the transaction that found it. */
  touch({ sealed }: Found, entry: Entry, score: number): void {
    this.#ask('touch').run(score, reseal(sealed, entry, this.#digest), blobOf(entry.key.digest))
  }

  namesFile(file: Digest): boolean {
    return this.#ask('whichEntryNamesFile').get(blobOf(file)) !== undefined
  }

  // many entries ------------------------------------------------------------------------------------------------

  /** All rows, in the order of their ids; the damaged ones as their id alone. */
  *rows(direction: 'up' | 'down'): Generator<{ readonly id: number; readonly located: Located | undefined }> {
    const [question, start] =
      direction === 'up'
        ? (['whichRowsFollow', 0] as const)
        : (['whichRowsPrecede', Number.MAX_SAFE_INTEGER] as const)
    const page = (from: number) => this.#rows(question, from, 64)
    for (const row of paged(start as number, page, ([id]) => id, direction))
      yield { id: row[0], located: this.#read(row) }
  }

  /** Removes those selected, a slice at a time: how many. */
  *removing(selection: Selection, why: WhyDeparted): Generator<number> {
    let after = 0
    for (;;) {
      const gone = this.write(() => {
        const slice = { after, limit: SLICE, ...selected(selection) }
        const rows = this.#ask('removeMatching').all(slice) as { id: number; key: Buffer }[]
        this.ledger.addDepartures(
          rows.map(({ key }) => hexOf(key)),
          why,
        )
        return rows
      })
      yield gone.length
      if (gone.length < SLICE) return
      const last = gone.reduce((most, { id }) => Math.max(most, id), 0)
      if (last <= after) throw unsound('rows are out of order')
      after = last
    }
  }

  /** The newest `limit` entries of a code version. */
  recent(version: number, limit: number): Located[] {
    const rows = this.#rows('whichAreRecent', { version, limit })
    return rows.map((row) => this.#read(row)).filter((located) => located !== undefined)
  }

  /** The versions of a function that have entries, the one computed last first. */
  versions(name: string): LiveVersion[] {
    return this.#versions.live(name)
  }

  // the database itself -----------------------------------------------------------------------------------------

  /** Makes all that was ever committed survive power loss; `finished` are files that do already. */
  sync(finished: readonly Digest[], synced: boolean): void {
    // A commit in mode FULL flushes the log, and with it all commits before. The checkpoint may meet a reader; then
    // the log stays, which is as durable.
    this.#db.exec('PRAGMA synchronous = FULL')
    try {
      this.write(() => {
        for (const file of finished) this.#ask('choreIsDone').run(blobOf(file), 'sync')
        // a commit that changes nothing flushes nothing
        this.#ask('countCommit').run()
      })
      this.#db.exec(`PRAGMA busy_timeout = ${CHECKPOINT_TIMEOUT}`)
      this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    } finally {
      this.#db.exec('PRAGMA busy_timeout = 0')
      this.#db.exec(`PRAGMA synchronous = ${synced ? 'FULL' : 'NORMAL'}`)
    }
  }

  /** How many pages there are to check. */
  pages(): number {
    return this.#pragma('page_count')
  }

  /** SQLite's own findings, empty if all is well. */
  check(): string[] {
    const name = 'integrity_check(20)'
    const found = (this.#statements.get(name) ?? this.#prepared(name, `PRAGMA ${name}`)).all() as string[]
    return found.filter((line) => line !== 'ok')
  }

  /** Gives up to `pages` free pages back to the file system. Returns the bytes freed. */
  shrink(pages: number): number {
    const before = this.pages()
    this.#patience.with(() => this.#db.exec(`PRAGMA incremental_vacuum(${pages})`))
    return (before - this.pages()) * this.#pragma('page_size')
  }

  close(): void {
    this.#db.close()
  }
}
