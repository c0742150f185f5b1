/**
 * Reads what writer.ts and pack.ts write: CBOR (RFC 8949) with integers of at most 32 bits, float64, text, arrays, maps
 * with text keys, true, false, null, undefined, and the tags of nodes.ts.
 *
 * Allocates nothing a byte did not pay for, nests no deeper than the writer, runs no code made from the bytes, and
 * never looks at a property of the bytes' object.
 */
import { MAX_DEPTH, TAG } from './nodes.ts'
import { wellKnownSymbol } from './symbols.ts'

export interface Reader {
  readonly bytes: Buffer
  /** Made when it is first needed: small values do without. */
  view: DataView | undefined
  /** Where the bytes end: asking them is slower. */
  readonly end: number
  at: number
  /** How many elements may still be given room before they are read: one for each byte. */
  room: number
  /** What the tags `object` and `node` stand for; without it they are refused. */
  objects?: {
    /** @param parts of the array after the tag. */
    object(parts: readonly unknown[]): unknown
    node(number: number): unknown
  }
}

/** Long arrays take a third of the time if they need not grow; those that begin much longer are slow in V8. */
const WORTH_ROOM = 16
const LARGEST_ROOM = 1 << 24

export function newReader(bytes: Uint8Array): Reader {
  const end = bytes.byteLength
  return { bytes: asBuffer(bytes), view: undefined, end, at: 0, room: Math.min(end, LARGEST_ROOM) }
}

function asBuffer(bytes: Uint8Array): Buffer {
  if (Object.getPrototypeOf(bytes) === Buffer.prototype) return bytes as Buffer
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function viewOf(reader: Reader): DataView {
  const { buffer, byteOffset } = reader.bytes
  reader.view = new DataView(buffer, byteOffset, reader.end)
  return reader.view
}

/** Read one item. Throws whatever it likes on malformed bytes; the codec makes that a `CodecError`. */
export function readItem(reader: Reader): unknown {
  return read(reader, 0)
}

/** The number of items in the array that begins here. */
export function readArrayHead(reader: Reader): number {
  const first = reader.bytes[reader.at++]
  if (first === undefined || first >> 5 !== 4) throw new Error('not an array')
  return readCount(reader, first & 0x1f)
}

function read(reader: Reader, depth: number): unknown {
  const { bytes } = reader
  const first = bytes[reader.at++]
  if (first === undefined) return early()
  const argument = first & 0x1f
  switch (first >> 5) {
    case 0:
      return readCount(reader, argument)
    case 1:
      return -1 - readCount(reader, argument)
    case 3:
      return readText(reader, readCount(reader, argument))
    case 4:
      return readArray(reader, readCount(reader, argument), depth)
    case 5:
      return readMap(reader, readCount(reader, argument), depth)
    case 6:
      return readTagged(reader, first, depth)
    case 7:
      if (first === 0xfb) {
        reader.at += 8
        return (reader.view ?? viewOf(reader)).getFloat64(reader.at - 8)
      }
      if (first === 0xf4) return false
      if (first === 0xf5) return true
      if (first === 0xf6) return null
      if (first === 0xf7) return undefined
  }
  throw unexpected(first)
}

function readCount(reader: Reader, argument: number): number {
  if (argument < 24) return argument
  const { at } = reader
  if (argument === 24) {
    reader.at = at + 1
    return reader.bytes[at] ?? early()
  }
  const view = reader.view ?? viewOf(reader)
  if (argument === 25) {
    reader.at = at + 2
    return view.getUint16(at)
  }
  if (argument !== 26) throw new Error('a count of more than 32 bits')
  reader.at = at + 4
  return view.getUint32(at)
}

/** The members of arrays and maps may be one level deeper than the writer counts them, in the layout of an object. */
function checkDepth(depth: number): void {
  if (depth > MAX_DEPTH + 2) throw new Error('too deep')
}

function readArray(reader: Reader, length: number, depth: number): unknown[] {
  checkDepth(depth)
  if (length < WORTH_ROOM || length > reader.room) {
    const array: unknown[] = []
    for (let left = length; left > 0; left--) array.push(read(reader, depth + 1))
    return array
  }
  reader.room -= length
  const array = new Array<unknown>(length)
  for (let i = 0; i < length; i++) array[i] = read(reader, depth + 1)
  return array
}

function readMap(reader: Reader, size: number, depth: number): Record<string, unknown> {
  checkDepth(depth)
  const object: Record<string, unknown> = {}
  for (let left = size; left > 0; left--) {
    const key = readKey(reader)
    object[key] = read(reader, depth + 1)
  }
  return object
}

function readKey(reader: Reader): string {
  const key = readString(reader)
  // Assigning it would set the prototype. The writer never puts it in a map.
  if (key === '__proto__') throw new Error('the key __proto__')
  return key
}

function readString(reader: Reader): string {
  const first = reader.bytes[reader.at++]
  if (first === TAG.utf16) return readUtf16(reader)
  if (first === undefined || first >> 5 !== 3) throw new Error('not text')
  return readText(reader, readCount(reader, first & 0x1f))
}

function readTagged(reader: Reader, tag: number, depth: number): unknown {
  switch (tag) {
    case TAG.natural:
      return readNatural(reader)
    case TAG.negative:
      return -1n - readNatural(reader)
    case TAG.utf16:
      return readUtf16(reader)
    case TAG.symbol:
      return Symbol.for(readString(reader))
    case TAG.wellKnown:
      return wellKnownSymbol(readString(reader))
    case TAG.date:
      return new Date(readNumber(reader))
  }
  const { objects } = reader
  if (objects !== undefined && tag === TAG.object)
    return objects.object(readArray(reader, readArrayHead(reader), depth))
  if (objects !== undefined && tag === TAG.node) return objects.node(readNatural32(reader))
  throw unexpected(tag)
}

function readNatural(reader: Reader): bigint {
  return BigInt(`0x${readBytes(reader).toString('hex')}`)
}

/** A number that is not negative. */
export function readNatural32(reader: Reader): number {
  const first = reader.bytes[reader.at++]
  if (first === undefined || first >> 5 !== 0) throw new Error('not a number')
  return readCount(reader, first & 0x1f)
}

function readUtf16(reader: Reader): string {
  return readBytes(reader).toString('utf16le')
}

function readNumber(reader: Reader): number {
  const first = reader.bytes[reader.at]
  // Neither arrays nor tags, which would nest.
  if (first === undefined || (first >> 5 > 1 && first !== 0xfb)) throw new Error('not a number')
  return read(reader, 0) as number
}

/** A view of the bytes. */
function readBytes(reader: Reader): Buffer {
  const { bytes } = reader
  const first = bytes[reader.at++]
  if (first === undefined || first >> 5 !== 2) throw new Error('not a byte string')
  const length = readCount(reader, first & 0x1f)
  const start = reader.at
  reader.at += length
  if (reader.at > reader.end) early()
  return bytes.subarray(start, reader.at)
}

/**
 * Short ASCII strings read lately, by a hash of a few of their bytes: records repeat their keys, and comparing is
 * cheaper than making a string (10,000 records decode in 6 ms instead of 11).
 */
const recent: string[] = new Array(1024).fill('')
const LONGEST_RECENT = 32

function readText(reader: Reader, length: number): string {
  const { bytes, at } = reader
  const end = at + length
  if (end > reader.end) early()
  reader.at = end
  if (length > LONGEST_RECENT) return bytes.toString('utf8', at, end)
  if (length === 0) return ''
  const slot = (length * 131 + bytes[at]! * 31 + bytes[end - 1]! * 7 + bytes[(at + end) >> 1]!) & 1023
  const known = recent[slot]!
  if (known.length === length && matches(known, bytes, at)) return known
  const text = shortText(bytes, at, end)
  // Equal lengths mean that every byte was one character, so matches() may compare byte by byte.
  if (text.length === length) recent[slot] = text
  return text
}

function matches(text: string, bytes: Buffer, at: number): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[at + i]) return false
  return true
}

/** A call into Buffer costs more than a few characters do. */
function shortText(bytes: Buffer, at: number, end: number): string {
  if (end - at > 16) return bytes.toString('utf8', at, end)
  let text = ''
  for (let i = at; i < end; i++) {
    const byte = bytes[i]!
    if (byte >= 0x80) return bytes.toString('utf8', at, end)
    text += String.fromCharCode(byte)
  }
  return text
}

function early(): never {
  throw new Error('the bytes end early')
}

function unexpected(byte: number): Error {
  return new Error(`unexpected byte 0x${byte.toString(16)}`)
}
