/**
 * Bytes to a digest: XXH3-128, the one door to xxhash-addon.
 *
 * The addon ends the process on anything that is not a view (a string, a plain ArrayBuffer, undefined), so the
 * door checks. XXH3 is not made to withstand an attacker who chooses the bytes; see docs/soundness.md.
 */
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
