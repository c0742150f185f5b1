/**
 * Turns what SQLite and the file system throw into a `StoreError` that says which of the few things happened that a
 * caller would handle differently. Promises to keep the original as `cause`; knows nothing of what was being done.
 */
import { messageOf, StoreError, type StoreErrorCode } from '../errors.ts'
import { errnoOf } from './files.ts'
import { FORMAT } from './schema.ts'

const SQLITE: readonly (readonly [prefix: string, code: StoreErrorCode])[] = [
  ['SQLITE_BUSY', 'ERR_STORE_BUSY'],
  ['SQLITE_LOCKED', 'ERR_STORE_BUSY'],
  ['SQLITE_CORRUPT', 'ERR_STORE_CORRUPT'],
  ['SQLITE_NOTADB', 'ERR_STORE_CORRUPT'],
  // Our statements are correct and break no constraint of a healthy index, so these mean damage, too.
  ['SQLITE_CONSTRAINT', 'ERR_STORE_CORRUPT'],
  ['SQLITE_ERROR', 'ERR_STORE_CORRUPT'],
  ['SQLITE_FORMAT', 'ERR_STORE_CORRUPT'],
  ['SQLITE_MISMATCH', 'ERR_STORE_CORRUPT'],
  ['SQLITE_SCHEMA', 'ERR_STORE_CORRUPT'],
  ['SQLITE_IOERR_SHORT_READ', 'ERR_STORE_CORRUPT'],
  ['SQLITE_READONLY_DBMOVED', 'ERR_STORE_IO'],
  ['SQLITE_READONLY', 'ERR_STORE_READONLY'],
]

export function storeErrorOf(error: unknown, doing: string): StoreError {
  if (error instanceof StoreError) return error
  const code = errnoOf(error) ?? ''
  const message = `${doing}: ${messageOf(error)}`
  return new StoreError(codeOf(code), message, { cause: error })
}

/** What SQLite has not noticed, but cannot be. */
export const unsound = (finding: string): StoreError => new StoreError('ERR_STORE_CORRUPT', finding)

function codeOf(code: string): StoreErrorCode {
  if (code.startsWith('SQLITE_')) {
    return SQLITE.find(([prefix]) => code.startsWith(prefix))?.[1] ?? 'ERR_STORE_IO'
  }
  return isRefusal(code) ? 'ERR_STORE_READONLY' : 'ERR_STORE_IO'
}

/** Whether the file system refused to write here, as opposed to having failed. */
export function isRefusal(code: string | undefined): boolean {
  return code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
}

/** A database that is in order, but not one of ours; or one of another format. */
export class WrongIndex extends Error {
  readonly version: number
  constructor(path: string, version: number) {
    super(`${path} is not an index of format ${FORMAT}`)
    this.version = version
  }
}
