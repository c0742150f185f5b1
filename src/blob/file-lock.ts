/**
 * One writer at a time among all processes, for the moment in which a condition is checked and a file put in place.
 * It is SQLite's lock on an empty database: the kernel lets go of it when its holder dies, so it is never stale, and
 * nobody has to judge whether somebody is still alive.
 */
import { createRequire } from 'node:module'
import type Sqlite from 'better-sqlite3'
import { BlobError } from '../errors.ts'

/** As in the entry index: Node 24 ends the process when it collects such an object at the wrong moment. */
const pinned: object[] = []

interface Opened {
  readonly db: Sqlite.Database
  readonly begin: Sqlite.Statement
  readonly end: Sqlite.Statement
}

export class FileLock {
  readonly #path: string
  readonly #timeout: number
  #open: Opened | undefined

  constructor(path: string, timeout: number) {
    this.#path = path
    this.#timeout = timeout
  }

  /** What `work` does, it does alone. It is synchronous and takes some microseconds, so waiting blocks. */
  hold<T>(work: () => T): T {
    const { begin, end } = this.#take()
    begin.run()
    try {
      return work()
    } finally {
      end.run()
    }
  }

  #take(): Opened {
    if (this.#open !== undefined) return this.#open
    try {
      const Database = createRequire(import.meta.url)('better-sqlite3') as typeof Sqlite
      const db = new Database(this.#path, { timeout: this.#timeout })
      this.#open = { db, begin: db.prepare('BEGIN IMMEDIATE'), end: db.prepare('ROLLBACK') }
      pinned.push(db, this.#open.begin, this.#open.end)
      return this.#open
    } catch (error) {
      throw new BlobError('ERR_BLOB_UNREACHABLE', `${this.#path} cannot be opened`, {
        cause: error,
        undone: true,
      })
    }
  }

  close(): void {
    this.#open?.db.close()
    this.#open = undefined
  }
}
