/**
 * The default codec: everything the fidelity law covers.
 *
 * Plain data is one CBOR item, which any CBOR reader reads. Everything else is the tag 9 before one CBOR item
 * `[root, names of kinds, nodes, sizes of the leaves]`, and then each leaf at the next multiple of 8 bytes: large arrays
 * of numbers are copied, not encoded.
 */
import { CodecError, messageOf } from '../errors.ts'
import type { Codec } from '../types.ts'
import { pack } from './pack.ts'
import { flawOf } from './plain.ts'
import { readItem } from './reader.ts'
import { unpack } from './unpack.ts'
import { writeItem } from './writer.ts'

/** Tag 9, which CBOR leaves unassigned, so that no plain item begins like this. */
const PACKED = 0xc9

const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

/** Leaves keep the byte order of the machine, so machines that differ do not read each other's. */
export const cbor: Codec = {
  name: isLittleEndian ? 'cbor1' : 'cbor1-be',
  encode: (value) => {
    if (flawOf(value) === undefined) return writeItem(value)
    const { root, kinds, nodes, leaves } = pack(value)
    return join(writeItem([root, kinds, nodes, leaves.map(({ byteLength }) => byteLength)]), leaves)
  },
  decode: (bytes) => {
    try {
      return decode(bytes)
    } catch (error) {
      throw new CodecError('ERR_UNDECODABLE', `cannot read a stored value: ${messageOf(error)}`, '', {
        cause: error,
      })
    }
  },
}

function join(head: Uint8Array, leaves: readonly Uint8Array[]): Uint8Array {
  let size = 1 + head.byteLength
  for (const leaf of leaves) size = aligned(size) + leaf.byteLength
  const bytes = Buffer.allocUnsafeSlow(size)
  bytes[0] = PACKED
  bytes.set(head, 1)
  let at = 1 + head.byteLength
  for (const leaf of leaves) {
    bytes.fill(0, at, aligned(at))
    at = aligned(at)
    bytes.set(leaf, at)
    at += leaf.byteLength
  }
  return bytes
}

function aligned(offset: number): number {
  return Math.ceil(offset / 8) * 8
}

function decode(bytes: Uint8Array): unknown {
  const isPacked = bytes[0] === PACKED
  const { value, end } = readItem(bytes, isPacked ? 1 : 0)
  if (!isPacked) {
    if (end !== bytes.byteLength) throw new Error('bytes after the end')
    return value
  }
  if (!Array.isArray(value)) throw new Error('not a table of nodes')
  return unpack(value, leavesOf(bytes, value[3], end))
}

/** Checks that the leaves are where they should be and end with the bytes. Gives a copy of each, once. */
function leavesOf(bytes: Uint8Array, sizes: unknown, end: number): (index: unknown) => ArrayBuffer {
  if (!Array.isArray(sizes)) throw new Error('no sizes of leaves')
  let at = end
  const starts: (number | undefined)[] = sizes.map((size: unknown) => {
    const start = aligned(at)
    if (!Number.isInteger(size) || (size as number) < 0) throw new Error('a leaf of no size')
    at = start + (size as number)
    return start
  })
  if (at !== bytes.byteLength) throw new Error('leaves that do not end with the bytes')
  return (index) => {
    const start = starts[index as number]
    if (start === undefined) throw new Error('no such leaf')
    starts[index as number] = undefined
    // The typed array's own slice copies; Buffer's would be a view on the bytes.
    return Uint8Array.prototype.slice.call(bytes, start, start + (sizes[index as number] as number)).buffer
  }
}
