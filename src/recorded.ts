/**
 * What a call was seen to read while it was computed, for `inputs: 'auto'`: which files and environment variables, and in which
 * version. It lies in front of the result's bytes, behind those of a recorded stream, so that it is sealed, stored and lost with
 * them, and is checked before each answer. The key cannot know it; so of one key there is one result, the last.
 */
import { type Dirent, lstatSync, readdirSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import { present, versionOf } from './freeze/content.ts'
import { digestBytes } from './freeze/digest.ts'

/**
 * What was read: the content of a file; the names in a folder, or in all below it; what `stat` tells; whether something is there;
 * where a link leads; an environment variable; all of them.
 */
export type ReadKind =
  | 'content'
  | 'names'
  | 'tree'
  | 'stat'
  | 'lstat'
  | 'exists'
  | 'link'
  | 'variable'
  | 'environment'

export interface Read {
  readonly kind: ReadKind
  /** A path as it was given, so that a relative one is looked for from where a later call is; or the name of a variable. */
  readonly name: string
}

export type Recorded = Read & { readonly version: string }

let unstable = 0

/**
 * The version of what is read, now. Never throws: that it cannot be read is a version, too. What is no file (a pipe, a device) has
 * another one each time.
 */
export function versionNow({ kind, name }: Read): string {
  try {
    return READERS[kind](name)
  } catch (error) {
    return `unreadable: ${(error as NodeJS.ErrnoException).code ?? ++unstable}`
  }
}

const READERS: Readonly<Record<ReadKind, (name: string) => string>> = {
  content: (path) => (present(() => statSync(path))?.isDirectory() === true ? 'a folder' : versionOf(path)),
  names: (path) => listed(readdirSync(path, { withFileTypes: true })),
  tree: (path) => listed(readdirSync(path, { withFileTypes: true, recursive: true })),
  stat: (path) => stated(statSync(path, { bigint: true })),
  lstat: (path) => stated(lstatSync(path, { bigint: true })),
  exists: (path) => String(statSync(path).mode),
  link: (path) => `${realpathSync(path)} ${lstatSync(path).isSymbolicLink() ? readlinkSync(path) : ''}`,
  variable: (name) => JSON.stringify(process.env[name]) ?? 'none',
  environment: () => digestBytes(Buffer.from(JSON.stringify(Object.entries(process.env).sort()))),
}

function listed(entries: readonly Dirent[]): string {
  const kinds = (entry: Dirent): string =>
    `${entry.isDirectory() ? 'd' : entry.isFile() ? 'f' : entry.isSymbolicLink() ? 'l' : 'o'}`
  const lines = entries.map((entry) => JSON.stringify([entry.parentPath, entry.name, kinds(entry)])).sort()
  return digestBytes(Buffer.from(lines.join('\n')))
}

/** All but the times of access, which reading changes. */
const stated = (stats: import('node:fs').BigIntStats): string =>
  [
    stats.dev,
    stats.ino,
    stats.mode,
    stats.nlink,
    stats.uid,
    stats.gid,
    stats.size,
    stats.mtimeNs,
    stats.ctimeNs,
  ].join(' ')

/** The names of what has another version by now. */
export function changedSince(recorded: readonly Recorded[]): readonly string[] {
  return recorded.filter((one) => versionNow(one) !== one.version).map(nameOf)
}

/** Whether it is more of a file than its content: its times, its owner, where it leads. */
export const isBesideContent = (kind: ReadKind): boolean =>
  kind === 'stat' || kind === 'lstat' || kind === 'link'

/** Whether it depends on the current directory which file it is. */
export const isRelative = ({ kind, name }: Read): boolean =>
  kind !== 'variable' && kind !== 'environment' && !isAbsolute(name)

/** As it is called among input files. */
export function nameOf({ kind, name }: Read): string {
  if (kind === 'variable') return `process.env.${name}`
  if (kind === 'environment') return 'process.env'
  return isBesideContent(kind) ? `${kind} of ${name}` : name
}

/** Names told at most. */
const MOST_NAMES = 5

export const inWords = (names: readonly string[]): string => names.slice(0, MOST_NAMES).join(', ')

/** What a result's codec is called whose bytes begin with what was read. */
export const withReads = (codec: string): string => codec + READS

const READS = '+inputs'

/** The codec of such a name, and whether it was one. */
export function withoutReads(name: string): { readonly base: string; readonly hasReads: boolean } {
  const hasReads = name.endsWith(READS)
  return { base: hasReads ? name.slice(0, -READS.length) : name, hasReads }
}

/** Bytes of a result behind what was read: its length (4 bytes, little-endian), JSON, and blanks up to a multiple of 8. */
export function sealed(recorded: readonly Recorded[], bytes: Uint8Array): Uint8Array {
  const text = written(recorded)
  const start = startOf(text.length)
  const whole = Buffer.alloc(start + bytes.length, ' ')
  whole.writeUInt32LE(text.length, 0)
  text.copy(whole, 4)
  whole.set(bytes, start)
  return whole
}

const startOf = (length: number): number => Math.ceil((4 + length) / 8) * 8

export interface Opened {
  readonly recorded: readonly Recorded[]
  readonly bytes: Uint8Array
}

/** The two parts again, undefined for anything else. */
export function opened(whole: Uint8Array): Opened | undefined {
  if (whole.length < 4) return undefined
  const length = new DataView(whole.buffer, whole.byteOffset).getUint32(0, true)
  if (startOf(length) > whole.length) return undefined
  const recorded = listIn(whole.subarray(4, 4 + length))
  return recorded && { recorded, bytes: whole.subarray(startOf(length)) }
}

/** What was read, to follow a result of which nobody knew it before its end: JSON, then its length (4 bytes, little-endian). */
export function trailer(recorded: readonly Recorded[]): Uint8Array {
  const text = written(recorded)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(text.length)
  return Buffer.concat([text, length])
}

/** What bytes are read from. */
interface Source {
  readonly size: number
  read(into: Uint8Array, start: number): number
}

/** What follows a result, undefined if it is no such thing. Throws what reading throws. */
export function readTrailer({ read, size }: Source): readonly Recorded[] | undefined {
  const part = (start: number, end: number): Buffer | undefined => {
    if (start < 0) return undefined
    const bytes = Buffer.alloc(end - start)
    for (let at = 0; at < bytes.length; ) {
      const count = read(bytes.subarray(at), start + at)
      if (count === 0) return undefined
      at += count
    }
    return bytes
  }
  const end = size - 4
  const length = part(end, size)?.readUInt32LE()
  const text = length === undefined ? undefined : part(end - length, end)
  return text && listIn(text)
}

const written = (recorded: readonly Recorded[]): Buffer =>
  Buffer.from(JSON.stringify(recorded.map(({ kind, name, version }) => [kind, name, version])))

/** What comes from elsewhere may be anything. */
const isRecorded = (one: Readonly<Record<keyof Recorded, unknown>>): one is Recorded =>
  Object.hasOwn(READERS, String(one.kind)) && typeof one.name === 'string' && typeof one.version === 'string'

function listIn(text: Uint8Array): readonly Recorded[] | undefined {
  try {
    const listed = JSON.parse(
      Buffer.from(text.buffer, text.byteOffset, text.length).toString(),
    ) as unknown[][]
    const recorded = listed.map(([kind, name, version]) => ({ kind, name, version }))
    return recorded.every(isRecorded) ? recorded : undefined
  } catch {
    return undefined
  }
}
