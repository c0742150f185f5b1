/**
 * A result as it travels: one blob that vouches for itself. Promises that what is opened was packed for this very call, by
 * somebody who knows the key if there is one, and that no byte is another. Knows no values: the payload is what a codec made.
 *
 *   16 bytes  magic "permafrost-res" 0x01 0x0a
 *    4 bytes  length of the header, unsigned, little-endian
 *   32 bytes  seal over the header: HMAC-SHA256 with the signing key, or plain SHA-256
 *    n bytes  header: JSON in UTF-8
 *    the rest the payload
 *
 * The header has the digests of the payload and of each leaf (large memory, in an object of its own), so the seal
 * is one over all of them.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

const MAGIC = Buffer.from('permafrost-res\x01\n', 'latin1')
const SEAL = 32
const PREFIX: number = MAGIC.length + 4 + SEAL
/** Bytes of a header at most. */
const LARGEST_HEADER = 1 << 20
/** Bytes in front of a payload at most. */
export const LONGEST_HEAD: number = PREFIX + LARGEST_HEADER

/** Bytes by their SHA-256 in hex. */
export interface Piece {
  readonly size: number
  readonly sha256: string
}

/** What travels with a result. Times in milliseconds, those since the epoch by the clock of whoever sent it. */
export interface Header {
  /** The key of its call. */
  readonly memo: string
  readonly codec: string
  readonly async: boolean
  /** Whether the call threw. */
  readonly threw: boolean
  readonly computeTime: number
  readonly createdAt: number
  readonly sentAt: number
  readonly expiresAt: number | null
  readonly payload: Piece
  readonly leaves: readonly Piece[]
  /** For people. */
  readonly about: About
}

/** Who computed a result, when, where and from what. */
export interface About {
  readonly name: string
  readonly by: string
  readonly host: string
  readonly pid: number
  readonly node: string
  readonly permafrost: string
  /** The run it was computed in, and which try it was. */
  readonly run?: string
  readonly attempt?: string
  /** The version that the user gave, or the digest of the code. */
  readonly code: string
  readonly commit?: string
  /** Versions by package. */
  readonly packages?: Readonly<Record<string, string>>
  readonly [more: string]: unknown
}

export type SigningKey = string | Uint8Array | undefined

/** Why what was got is not to be used. */
export type Refused = 'damaged' | 'unsigned' | 'of another call'

export interface Opened {
  readonly header: Header
  readonly payload: Buffer
}

export const pieceOf = (bytes: Uint8Array): Piece => ({ size: bytes.byteLength, sha256: sha256(bytes) })

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

export function pack(header: Header, payload: Uint8Array, key: SigningKey): Buffer {
  const text = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(text.length)
  return Buffer.concat([MAGIC, length, sealOf(text, key), text, payload])
}

/** Checks everything but the leaves, which are elsewhere. */
export function open(blob: Buffer, memo: string, key: SigningKey): Opened | Refused {
  const header = headerIn(blob, key)
  if (typeof header === 'string') return header
  if (header.memo !== memo) return 'of another call'
  const payload = blob.subarray(PREFIX + blob.readUInt32LE(MAGIC.length))
  return isPiece(payload, header.payload) ? { header, payload } : 'damaged'
}

/** How many of its first bytes are needed for its header; undefined for what is no result. At least 52 bytes are to be given. */
export const headLength = (blob: Buffer): number | undefined =>
  blob.length >= PREFIX && blob.subarray(0, MAGIC.length).equals(MAGIC)
    ? PREFIX + blob.readUInt32LE(MAGIC.length)
    : undefined

export function headerIn(blob: Buffer, key: SigningKey): Header | Refused {
  const text = headerText(blob)
  if (text === undefined) return 'damaged'
  // with a key, whoever does not have it cannot have made this
  if (!isSealed(blob, key)) return key === undefined ? 'damaged' : 'unsigned'
  return parsed(text) ?? 'damaged'
}

/** What a header says, whoever wrote it: to look at it, or to be careful with what it names. */
export function claimedIn(blob: Buffer): Header | undefined {
  const text = headerText(blob)
  return text && parsed(text)
}

/** Whether the header was sealed with this key, or without one. */
export function isSealed(blob: Buffer, key: SigningKey): boolean {
  const text = headerText(blob)
  return text !== undefined && timingSafeEqual(blob.subarray(MAGIC.length + 4, PREFIX), sealOf(text, key))
}

function headerText(blob: Buffer): Buffer | undefined {
  const length = headLength(blob)
  if (length === undefined || length > blob.length || length > LONGEST_HEAD) return undefined
  return blob.subarray(PREFIX, length)
}

function parsed(text: Buffer): Header | undefined {
  try {
    const header = JSON.parse(text.toString()) as Header
    return isHeader(header) ? header : undefined
  } catch {
    return undefined
  }
}

export const isPiece = (bytes: Uint8Array, piece: Piece): boolean =>
  bytes.byteLength === piece.size && sha256(bytes) === piece.sha256

const sealOf = (text: Uint8Array, key: SigningKey): Buffer =>
  (key === undefined ? createHash('sha256') : createHmac('sha256', key)).update(text).digest()

/** The last moment that has a date, in milliseconds since the epoch. */
const LAST = 8.64e15

/** A moment, or how long something took, in milliseconds. */
const isTime = (value: unknown): boolean => typeof value === 'number' && value >= 0 && value <= LAST
const isText = (value: unknown): boolean => typeof value === 'string'
const isFlag = (value: unknown): boolean => typeof value === 'boolean'
const isListed = (piece: Piece | null): boolean =>
  typeof piece === 'object' &&
  piece !== null &&
  Number.isSafeInteger(piece.size) &&
  piece.size >= 0 &&
  /^[0-9a-f]{64}$/.test(piece.sha256)

const isHeader = (one: Header | null): boolean =>
  typeof one === 'object' &&
  one !== null &&
  [one.memo, one.codec].every(isText) &&
  [one.async, one.threw].every(isFlag) &&
  [one.computeTime, one.createdAt, one.sentAt].every(isTime) &&
  (one.expiresAt === null || isTime(one.expiresAt)) &&
  isListed(one.payload) &&
  Array.isArray(one.leaves) &&
  one.leaves.every(isListed) &&
  typeof one.about === 'object' &&
  one.about !== null
