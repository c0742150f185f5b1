/**
 * One row of the index, as SQLite gives it, and the entry it means. Each row carries a seal over what a hit depends
 * on, so that a flipped bit in the index is a miss, never an answer. Knows nothing of where rows come from.
 */
import { crc32 } from 'node:zlib'
import type { Digest, Entry } from '../types.ts'

export interface Row {
  readonly id: number
  readonly key: Buffer
  readonly version: number
  readonly args: Buffer
  readonly inputs: Buffer | null
  readonly state: Buffer | null
  readonly object: Buffer
  readonly file: Buffer | null
  readonly size: number
  readonly footprint: number
  readonly computeTime: number
  readonly hits: number
  readonly createdAt: number
  readonly accessedAt: number
  readonly expiresAt: number | null
  readonly codec: string
  readonly async: number
  readonly tags: string | null
  readonly score: number
  readonly seal: number
  readonly bytes: Buffer | null
}

/** The same, as SQLite gives it. */
export type RawRow = readonly [
  id: number,
  key: Buffer,
  version: number,
  args: Buffer,
  inputs: Buffer | null,
  state: Buffer | null,
  object: Buffer,
  file: Buffer | null,
  size: number,
  footprint: number,
  compute_time: number,
  hits: number,
  created_at: number,
  accessed_at: number,
  expires_at: number | null,
  codec: string,
  async: number,
  tags: string | null,
  score: number,
  seal: number,
  bytes?: Buffer | null,
]

export function rowOf(raw: RawRow): Row {
  return {
    id: raw[0],
    key: raw[1],
    version: raw[2],
    args: raw[3],
    inputs: raw[4],
    state: raw[5],
    object: raw[6],
    file: raw[7],
    size: raw[8],
    footprint: raw[9],
    computeTime: raw[10],
    hits: raw[11],
    createdAt: raw[12],
    accessedAt: raw[13],
    expiresAt: raw[14],
    codec: raw[15],
    async: raw[16],
    tags: raw[17],
    score: raw[18],
    seal: raw[19],
    bytes: raw[20] ?? null,
  }
}

/** A code version of a function, and the inputs and state most of its entries have. */
export interface Version {
  readonly id: number
  readonly name: string
  readonly code: Digest
  readonly inputs: Digest
  readonly state: Digest
}

/** An entry and where its bytes are. */
export interface Located {
  readonly id: number
  readonly entry: Entry
  readonly footprint: number
  readonly score: number
  /** Name of the object file; undefined if the bytes are in the row. */
  readonly file: Digest | undefined
  /** The bytes in the row, if they were asked for. */
  readonly inline: Uint8Array | undefined
}

export const hexOf = (blob: Buffer): Digest => blob.toString('hex') as Digest
export const blobOf = (digest: Digest): Buffer => Buffer.from(digest, 'hex')

/** What the seal covers: whatever decides which value a hit returns, and how. */
export interface Sealed {
  readonly key: Digest
  readonly object: Digest
  readonly file: Digest | undefined
  readonly size: number
  readonly createdAt: number
  readonly expiresAt: number | undefined
  readonly codec: string
  readonly async: boolean
  readonly tags: string | null
}

export function sealOf(sealed: Sealed): number {
  const { key, object, file = '', size, createdAt, expiresAt = '', codec, async, tags } = sealed
  return crc32(
    `${key} ${object} ${file} ${size} ${createdAt} ${expiresAt} ${codec} ${async ? 1 : 0} ${tags ?? ''}`,
  )
}

/** SQLite stores any type in any column, and the seal is over text: a damaged type can look the same. */
function isTyped(row: Row): boolean {
  return (
    typeof row.codec === 'string' &&
    (row.tags === null || typeof row.tags === 'string') &&
    (row.expiresAt === null || typeof row.expiresAt === 'number') &&
    typeof row.size === 'number' &&
    typeof row.footprint === 'number' &&
    typeof row.computeTime === 'number' &&
    typeof row.hits === 'number' &&
    typeof row.createdAt === 'number' &&
    typeof row.accessedAt === 'number' &&
    typeof row.async === 'number' &&
    typeof row.score === 'number'
  )
}

/** The entry a row means, or undefined if the row is damaged. */
export function readRow(row: Row, version: Version | undefined): Located | undefined {
  try {
    if (version === undefined || !isTyped(row)) return undefined
    const file = row.file === null ? undefined : hexOf(row.file)
    const expiresAt = row.expiresAt ?? undefined
    const entry: Entry = {
      key: {
        name: version.name,
        code: version.code,
        args: hexOf(row.args),
        inputs: row.inputs === null ? version.inputs : hexOf(row.inputs),
        state: row.state === null ? version.state : hexOf(row.state),
        digest: hexOf(row.key),
      },
      object: hexOf(row.object),
      size: row.size,
      computeTime: row.computeTime,
      hits: row.hits,
      createdAt: row.createdAt,
      accessedAt: row.accessedAt,
      ...(expiresAt === undefined ? undefined : { expiresAt }),
      codec: row.codec,
      async: row.async === 1,
      tags: row.tags === null ? [] : JSON.parse(row.tags),
    }
    const { createdAt, codec, async, size, object } = entry
    const sealed = {
      key: entry.key.digest,
      object,
      file,
      size,
      createdAt,
      expiresAt,
      codec,
      async,
      tags: row.tags,
    }
    if (sealOf(sealed) !== row.seal) return undefined
    return {
      id: row.id,
      entry,
      footprint: row.footprint,
      score: row.score,
      file,
      inline: row.bytes ?? undefined,
    }
  } catch {
    return undefined
  }
}
