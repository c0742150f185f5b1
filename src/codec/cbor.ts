/**
 * The default codec: everything the fidelity law covers.
 *
 * Plain data is one CBOR item, which any CBOR reader reads. Where there are objects of other kinds, the tag `packed`
 * comes first, before `[names of kinds, sizes of the leaves, heads of the nodes, bodies of the nodes, value]`, and then
 * the leaves (leaves.ts): large arrays of numbers are copied, not encoded.
 */
import { CodecError, messageOf } from '../errors.ts'
import type { Codec } from '../types.ts'
import { joined, LARGE, leavesOf } from './leaves.ts'
import { TAG } from './nodes.ts'
import { type Packed, pack } from './pack.ts'
import { newReader, readArrayHead, readItem } from './reader.ts'
import { unpack } from './unpack.ts'
import { finished, MAJOR, newWriter, writeByte, writeHead, writeNumber, writePrimitive } from './writer.ts'

/** A codec that can leave large memory beside its bytes, so that nobody copies it only to write or read it. */
export interface PartedCodec extends Codec {
  /** `leaves` are views of the value's own memory, to be stored before anybody changes the value. */
  encodeParts(value: unknown): { readonly bytes: Uint8Array; readonly leaves: readonly Uint8Array[] }
  /** @param leaf gives the bytes of a leaf. If they are all of their memory, it becomes memory of the value. */
  decodeParts(bytes: Uint8Array, leaf: (index: number) => Uint8Array): unknown
}

const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

/** Leaves keep the byte order of the machine, so machines that differ do not read each other's. */
export const cbor: PartedCodec = {
  name: isLittleEndian ? 'cbor1' : 'cbor1-be',
  encode: (value) => bytesOf(pack(value), () => false),
  decode: (bytes) => reading(bytes),
  encodeParts: (value) => {
    const packed = pack(value)
    const isApart = ({ byteLength }: Uint8Array) => byteLength >= LARGE
    return { bytes: bytesOf(packed, isApart), leaves: packed.leaves.filter(isApart) }
  },
  decodeParts: (bytes, leaf) => reading(bytes, leaf),
}

function bytesOf(packed: Packed, isApart: (leaf: Uint8Array) => boolean): Uint8Array {
  const { kinds, items, leaves } = packed
  if (kinds.length === 0) return items[0]!
  return joined(
    [headOf(packed, isApart), ...items],
    leaves.filter((leaf) => !isApart(leaf)),
  )
}

/** Sizes of leaves that are apart are negative: -1 - size. */
function headOf({ kinds, heads, leaves }: Packed, isApart: (leaf: Uint8Array) => boolean): Uint8Array {
  const writer = newWriter()
  const list = <T>(members: readonly T[], write: (member: T) => void) => {
    writeHead(writer, MAJOR.array, members.length)
    members.forEach(write)
  }
  writeByte(writer, TAG.packed)
  writeHead(writer, MAJOR.array, 5)
  list(kinds, (name) => writePrimitive(writer, name))
  list(leaves, (leaf) => writeNumber(writer, isApart(leaf) ? -1 - leaf.byteLength : leaf.byteLength))
  list(heads, ([kind, contents]) => {
    writeHead(writer, MAJOR.array, 2)
    writeNumber(writer, kind)
    list(contents, (part) => writePrimitive(writer, part))
  })
  writeHead(writer, MAJOR.array, 2 * heads.length)
  return finished(writer)
}

function reading(bytes: Uint8Array, leaf?: (index: number) => Uint8Array): unknown {
  try {
    return decode(bytes, leaf)
  } catch (error) {
    throw new CodecError('ERR_UNDECODABLE', `cannot read a stored value: ${messageOf(error)}`, '', {
      cause: error,
    })
  }
}

function decode(bytes: Uint8Array, leaf?: (index: number) => Uint8Array): unknown {
  const reader = newReader(bytes)
  if (bytes[0] !== TAG.packed) {
    const value = readItem(reader)
    if (reader.at !== bytes.byteLength) throw new Error('bytes after the end')
    return value
  }
  reader.at = 1
  if (readArrayHead(reader) !== 5) throw new Error('not nodes and a value')
  const names = readItem(reader)
  const leaves = leavesOf(bytes, readItem(reader), leaf)
  const value = unpack(reader, names, readItem(reader), leaves.take)
  leaves.checkStart(reader.at)
  return value
}
