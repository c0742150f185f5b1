/**
 * A leaf: large memory of a result, in a file of its own. What rows, headers and files say of it.
 */
import type { Digest } from '../types.ts'

/** A leaf by the name of its file, which is the digest of its bytes. */
export interface Leaf {
  readonly file: Digest
  readonly size: number
}

/** What memory is as a leaf. */
export const leafOf = (bytes: Uint8Array, digest: (bytes: Uint8Array) => Digest): Leaf => ({
  file: digest(bytes),
  size: bytes.byteLength,
})

export const sizeOfLeaves = (leaves: readonly Leaf[]): number =>
  leaves.reduce((sum, { size }) => sum + size, 0)

/** The digest of a result: of its bytes, or else of the digests of its bytes and of its leaves, 16 bytes each. */
export function objectOf(
  bytes: Uint8Array,
  leaves: readonly Leaf[],
  digest: (bytes: Uint8Array) => Digest,
): Digest {
  const own = digest(bytes)
  return leaves.length === 0 ? own : digest(Buffer.from(own + leaves.map(({ file }) => file).join(''), 'hex'))
}
