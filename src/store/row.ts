/**
 * What a row of the index holds: everything a hit needs, in one sealed run of bytes; a second column costs a hit more
 * than all of this. The seal is a digest over these bytes and the key, so that a flipped bit is a miss, never an
 * answer. The layout is in docs/format.md. Knows nothing of where rows come from.
 */
import type { Digest, Entry } from '../types.ts'
import { type Leaf, sizeOfLeaves } from './leaf.ts'

/** A code version of a function, and the inputs and state most of its entries have. */
export interface Version {
  readonly id: number
  readonly name: string
  readonly code: Digest
  readonly inputs: Digest
  readonly state: Digest
}

/** An entry and where its bytes are. */
export interface Found {
  readonly entry: Entry
  /** Name of the object file; undefined if the bytes are in the row. */
  readonly file: Digest | undefined
  /** What of the result is in files of leaves. */
  readonly leaves: readonly Leaf[]
  /** The bytes in the row, checked; undefined if only the object file has them. */
  readonly inline: Uint8Array | undefined
  /** All of the row; `inline` is its end. */
  readonly sealed: Buffer
}

/** A row about to be; its bytes are in the row, or else in a file. */
export interface NewRow extends Omit<Found, 'sealed' | 'leaves'> {
  readonly leaves?: readonly Leaf[] | undefined
  /** When nobody wants it any more, in milliseconds since the epoch. */
  readonly leavesAt?: number | undefined
  readonly footprint: number
  readonly score: number
}

/** A row of a list. */
export interface Located extends Found {
  readonly id: number
  readonly footprint: number
  readonly score: number
}

/** What is known of a row that leaves: its bytes are not read once more. */
export interface Leaving extends Pick<Located, 'id' | 'file' | 'footprint' | 'score'> {
  readonly key: Digest
  /** Of the function. */
  readonly name: string
}

export const leavingOf = ({ entry, file, footprint, id, score }: Located): Leaving => ({
  id,
  key: entry.key.digest,
  name: entry.key.name,
  file,
  footprint,
  score,
})

/** As SQLite gives a row of a list; of a damaged one, anything may be anything. */
export type RawRow = readonly [
  id: number,
  key: unknown,
  version: number,
  footprint: number,
  score: number,
  file: unknown,
  sealed: unknown,
]

export type Digester = (bytes: Uint8Array) => Digest

export const hexOf = (blob: Buffer): Digest => blob.toString('hex') as Digest
export const blobOf = (digest: Digest): Buffer => Buffer.from(digest, 'hex')

// Where things are. Numbers are doubles unless they are counts.
const DIGEST = 16
const ARGS = 16
const OBJECT = 32
const SIZE = 48
const COMPUTE_TIME = 56
const CREATED_AT = 64
const ACCESSED_AT = 72
const EXPIRES_AT = 80
const VERSION = 88
const HITS = 92
const FLAGS = 96
const CODEC_LENGTH = 100
const TAGS_LENGTH = 104
const HEAD = 108
// What is there, in the order in which it follows.
const HAS_INPUTS = 1
const HAS_STATE = 2
const HAS_FILE = 4
const IS_ASYNC = 8
const HAS_LEAVES = 16

/** Where SQL finds what lists are sorted by. */
export const PLACES: Readonly<Record<'size' | 'computeTime' | 'accessedAt' | 'hits', number>> = {
  size: SIZE,
  computeTime: COMPUTE_TIME,
  accessedAt: ACCESSED_AT,
  hits: HITS,
}

const MOST_HITS = 2 ** 32 - 1
// The bytes of a result start at a multiple of this.
const ALIGNMENT = 8
// Of each leaf its file and its size; before them all, how many there are.
const LEAF = DIGEST + 8
const COUNT = 8

/** The row of an entry. Its inputs and state are left out where they equal those of the version's first entry. */
export function seal(
  { entry, file, inline, leaves }: Omit<Found, 'sealed'>,
  version: Version,
  digest: Digester,
): Buffer {
  const { key, tags } = entry
  const written = tags.length === 0 ? '' : JSON.stringify(tags)
  const codecLength = Buffer.byteLength(entry.codec)
  const tagsLength = Buffer.byteLength(written)
  const hasInputs = key.inputs !== version.inputs
  const hasState = key.state !== version.state
  const digests = (hasInputs ? DIGEST : 0) + (hasState ? DIGEST : 0) + (file === undefined ? 0 : DIGEST)
  const listed = leaves.length === 0 ? 0 : COUNT + leaves.length * LEAF
  const start = aligned(HEAD + digests + codecLength + tagsLength) + listed
  const sealed = Buffer.allocUnsafe(start + (inline?.byteLength ?? 0))
  sealed.write(key.args + entry.object, ARGS, 'hex')
  sealed.writeDoubleLE(entry.size, SIZE)
  sealed.writeDoubleLE(entry.computeTime, COMPUTE_TIME)
  sealed.writeDoubleLE(entry.createdAt, CREATED_AT)
  sealed.writeDoubleLE(entry.expiresAt ?? Number.POSITIVE_INFINITY, EXPIRES_AT)
  sealed.writeUInt32LE(version.id, VERSION)
  sealed.writeUInt32LE(
    (hasInputs ? HAS_INPUTS : 0) +
      (hasState ? HAS_STATE : 0) +
      (file === undefined ? 0 : HAS_FILE) +
      (entry.async ? IS_ASYNC : 0) +
      (listed > 0 ? HAS_LEAVES : 0),
    FLAGS,
  )
  sealed.writeUInt32LE(codecLength, CODEC_LENGTH)
  sealed.writeUInt32LE(tagsLength, TAGS_LENGTH)
  let at = HEAD
  if (hasInputs) at += sealed.write(key.inputs, at, 'hex')
  if (hasState) at += sealed.write(key.state, at, 'hex')
  if (file !== undefined) at += sealed.write(file, at, 'hex')
  at += sealed.write(entry.codec, at)
  if (tagsLength > 0) at += sealed.write(written, at)
  sealed.fill(0, at, start - listed)
  if (listed > 0) writeLeaves(sealed, start - listed, leaves)
  if (inline !== undefined) sealed.set(inline, start)
  return reseal(sealed, entry, digest)
}

/** The same row after hits. */
export function reseal(sealed: Buffer, { accessedAt, hits, key }: Entry, digest: Digester): Buffer {
  sealed.writeDoubleLE(accessedAt, ACCESSED_AT)
  sealed.writeUInt32LE(Math.min(hits, MOST_HITS), HITS)
  sealed.write(key.digest, 0, 'hex')
  sealed.write(digest(sealed), 0, 'hex')
  return sealed
}

/** What a row means, or undefined if it is not a row of this call, sound in every bit. The key is given twice. */
export function unseal(
  sealed: unknown,
  key: Digest,
  blob: Buffer,
  versionWithId: (id: number) => Version | undefined,
  digest: Digester,
): Found | undefined {
  // SQLite stores any type in any column.
  if (!(sealed instanceof Buffer) || sealed.byteLength < HEAD) return undefined
  // one call for three digests
  const digests = sealed.toString('hex', 0, SIZE)
  sealed.set(blob, 0)
  if (digest(sealed) !== digests.slice(0, 2 * ARGS)) return undefined
  const version = versionWithId(sealed.readUInt32LE(VERSION))
  if (version === undefined) return undefined
  const flags = sealed.readUInt32LE(FLAGS)
  let at = HEAD
  const next = (has: number): Digest | undefined => {
    if ((flags & has) === 0) return undefined
    at += DIGEST
    return sealed.toString('hex', at - DIGEST, at) as Digest
  }
  const inputs = next(HAS_INPUTS) ?? version.inputs
  const state = next(HAS_STATE) ?? version.state
  const file = next(HAS_FILE)
  const codecEnd = at + sealed.readUInt32LE(CODEC_LENGTH)
  const codec = sealed.toString('utf8', at, codecEnd)
  const tagsEnd = codecEnd + sealed.readUInt32LE(TAGS_LENGTH)
  const tags = tagsEnd === codecEnd ? [] : JSON.parse(sealed.toString('utf8', codecEnd, tagsEnd))
  const expiresAt = sealed.readDoubleLE(EXPIRES_AT)
  const facts: Entry = {
    key: {
      name: version.name,
      code: version.code,
      args: digests.slice(2 * ARGS, 2 * OBJECT) as Digest,
      inputs,
      state,
      digest: key,
    },
    object: digests.slice(2 * OBJECT) as Digest,
    size: sealed.readDoubleLE(SIZE),
    computeTime: sealed.readDoubleLE(COMPUTE_TIME),
    hits: sealed.readUInt32LE(HITS),
    createdAt: sealed.readDoubleLE(CREATED_AT),
    accessedAt: sealed.readDoubleLE(ACCESSED_AT),
    codec,
    async: (flags & IS_ASYNC) !== 0,
    tags,
  }
  const entry = expiresAt === Number.POSITIVE_INFINITY ? facts : { ...facts, expiresAt }
  const start = aligned(tagsEnd)
  if (file === undefined) return { entry, file, inline: sealed.subarray(start), leaves: NONE, sealed }
  if ((flags & HAS_LEAVES) === 0) return { entry, file, inline: undefined, leaves: NONE, sealed }
  const leaves = readLeaves(sealed, start)
  const rest = sealed.subarray(start + COUNT + leaves.length * LEAF)
  const isThere = rest.byteLength === entry.size - sizeOfLeaves(leaves)
  return { entry, file, inline: isThere ? rest : undefined, leaves, sealed }
}

const NONE: readonly Leaf[] = []

function writeLeaves(sealed: Buffer, start: number, leaves: readonly Leaf[]): void {
  let at = sealed.writeDoubleLE(leaves.length, start)
  for (const { file, size } of leaves) {
    sealed.write(file, at, 'hex')
    at = sealed.writeDoubleLE(size, at + DIGEST)
  }
}

function readLeaves(sealed: Buffer, start: number): Leaf[] {
  return Array.from({ length: sealed.readDoubleLE(start) }, (_, place) => {
    const at = start + COUNT + place * LEAF
    return {
      file: sealed.toString('hex', at, at + DIGEST) as Digest,
      size: sealed.readDoubleLE(at + DIGEST),
    }
  })
}

const aligned = (length: number): number => Math.ceil(length / ALIGNMENT) * ALIGNMENT
