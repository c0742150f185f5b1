/**
 * The bytes of a recording: values one after the other, each by itself, in the order in which they came. Promises that
 * neither side holds more than 64 KiB or one value, whichever is more. Knows no streams and no store.
 *
 * An item is 4 times the length of its bytes plus what it is, as a number of 7 bits a byte, lowest first; then its bytes.
 * The first item says what was recorded, the last is an end.
 */
import { CodecError } from '../errors.ts'

/** What an item is. */
export const ITEM = { value: 0, aside: 1, end: 2, endWithValue: 3 } as const

export type ItemKind = (typeof ITEM)[keyof typeof ITEM]

/** What is held at once. As large as what a store keeps without a file. */
const HELD = 65_536
/** Bytes of the longest head of an item. */
const LONGEST_HEAD = 8

export class TapeWriter {
  readonly #sink: (bytes: Uint8Array) => void
  #held: Buffer = Buffer.allocUnsafe(1024)
  #length = 0

  /** @param sink takes what no longer fits, in order; the memory is used again when it returns. */
  constructor(sink: (bytes: Uint8Array) => void) {
    this.#sink = sink
  }

  /** What the sink has not got. */
  get rest(): Uint8Array {
    return this.#held.subarray(0, this.#length)
  }

  add(kind: ItemKind, bytes: Uint8Array): void {
    const { byteLength } = bytes
    if (this.#length + LONGEST_HEAD + byteLength > this.#held.byteLength) this.#makeRoom(byteLength)
    let head = 4 * byteLength + kind
    for (; head >= 128; head = Math.floor(head / 128)) this.#held[this.#length++] = 128 + (head % 128)
    this.#held[this.#length++] = head
    if (byteLength <= this.#held.byteLength - this.#length) {
      this.#held.set(bytes, this.#length)
      this.#length += byteLength
    } else {
      this.#flush()
      this.#sink(bytes)
    }
  }

  #makeRoom(byteLength: number): void {
    const wanted = this.#length + LONGEST_HEAD + byteLength
    if (wanted > HELD && this.#length > 0) this.#flush()
    if (this.#held.byteLength >= HELD) return
    const larger = Buffer.allocUnsafe(Math.min(HELD, Math.max(wanted, 4 * this.#held.byteLength)))
    larger.set(this.rest)
    this.#held = larger
  }

  #flush(): void {
    this.#sink(this.rest)
    this.#length = 0
  }
}

/** Where a tape is read from. */
export interface Reel {
  readonly size: number
  /** Fills `into` from `start` on as far as there is something: with how many bytes. */
  read(into: Uint8Array, start: number): number
  close(): void
}

export interface Item {
  readonly kind: number
  /** Until the next item is asked for. */
  readonly bytes: Uint8Array
}

export class TapeReader {
  readonly #reel: Reel
  #held: Buffer
  /** What is held begins and ends here, in `#held`. */
  #at = 0
  #end = 0
  /** How much of the reel was read. */
  #position = 0

  constructor(reel: Reel) {
    this.#reel = reel
    this.#held = Buffer.allocUnsafe(Math.min(HELD, reel.size))
  }

  /** Throws a `CodecError` where the tape is not one. */
  next(): Item {
    let head = 0
    for (let factor = 1; ; factor *= 128) {
      if (this.#at === this.#end) this.#need(1)
      const byte = this.#held[this.#at++]!
      head += (byte % 128) * factor
      if (byte < 128) break
      if (factor > 2 ** 42) throw damaged()
    }
    const kind = head % 4
    const length = (head - kind) / 4
    if (this.#end - this.#at < length) this.#need(length)
    this.#at += length
    return { kind, bytes: this.#held.subarray(this.#at - length, this.#at) }
  }

  /** Whether what comes next is the end, and nothing was returned. */
  get isOver(): boolean {
    if (this.#at === this.#end) this.#need(1)
    return this.#held[this.#at] === ITEM.end
  }

  /** Holds so many bytes from here on. */
  #need(length: number): void {
    const left = this.#end - this.#at
    if (this.#reel.size - this.#position < length - left) throw damaged()
    const size = Math.max(length, Math.min(HELD, this.#reel.size))
    const next = size === this.#held.byteLength ? this.#held : Buffer.allocUnsafe(size)
    this.#held.copy(next, 0, this.#at, this.#end)
    this.#held = next
    this.#at = 0
    this.#end = left
    while (this.#end < length) {
      const count = this.#reel.read(next.subarray(this.#end), this.#position)
      if (count === 0) throw damaged()
      this.#end += count
      this.#position += count
    }
  }

  close(): void {
    this.#reel.close()
  }
}

export const damaged = (): CodecError =>
  new CodecError('ERR_UNDECODABLE', 'cannot read a stored value: the recording is damaged')
