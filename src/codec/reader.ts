/**
 * Reads the subset of CBOR (RFC 8949) that this room writes: integers of at most 32 bits, float64, text, arrays, maps
 * with text keys, true, false, null, undefined.
 *
 * cbor-x writes these bytes but does not read them here. Its decoder costs a cold process 7 ms, and is built for
 * more than this room needs: it turns tags into Dates, RegExps and functions compiled from keys, and 1 MB of hostile
 * tags can cost it minutes or all memory. This reader knows no tags, allocates nothing a byte did not pay for, nests no
 * deeper than the writer, and never looks at a property of the bytes' object.
 */

/** Neither form nests its CBOR deeper than this; deeper values are flattened into nodes. */
export const MAX_DEPTH = 200

interface Reader {
  readonly bytes: Buffer
  at: number
}

/** Read one item from `offset` on. Throws whatever it likes on malformed bytes; the codec makes that a `CodecError`. */
export function readItem(
  bytes: Uint8Array,
  offset: number,
): { readonly value: unknown; readonly end: number } {
  const reader: Reader = { bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), at: offset }
  const value = read(reader, 0)
  return { value, end: reader.at }
}

function read(reader: Reader, depth: number): unknown {
  const { bytes } = reader
  const first = bytes[reader.at++]
  if (first === undefined) throw malformed('the bytes end early')
  const argument = first & 0x1f
  switch (first >> 5) {
    case 0:
      return readCount(reader, argument)
    case 1:
      return -1 - readCount(reader, argument)
    case 3:
      return readText(reader, readCount(reader, argument))
    case 4: {
      if (depth > MAX_DEPTH) throw malformed('too deep')
      const array: unknown[] = []
      for (let left = readCount(reader, argument); left > 0; left--) array.push(read(reader, depth + 1))
      return array
    }
    case 5: {
      if (depth > MAX_DEPTH) throw malformed('too deep')
      const object: Record<string, unknown> = {}
      for (let left = readCount(reader, argument); left > 0; left--) {
        const key = readKey(reader)
        object[key] = read(reader, depth + 1)
      }
      return object
    }
    case 7:
      if (first === 0xfb) {
        reader.at += 8
        return bytes.readDoubleBE(reader.at - 8)
      }
      if (first === 0xf4) return false
      if (first === 0xf5) return true
      if (first === 0xf6) return null
      if (first === 0xf7) return undefined
  }
  throw malformed(`unexpected byte 0x${first.toString(16)}`)
}

function readCount(reader: Reader, argument: number): number {
  if (argument < 24) return argument
  const { bytes, at } = reader
  const width = argument === 24 ? 1 : argument === 25 ? 2 : argument === 26 ? 4 : 0
  if (width === 0) throw malformed('a count of more than 32 bits')
  if (at + width > bytes.length) throw malformed('the bytes end early')
  reader.at = at + width
  if (width === 1) return bytes[at]!
  const high = (bytes[at]! << 8) | bytes[at + 1]!
  return width === 2 ? high : high * 0x10000 + ((bytes[at + 2]! << 8) | bytes[at + 3]!)
}

function readKey(reader: Reader): string {
  const first = reader.bytes[reader.at++]
  if (first === undefined || first >> 5 !== 3) throw malformed('a key that is not text')
  const key = readText(reader, readCount(reader, first & 0x1f))
  // Assigning it would set the prototype. The writer never puts it in a map.
  if (key === '__proto__') throw malformed('the key __proto__')
  return key
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
  if (end > bytes.length) throw malformed('the bytes end early')
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

function malformed(what: string): Error {
  return new Error(what)
}
