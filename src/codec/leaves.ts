/**
 * Leaves: memory that is stored as it is, after the items or beside them. Those after the items begin at the next multiple
 * of 8 each, and the last ends with the bytes.
 */

/** What is apart is worth a file, or a write, of its own. */
export const LARGE = 65_536

/** Items, then leaves. */
export function joined(items: readonly Uint8Array[], leaves: readonly Uint8Array[]): Uint8Array {
  let size = 0
  for (const item of items) size += item.byteLength
  for (const leaf of leaves) size = aligned(size) + leaf.byteLength
  const bytes = Buffer.allocUnsafe(size)
  let at = 0
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

/**
 * @param sizes of all leaves, as -1 - size of those that are apart.
 * @param apart gives those, by their number among themselves.
 */
export function leavesOf(bytes: Uint8Array, sizes: unknown, apart?: (index: number) => Uint8Array) {
  if (!Array.isArray(sizes)) throw new Error('no sizes of leaves')
  let span = 0
  let count = 0
  const taken = new Set<unknown>()
  const places = sizes.map((size: unknown) => {
    if (!Number.isInteger(size)) throw new Error('a leaf of no size')
    if ((size as number) < 0) return count++
    const start = aligned(span)
    span = start + (size as number)
    return start
  })
  const first = bytes.byteLength - span
  if (first < 0) throw new Error('leaves larger than the bytes')
  return {
    /** The memory of a leaf, once. */
    take: (index: unknown): ArrayBuffer => {
      const place = places[index as number]
      if (place === undefined || taken.has(index)) throw new Error('no such leaf')
      taken.add(index)
      const size: number = sizes[index as number]
      if (size < 0) return memoryOf(apart?.(place), -1 - size)
      const from = bytes.byteOffset + first + place
      return bytes.buffer.slice(from, from + size) as ArrayBuffer
    },
    /** Throws unless they follow items that end there. */
    checkStart: (end: number): void => {
      if (first !== (sizes.length > count ? aligned(end) : end))
        throw new Error('leaves that do not follow the value')
    },
  }
}

/** The memory that the bytes are all of, or else a copy. */
function memoryOf(bytes: Uint8Array | undefined, size: number): ArrayBuffer {
  if (bytes?.byteLength !== size) throw new Error('a leaf that is not there, or of another size')
  const { buffer } = bytes
  const isFixed = buffer instanceof ArrayBuffer && !(buffer as ArrayBuffer & { resizable: boolean }).resizable
  return isFixed && buffer.byteLength === size ? buffer : new Uint8Array(bytes).buffer
}
