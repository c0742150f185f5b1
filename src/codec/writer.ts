/**
 * Writes CBOR (RFC 8949), in the subset that reader.ts reads, into memory that grows. Knows primitives; what objects
 * become is pack.ts's business.
 */
import { TAG } from './nodes.ts'
import { isWellFormed } from './plain.ts'
import { wellKnownName } from './symbols.ts'

export interface Writer {
  bytes: Buffer
  /** The same memory. Slices of it are made without Node's code. */
  array: Uint8Array
  view: DataView
  /** How many bytes are written. */
  at: number
  /** How many fit: asking the bytes is slower. */
  end: number
}

/** The first byte of an item whose count is added. */
export const MAJOR = { natural: 0, negative: 0x20, bytes: 0x40, text: 0x60, array: 0x80, map: 0xa0 } as const

const SCRATCH = 1 << 16
/** V8 keeps so many bytes within the object. Memory of its own costs 250 ns more, a part of Node's pool 40. */
const TINY = 64
/** Larger memory is not kept for the next value. Fresh memory costs as much as writing it. */
const LARGEST_SCRATCH = 1 << 21

/** Memory is doubled up to this, lest it outgrow what a Buffer may have. */
const LARGEST_GROWTH = 1 << 28

/** Whoever writes has it alone, because a registered class may write within. */
let spare: Writer | undefined

export function newWriter(): Writer {
  const writer = spare ?? { ...memoryOf(SCRATCH), at: 0 }
  spare = undefined
  writer.at = 0
  return writer
}

/** A copy of what was written. The writer must not be used again. */
export function finished(writer: Writer): Uint8Array {
  const { bytes, array, at, end } = writer
  if (end > LARGEST_SCRATCH) return bytes.subarray(0, at)
  release(writer)
  if (at <= TINY) return array.slice(0, at)
  const copy = Buffer.allocUnsafe(at)
  bytes.copy(copy, 0, 0, at)
  return copy
}

/** The next value may have its memory. */
export function release(writer: Writer): void {
  if (writer.end <= LARGEST_SCRATCH) spare = writer
}

function memoryOf(size: number) {
  const bytes = Buffer.allocUnsafeSlow(size)
  const { buffer } = bytes
  return { bytes, array: new Uint8Array(buffer), view: new DataView(buffer), end: size }
}

/** Make sure that so many bytes can be written. */
export function reserve(writer: Writer, size: number): void {
  if (writer.at + size > writer.end) grow(writer, size)
}

function grow(writer: Writer, size: number): void {
  const needed = writer.at + size
  const memory = memoryOf(needed + Math.min(needed, LARGEST_GROWTH))
  writer.bytes.copy(memory.bytes, 0, 0, writer.at)
  Object.assign(writer, memory)
}

/** The longest head, or number. */
const HEAD = 9

export function writeByte(writer: Writer, byte: number): void {
  reserve(writer, 1)
  writer.bytes[writer.at++] = byte
}

/** @param count of 32 bits. */
export function writeHead(writer: Writer, major: number, count: number): void {
  reserve(writer, HEAD)
  putHead(writer, major, count)
}

function putHead(writer: Writer, major: number, count: number): void {
  const { bytes, at } = writer
  if (count < 24) {
    bytes[at] = major | count
    writer.at = at + 1
  } else if (count < 0x100) {
    bytes[at] = major | 24
    bytes[at + 1] = count
    writer.at = at + 2
  } else if (count < 0x10000) {
    bytes[at] = major | 25
    writer.view.setUint16(at + 1, count)
    writer.at = at + 3
  } else {
    bytes[at] = major | 26
    writer.view.setUint32(at + 1, count)
    writer.at = at + 5
  }
}

export function writeNumber(writer: Writer, value: number): void {
  reserve(writer, HEAD)
  if (value >>> 0 === value && !isMinusZero(value)) putHead(writer, MAJOR.natural, value)
  else if (value < 0 && ~value >>> 0 === -1 - value) putHead(writer, MAJOR.negative, -1 - value)
  else {
    writer.bytes[writer.at] = 0xfb
    writer.view.setFloat64(writer.at + 1, value)
    writer.at += 9
  }
}

const isMinusZero = (value: number) => value === 0 && 1 / value < 0

/** A call into Buffer costs more than a few characters do. */
const SHORT = 64
const LONG = 1 << 16

export function writeText(writer: Writer, text: string): void {
  const { length } = text
  // No character has more than three bytes; of long texts it pays to know.
  reserve(writer, (length < LONG ? 3 * length : Buffer.byteLength(text)) + HEAD)
  if (length >= SHORT || !putAscii(writer, text)) writeLong(writer, text)
}

function putAscii(writer: Writer, text: string): boolean {
  const { bytes, at } = writer
  const { length } = text
  const start = at + headSize(length)
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i)
    if (unit >= 0x80) return false
    bytes[start + i] = unit
  }
  if (length < 24) bytes[at] = MAJOR.text | length
  else {
    bytes[at] = MAJOR.text | 24
    bytes[at + 1] = length
  }
  writer.at = start + length
  return true
}

function writeLong(writer: Writer, text: string): void {
  if (!isWellFormed(text)) {
    writeByte(writer, TAG.utf16)
    return writeBytes(writer, Buffer.from(text, 'utf16le'))
  }
  const { bytes, at } = writer
  // Where the text begins if it is ASCII, and where it should have begun.
  const guess = at + headSize(text.length)
  const size = bytes.write(text, guess)
  const start = at + headSize(size)
  if (start !== guess) bytes.copyWithin(start, guess, guess + size)
  putHead(writer, MAJOR.text, size)
  writer.at = start + size
}

function headSize(count: number): number {
  return count < 24 ? 1 : count < 0x100 ? 2 : count < 0x10000 ? 3 : 5
}

function writeBytes(writer: Writer, bytes: Uint8Array): void {
  writeHead(writer, MAJOR.bytes, bytes.byteLength)
  reserve(writer, bytes.byteLength)
  writer.bytes.set(bytes, writer.at)
  writer.at += bytes.byteLength
}

function writeBigInt(writer: Writer, value: bigint): void {
  writeByte(writer, value < 0n ? TAG.negative : TAG.natural)
  const hex = (value < 0n ? -1n - value : value).toString(16)
  writeBytes(writer, Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex'))
}

/** One that means the same elsewhere. */
function writeSymbol(writer: Writer, value: symbol): void {
  const name = wellKnownName(value)
  writeByte(writer, name === undefined ? TAG.symbol : TAG.wellKnown)
  writeText(writer, name ?? Symbol.keyFor(value)!)
}

/** Anything but objects and symbols of this process. */
export function writePrimitive(writer: Writer, value: unknown): void {
  switch (typeof value) {
    case 'string':
      return writeText(writer, value)
    case 'number':
      return writeNumber(writer, value)
    case 'boolean':
      return writeByte(writer, value ? 0xf5 : 0xf4)
    case 'bigint':
      return writeBigInt(writer, value)
    case 'undefined':
      return writeByte(writer, 0xf7)
    case 'symbol':
      return writeSymbol(writer, value)
    default:
      return writeByte(writer, 0xf6)
  }
}
