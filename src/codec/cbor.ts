/**
 * The default codec: everything the fidelity law covers.
 *
 * Plain data is one CBOR item, which any CBOR reader reads. Where there are objects of other kinds, the tag `packed`
 * comes first, before `[names of kinds, sizes of the leaves, heads of the nodes, bodies of the nodes, value]`, and then each
 * leaf at the next multiple of 8 bytes: large arrays of numbers are copied, not encoded.
 */
import { CodecError, messageOf } from '../errors.ts'
import type { Codec } from '../types.ts'
import { TAG } from './nodes.ts'
import { type Packed, pack } from './pack.ts'
import { newReader, type Reader, readArrayHead, readItem } from './reader.ts'
import { unpack } from './unpack.ts'
import { finished, MAJOR, newWriter, writeByte, writeHead, writeNumber, writePrimitive } from './writer.ts'

const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

/** Leaves keep the byte order of the machine, so machines that differ do not read each other's. */
export const cbor: Codec = {
  name: isLittleEndian ? 'cbor1' : 'cbor1-be',
  encode: (value) => {
    const packed = pack(value)
    return packed.kinds.length === 0 ? packed.items[0]! : join(headOf(packed), packed)
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

function headOf({ kinds, heads, leaves }: Packed): Uint8Array {
  const writer = newWriter()
  const list = <T>(members: readonly T[], write: (member: T) => void) => {
    writeHead(writer, MAJOR.array, members.length)
    members.forEach(write)
  }
  writeByte(writer, TAG.packed)
  writeHead(writer, MAJOR.array, 5)
  list(kinds, (name) => writePrimitive(writer, name))
  list(leaves, ({ byteLength }) => writeNumber(writer, byteLength))
  list(heads, ([kind, contents]) => {
    writeHead(writer, MAJOR.array, 2)
    writeNumber(writer, kind)
    list(contents, (part) => writePrimitive(writer, part))
  })
  writeHead(writer, MAJOR.array, 2 * heads.length)
  return finished(writer)
}

function join(head: Uint8Array, { items, leaves }: Packed): Uint8Array {
  let size = head.byteLength
  for (const item of items) size += item.byteLength
  for (const leaf of leaves) size = aligned(size) + leaf.byteLength
  const bytes = Buffer.allocUnsafeSlow(size)
  bytes.set(head)
  let at = head.byteLength
  for (const item of items) {
    bytes.set(item, at)
    at += item.byteLength
  }
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
  const reader = newReader(bytes)
  if (bytes[0] !== TAG.packed) {
    const value = readItem(reader)
    if (reader.at !== bytes.byteLength) throw new Error('bytes after the end')
    return value
  }
  reader.at = 1
  if (readArrayHead(reader) !== 5) throw new Error('not nodes and a value')
  const names = readItem(reader)
  const leaves = leavesOf(reader, readItem(reader))
  const value = unpack(reader, names, readItem(reader), leaves.take)
  if (leaves.start(reader.at) !== leaves.first) throw new Error('leaves that do not follow the value')
  return value
}

/** The leaves end with the bytes, so their sizes tell where they begin. Gives a copy of each, once. */
function leavesOf({ bytes }: Reader, sizes: unknown) {
  if (!Array.isArray(sizes)) throw new Error('no sizes of leaves')
  let span = 0
  const starts: (number | undefined)[] = sizes.map((size: unknown) => {
    if (!Number.isInteger(size) || (size as number) < 0) throw new Error('a leaf of no size')
    const start = aligned(span)
    span = start + (size as number)
    return start
  })
  const first = bytes.byteLength - span
  if (first < 0) throw new Error('leaves larger than the bytes')
  return {
    first,
    /** Where they begin if the value ends there. */
    start: (end: number) => (sizes.length === 0 ? end : aligned(end)),
    take: (index: unknown): ArrayBuffer => {
      const start = starts[index as number]
      if (start === undefined) throw new Error('no such leaf')
      starts[index as number] = undefined
      const from = bytes.byteOffset + first + start
      return bytes.buffer.slice(from, from + (sizes[index as number] as number)) as ArrayBuffer
    },
  }
}
