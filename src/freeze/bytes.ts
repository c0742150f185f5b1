/**
 * Writes the frozen encoding into one growing buffer. Knows primitives and lengths, not what they mean.
 */
import { hashForKey } from './digest.ts'
import { TAG } from './tags.ts'

/** Views longer than this are written as their digest, so that big arrays are read once and never copied. */
const INLINE_BYTES = 256

/** Below this length a loop beats the native string writers. */
const SHORT = 24

export class ByteWriter {
  #buffer = Buffer.allocUnsafe(1024)
  #view = new DataView(this.#buffer.buffer, this.#buffer.byteOffset)
  #length = 0

  /** Forget what was written, keep the memory. */
  reset(): void {
    this.#length = 0
    if (this.#buffer.length > 1 << 20) this.#allocate(1024)
  }

  /** What was written, as a view that the next write may change. */
  written(): Uint8Array {
    return new Uint8Array(this.#buffer.buffer, this.#buffer.byteOffset, this.#length)
  }

  tag(tag: number): void {
    if (this.#length === this.#buffer.length) this.#grow(1)
    this.#buffer[this.#length++] = tag
  }

  uint(value: number): void {
    if (this.#length + 4 > this.#buffer.length) this.#grow(4)
    this.#view.setUint32(this.#length, value, true)
    this.#length += 4
  }

  number(value: number): void {
    if (this.#length + 9 > this.#buffer.length) this.#grow(9)
    this.#buffer[this.#length] = TAG.number
    // a NaN's payload can be seen only through typed arrays, and differs between machines
    this.#view.setFloat64(this.#length + 1, Number.isNaN(value) ? Number.NaN : value, true)
    this.#length += 9
  }

  string(value: string): void {
    const length = value.length
    if (this.#length + 5 + 2 * length > this.#buffer.length) this.#grow(5 + 2 * length)
    const start = this.#length + 5
    if (length < SHORT) {
      const buffer = this.#buffer
      let index = 0
      for (; index < length; index++) {
        const unit = value.charCodeAt(index)
        if (unit > 0xff) break
        buffer[start + index] = unit
      }
      if (index === length) return this.#endString(TAG.latin1, length, length)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: the test is for one-byte code units
    } else if (!/[^\x00-\xff]/.test(value)) {
      this.#buffer.write(value, start, length, 'latin1')
      return this.#endString(TAG.latin1, length, length)
    }
    this.#buffer.write(value, start, 2 * length, 'utf16le')
    this.#endString(TAG.utf16, length, 2 * length)
  }

  #endString(tag: number, length: number, size: number): void {
    this.#buffer[this.#length] = tag
    this.#view.setUint32(this.#length + 1, length, true)
    this.#length += 5 + size
  }

  /** The length, then the bytes or, for many, their digest. */
  bytes(view: ArrayBufferView): void {
    const size = view.byteLength
    this.number(size)
    this.raw(size > INLINE_BYTES ? hashForKey(view) : new Uint8Array(view.buffer, view.byteOffset, size))
  }

  /** One-byte characters of a number the reader knows. */
  latin1(text: string): void {
    if (this.#length + text.length > this.#buffer.length) this.#grow(text.length)
    this.#length += this.#buffer.write(text, this.#length, 'latin1')
  }

  /** Bytes of a length the reader knows. */
  raw(bytes: Uint8Array): void {
    if (this.#length + bytes.length > this.#buffer.length) this.#grow(bytes.length)
    this.#buffer.set(bytes, this.#length)
    this.#length += bytes.length
  }

  #grow(more: number): void {
    const old = this.#buffer
    this.#allocate(Math.max(2 * old.length, this.#length + more))
    old.copy(this.#buffer, 0, 0, this.#length)
  }

  #allocate(size: number): void {
    this.#buffer = Buffer.allocUnsafeSlow(size)
    this.#view = new DataView(this.#buffer.buffer, this.#buffer.byteOffset)
  }
}
