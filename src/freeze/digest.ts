/**
 * Bytes to a digest: XXH3-128, the one door to xxhash-addon; and SHA-256 for keys of caches that others write to, since XXH3
 * is not made to withstand somebody who chooses the bytes (see docs/soundness.md).
 *
 * The addon ends the process on anything that is not a view (a string, a plain ArrayBuffer, undefined), so the
 * door checks.
 */
import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import type { Digest } from '../types.ts'

type Hash = (bytes: ArrayBufferView) => Buffer

interface Addon {
  readonly XXHash128: {
    readonly hash: Hash
    new (seed: Buffer): { update(bytes: ArrayBufferView): void; digest(): Buffer }
  }
}

let addon: Addon | undefined

/** The 16 bytes of XXH3-128 (seed 0, canonical big-endian order) of a view's bytes. */
export function hashBytes(bytes: ArrayBufferView): Buffer {
  if (!ArrayBuffer.isView(bytes)) throw new TypeError('only views on bytes have a digest')
  return loaded().XXHash128.hash(bytes)
}

function loaded(): Addon {
  addon ??= createRequire(import.meta.url)('xxhash-addon') as Addon
  return addon
}

/** The digest of bytes, as 32 hex digits. */
export function digestBytes(bytes: ArrayBufferView): Digest {
  return hashBytes(bytes).toString('hex') as Digest
}

/** The digest of bytes that come piece by piece: the same as if they came at once. To be asked for it once. */
export interface Digester {
  update(bytes: ArrayBufferView): void
  digest(): Digest
}

export function newDigester(): Digester {
  // without a seed the addon ends the process
  const hash = new (loaded().XXHash128)(Buffer.alloc(8))
  return {
    update: (bytes) => {
      if (!ArrayBuffer.isView(bytes)) throw new TypeError('only views on bytes have a digest')
      hash.update(bytes)
    },
    digest: () => hash.digest().toString('hex') as Digest,
  }
}

// what goes into keys ----------------------------------------------------------------------------------------------

let isStrong = false

const plain = ({ buffer, byteLength, byteOffset }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength)

/** Does what makes a key, with SHA-256 in the place of XXH3-128. Nothing asynchronous. */
export function strongly<T>(work: () => T): T {
  const before = isStrong
  isStrong = true
  try {
    return work()
  } finally {
    isStrong = before
  }
}

/** Whether this is within `strongly`. */
export const inStrength = (): boolean => isStrong

/** As `hashBytes`, or 32 bytes of SHA-256. */
export function hashForKey(bytes: ArrayBufferView): Buffer {
  return isStrong ? createHash('sha256').update(plain(bytes)).digest() : hashBytes(bytes)
}

/** As `digestBytes`, or 64 hex digits of SHA-256. */
export function digestForKey(bytes: ArrayBufferView): Digest {
  return isStrong ? (hashForKey(bytes).toString('hex') as Digest) : digestBytes(bytes)
}

/** As `newDigester`, or SHA-256. */
export function newDigesterForKey(): Digester {
  if (!isStrong) return newDigester()
  const hash = createHash('sha256')
  return { update: (bytes) => void hash.update(plain(bytes)), digest: () => hash.digest('hex') as Digest }
}
