/** Arguments and values of the cases. The short form takes a hundredth of what is large. */

export const SMALL = Object.freeze({ x: 1, name: 'small value' })

export const object20 = () =>
  Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`field${i}`, i % 2 ? i : `value ${i}`]))

export const buffer = (size) => Buffer.alloc(size, 'permafrost ')

/** @param {number} size in bytes */
export const numbers = (size) => new Float64Array(size / 8).map((_, i) => i * 0.5)
