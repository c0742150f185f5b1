/**
 * Entries as one file, to carry them elsewhere: each as an object file would hold it, one after the other. Promises to
 * hold one result in memory at a time, to write the file whole or not at all, and to believe nothing that is read but
 * what its digests vouch for. The layout is in docs/format.md.
 */
import { setImmediate } from 'node:timers/promises'
import { StoreError } from '../errors.ts'
import type { Digest, Entry, ExportReport, ImportReport, Watch } from '../types.ts'
import type { NewEntry, Selection, Stored } from './contract.ts'
import { storeErrorOf } from './failure.ts'
import { type FileSystem, readFully, removeIfPossible, writeFully } from './files.ts'
import { decodeHeader, encodeHeader, headerLength, type ObjectHeader, PREFIX, payloadSize } from './header.ts'
import { aboutOf } from './intake.ts'
import { leafOf, objectOf } from './leaf.ts'
import { newWriterId } from './writer.ts'

const MAGIC = Buffer.from('permafrost-exp\x01\n', 'latin1')
const DIGEST = 16
/** In the place of the digest of a header, before the number of entries. */
const END = Buffer.alloc(DIGEST)
// Entries between two looks at what else there is to do.
const SLICE = 50

/** The part of a store used here. */
export interface Source {
  readonly fs: FileSystem
  readonly digest: (bytes: Uint8Array) => Digest
  readonly clock: () => number
  find(key: Digest): Entry | undefined
  read(entry: Entry): Stored | undefined
  put(entry: NewEntry, stored: Stored): Entry | undefined
  entries(selection: Selection): Iterable<Entry>
  sum(selection: Selection): { readonly entries: number }
}

/** Writes the entries that are selected and have not expired. Throws the signal's reason once that is aborted. */
export async function exportTo(
  path: string,
  selection: Selection,
  source: Source,
  { onProgress, signal }: Watch,
): Promise<ExportReport> {
  signal?.throwIfAborted()
  const { clock, digest, fs } = source
  const total = onProgress === undefined ? 0 : source.sum(selection).entries
  const partial = `${path}.${newWriterId()}.partial`
  let entries = 0
  let bytes = 0
  try {
    const fd = fs.openSync(partial, 'wx')
    try {
      writeFully(fs, fd, MAGIC)
      for (const entry of source.entries(selection)) {
        if (entry.expiresAt !== undefined && entry.expiresAt <= clock()) continue
        const stored = source.read(entry)
        if (stored === undefined) continue
        const leaves = stored.leaves.map((leaf) => leafOf(leaf, digest))
        const { head, named } = encodeHeader({
          ...aboutOf(entry),
          ...(leaves.length > 0 && { leaves }),
          serial: `${entries}`,
        })
        writeFully(fs, fd, Buffer.concat([Buffer.from(digest(named), 'hex'), head]))
        for (const part of [stored.bytes, ...stored.leaves]) writeFully(fs, fd, part)
        entries += 1
        bytes += entry.size
        if (entries % SLICE !== 0) continue
        onProgress?.(entries, Math.max(entries, total))
        await setImmediate()
        signal?.throwIfAborted()
      }
      const end = Buffer.alloc(DIGEST + 8)
      end.writeBigUInt64LE(BigInt(entries), END.copy(end))
      writeFully(fs, fd, end)
      fs.fsyncSync(fd)
    } finally {
      fs.closeSync(fd)
    }
    fs.renameSync(partial, path)
  } catch (error) {
    removeIfPossible(fs, partial)
    if (signal?.aborted) throw error
    throw storeErrorOf(error, `exporting to ${path}`)
  }
  return { entries, bytes }
}

/** Puts each entry that is not there yet and has not expired. What was read before damage was met stays. */
export async function importFrom(
  path: string,
  source: Source,
  { onProgress, signal }: Watch,
): Promise<ImportReport> {
  const count = { imported: 0, present: 0, expired: 0, refused: 0 }
  try {
    const { fs } = source
    const fd = fs.openSync(path, 'r')
    try {
      const { size } = fs.fstatSync(fd)
      let seen = 0
      for (const { end, header, payload } of records(path, fd, source)) {
        if (signal?.aborted) break
        count[take(header, payload, source)] += 1
        if (++seen % SLICE !== 0) continue
        onProgress?.(end, size)
        await setImmediate()
      }
    } finally {
      fs.closeSync(fd)
    }
  } catch (error) {
    throw storeErrorOf(error, `importing ${path}`)
  }
  return count
}

function take(header: ObjectHeader, payload: () => Stored, source: Source): keyof ImportReport {
  const { codec, async, computeTime, createdAt, expiresAt, key, tags } = header
  if (expiresAt !== undefined && expiresAt <= source.clock()) return 'expired'
  if (source.find(key.digest) !== undefined) return 'present'
  const put = source.put(
    {
      key,
      computeTime,
      createdAt,
      ...(expiresAt !== undefined && { expiresAt }),
      codec,
      async,
      tags,
      keepVersions: Number.POSITIVE_INFINITY,
    },
    payload(),
  )
  return put === undefined ? 'refused' : 'imported'
}

interface Exported {
  readonly header: ObjectHeader
  /** Reads and checks it. */
  readonly payload: () => Stored
  /** Where in the file the next one begins. */
  readonly end: number
}

function* records(path: string, fd: number, { digest, fs }: Source): Generator<Exported> {
  const length = fs.fstatSync(fd).size
  const damaged = (what: string): StoreError => new StoreError('ERR_STORE_CORRUPT', `${path}: ${what}`)
  let at = 0
  const next = (size: number): Buffer => {
    if (at + size > length) throw damaged('it is cut short')
    const bytes = Buffer.allocUnsafeSlow(size)
    if (!readFully(fs, fd, bytes, at)) throw damaged('it is cut short')
    at += size
    return bytes
  }
  if (length < MAGIC.byteLength || !next(MAGIC.byteLength).equals(MAGIC)) {
    throw new StoreError('ERR_STORE_FOREIGN', `${path} was not exported by permafrost`)
  }
  for (let seen = 0; ; seen++) {
    const vouched = next(DIGEST)
    if (vouched.equals(END)) {
      if (next(8).readBigUInt64LE() !== BigInt(seen) || at !== length) throw damaged('entries are missing')
      return
    }
    const size = headerLength(next(PREFIX))
    if (size === undefined) throw damaged(`entry ${seen + 1} is damaged`)
    const named = next(size)
    const header = digest(named) === vouched.toString('hex') ? decodeHeader(named) : undefined
    if (header === undefined) throw damaged(`entry ${seen + 1} is damaged`)
    const start = at
    const payload = (): Stored => {
      at = start
      const bytes = next(payloadSize(header))
      const listed = header.leaves ?? []
      const leaves = listed.map(({ size }) => next(size))
      const isSound =
        objectOf(bytes, listed, digest) === header.object &&
        listed.every(({ file }, place) => digest(leaves[place]!) === file)
      if (!isSound) throw damaged(`the result of entry ${seen + 1} is damaged`)
      return { bytes, leaves }
    }
    const end = start + header.size
    yield { header, payload, end }
    at = end
  }
}
