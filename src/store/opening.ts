/**
 * Gets an index to work with, whatever state the directory is in: an index that is broken or not ours is set aside,
 * never deleted, and a fresh one made; a directory that must not be written to is read without leaving a trace.
 */
import { constants, copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { messageOf, StoreError } from '../errors.ts'
import { emit } from '../events.ts'
import { EntryIndex } from './entry-index.ts'
import { storeErrorOf, WrongIndex } from './failure.ts'
import { errnoOf, type FileSystem, namesIn } from './files.ts'
import type { Layout } from './layout.ts'
import { replacing, sleep } from './maintenance.ts'
import type { Digester } from './row.ts'

export interface OpenedIndex {
  readonly index: EntryIndex
  /** Identifies the index file, to notice that somebody has replaced it; undefined for a copy. */
  readonly inode: bigint | undefined
  /** Where a broken index was put, whose sound rows are worth salvaging. */
  readonly aside?: string
  /** Removes what opening left behind, after the index is closed. */
  readonly tidy: () => void
}

export interface Opening {
  readonly fs: FileSystem
  readonly layout: Layout
  readonly synced: boolean
  readonly digest: Digester
  /** Told of a damaged index. */
  readonly onError: (error: StoreError) => void
}

// Eight processes opening a new directory at once want the same locks; SQLite does not wait for all of them itself.
const ATTEMPTS = 400
const PAUSE = 25

function patiently<T>(work: () => T): T {
  for (let attempt = 1; ; attempt++) {
    try {
      return work()
    } catch (error) {
      const busy = storeErrorOf(error, '').code === 'ERR_STORE_BUSY'
      // A log or lock file that vanishes between two looks at it is another process closing.
      const passing = /^SQLITE_(?:CANTOPEN|IOERR)/.test(errnoOf(error) ?? '') && attempt < 20
      if (!(busy || passing) || attempt === ATTEMPTS) throw error
      sleep(PAUSE)
    }
  }
}

/** Identifies the file at the index's path. */
export function inodeOf(layout: Layout, fs: FileSystem): bigint | undefined {
  return fs.statSync(layout.index, { throwIfNoEntry: false, bigint: true })?.ino
}

const isBroken = (error: unknown): boolean =>
  error instanceof WrongIndex || storeErrorOf(error, '').code === 'ERR_STORE_CORRUPT'

/** Opens the index for writing, a fresh one if need be. `broken` is where the caller has put a broken one. */
export function openIndex(opening: Opening, broken?: string): OpenedIndex {
  const { digest, fs, layout, synced, onError } = opening
  const open = (): EntryIndex =>
    patiently(() => new EntryIndex(layout.index, { readonly: false, synced, digest }))
  let aside = broken
  for (let attempt = 1; ; attempt++) {
    const found = inodeOf(layout, fs)
    try {
      const index = open()
      const opened = { index, inode: inodeOf(layout, fs), tidy: () => undefined }
      return aside === undefined ? opened : { ...opened, aside }
    } catch (error) {
      if (!isBroken(error) || attempt === 3) throw error
      aside = setAside(opening, found, messageOf(error))
      onError(
        new StoreError('ERR_STORE_CORRUPT', 'the index was damaged; it is set aside and built anew', {
          cause: error,
        }),
      )
    }
  }
}

/** Renames the index, unless somebody has already: `found` is the inode of the broken one. Returns its new path. */
export function setAside(
  { fs, layout }: Pick<Opening, 'fs' | 'layout'>,
  found: bigint | undefined,
  because: string,
): string | undefined {
  return replacing(layout, () => {
    if (inodeOf(layout, fs) !== found) return undefined
    for (const name of namesIn(fs, layout.directory)) {
      // one damaged index is evidence, two are a leak
      if (name.startsWith('index.sqlite.damaged-')) fs.rmSync(join(layout.directory, name), { force: true })
    }
    const aside = `${layout.index}.damaged-${Date.now()}`
    // The log first: a fresh index must never meet the old log.
    for (const suffix of ['-wal', '-shm', '']) {
      try {
        fs.renameSync(layout.index + suffix, aside + suffix)
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT') throw error
      }
    }
    emit('recovered', () => ({ directory: layout.directory, setAside: aside, because }))
    return aside
  })
}

// Up to here, a closed index is read into memory; a larger one is copied to the system's temporary directory.
const LARGEST_IMAGE = 256 * 2 ** 20

/**
 * Opens the index without touching the directory. SQLite reads a database in WAL mode only beside its two helper
 * files. If they are there, a writer is at work (or died), and SQLite is right to use them; if not, it would create
 * them, so we read a copy: in memory and marked as not using WAL, or beside the system's other temporary files.
 */
export function openReadonly({ digest, fs, layout, onError }: Opening): OpenedIndex {
  const names = namesIn(fs, layout.directory)
  const has = (suffix: string): boolean => names.includes(`index.sqlite${suffix}`)
  try {
    if (has('') && has('-wal') && has('-shm')) {
      const index = patiently(() => new EntryIndex(layout.index, { readonly: true, synced: false, digest }))
      return { index, inode: undefined, tidy: () => undefined }
    }
    if (has('')) {
      const { size } = fs.statSync(layout.index)
      return has('-wal') || size > LARGEST_IMAGE
        ? openCopy(layout, has('-wal'), digest)
        : openImage(fs, layout, digest)
    }
  } catch (error) {
    if (!isBroken(error)) throw error
    onError(
      new StoreError('ERR_STORE_CORRUPT', 'the index is damaged; what the objects tell is read', {
        cause: error,
      }),
    )
  }
  return {
    index: new EntryIndex(':memory:', { readonly: false, synced: false, digest }),
    inode: undefined,
    tidy: () => undefined,
  }
}

function openImage(fs: FileSystem, layout: Layout, digest: Digester): OpenedIndex {
  const image = fs.readFileSync(layout.index)
  // Bytes 18 and 19 say that the database uses WAL (2) or not (1); https://sqlite.org/fileformat.html#the_database_header
  if (image.byteLength > 19) image.fill(1, 18, 20)
  return {
    index: new EntryIndex(image, { readonly: true, synced: false, digest }),
    inode: undefined,
    tidy: () => undefined,
  }
}

function openCopy(layout: Layout, withLog: boolean, digest: Digester): OpenedIndex {
  const directory = mkdtempSync(join(tmpdir(), 'permafrost-'))
  const tidy = (): void => rmSync(directory, { recursive: true, force: true })
  try {
    const path = join(directory, 'index.sqlite')
    // where the file system can, without copying a byte
    copyFileSync(layout.index, path, constants.COPYFILE_FICLONE)
    if (withLog) copyFileSync(`${layout.index}-wal`, `${path}-wal`, constants.COPYFILE_FICLONE)
    return { index: new EntryIndex(path, { readonly: false, synced: false, digest }), inode: undefined, tidy }
  } catch (error) {
    tidy()
    throw error
  }
}
