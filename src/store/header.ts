/**
 * What an object file says about itself, so that the index can be rebuilt from the files alone:
 *
 *   16 bytes  magic "permafrost-obj" 0x01 0x0a
 *    4 bytes  length of the header, unsigned, little-endian
 *    n bytes  header: JSON in UTF-8, padded with spaces so that the payload starts at a multiple of 64
 *    the rest the payload
 *
 * The file's name is the digest of the header, and the header holds the digest of the payload: a name vouches for
 * every byte behind it, those of its leaves included. A writer's serial number in the header makes each name unique, so that removing a file
 * can never remove what somebody else has just written for the same call.
 */
import type { CallKey, Digest } from '../types.ts'
import { type Leaf, sizeOfLeaves } from './leaf.ts'

export interface ObjectHeader {
  readonly key: CallKey
  /** Of the payload; if there are leaves, see `objectOf`. */
  readonly object: Digest
  /** Of the payload and the leaves. */
  readonly size: number
  readonly computeTime: number
  readonly createdAt: number
  readonly expiresAt?: number
  readonly codec: string
  readonly async: boolean
  readonly tags: readonly string[]
  /** What is beside the payload, in files of its own; absent for none. */
  readonly leaves?: readonly Leaf[]
  /** Unique to this file. */
  readonly serial: string
}

const MAGIC = Buffer.from('permafrost-obj\x01\n', 'latin1')
/** Bytes before the header. */
export const PREFIX: number = MAGIC.byteLength + 4
/** No header is longer. */
export const LARGEST_HEADER: number = 2 ** 24
// Typed arrays over the payload of a mapped file want an aligned start.
const ALIGNMENT = 64

/** Bytes in the object file itself, behind the header. */
export const payloadSize = ({ leaves, size }: ObjectHeader): number => size - sizeOfLeaves(leaves ?? [])

/**
 * The bytes before the payload; `named` are those whose digest names the file.
 * @param atLeast so many bytes, a multiple of 64
 */
export function encodeHeader(
  header: ObjectHeader,
  atLeast = 0,
): { readonly head: Buffer; readonly named: Buffer } {
  const json = Buffer.from(JSON.stringify(header), 'utf8')
  const length = Math.max(atLeast, Math.ceil((PREFIX + json.byteLength) / ALIGNMENT) * ALIGNMENT)
  const head = Buffer.allocUnsafeSlow(length).fill(' ')
  MAGIC.copy(head)
  head.writeUInt32LE(length - PREFIX, MAGIC.byteLength)
  json.copy(head, PREFIX)
  return { head, named: head.subarray(PREFIX) }
}

/** How long the header is that follows these first bytes of a file, or undefined if they are not ours or no header is. */
export function headerLength(prefix: Buffer): number | undefined {
  if (prefix.byteLength < PREFIX || !prefix.subarray(0, MAGIC.byteLength).equals(MAGIC)) return undefined
  const length = prefix.readUInt32LE(MAGIC.byteLength)
  return length <= LARGEST_HEADER ? length : undefined
}

const HEX = /^[0-9a-f]{32}$/
const isDigest = (value: unknown): boolean => typeof value === 'string' && HEX.test(value)
const isLeaf = (value: Leaf | null): boolean =>
  isDigest(value?.file) && Number.isSafeInteger(value?.size) && value!.size >= 0
const isNumber = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value)

/** The header in these bytes, or undefined if they hold none. Its digest has been checked against the file's name. */
export function decodeHeader(named: Buffer): ObjectHeader | undefined {
  let header: ObjectHeader
  try {
    header = JSON.parse(named.toString('utf8'))
  } catch {
    return undefined
  }
  const key = header?.key
  const sound =
    typeof key?.name === 'string' &&
    [key.code, key.args, key.inputs, key.state, key.digest, header.object].every(isDigest) &&
    [header.size, header.computeTime, header.createdAt, header.expiresAt ?? 0].every(isNumber) &&
    typeof header.codec === 'string' &&
    typeof header.async === 'boolean' &&
    Array.isArray(header.tags) &&
    (header.leaves === undefined || (Array.isArray(header.leaves) && header.leaves.every(isLeaf)))
  return sound ? header : undefined
}
