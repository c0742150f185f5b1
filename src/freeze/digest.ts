/**
 * Bytes to a digest: XXH3-128, the one door to xxhash-addon.
 *
 * The addon ends the process on anything that is not a view (a string, a plain ArrayBuffer, undefined), so the
 * door checks. XXH3 is not made to withstand an attacker who chooses the bytes; see docs/soundness.md.
 */
import { createRequire } from 'node:module'
import type { Digest } from '../types.ts'

type Hash = (bytes: ArrayBufferView) => Buffer

let hash: Hash | undefined

/** The 16 bytes of XXH3-128 (seed 0, canonical big-endian order) of a view's bytes. */
export function hashBytes(bytes: ArrayBufferView): Buffer {
  if (!ArrayBuffer.isView(bytes)) throw new TypeError('only views on bytes have a digest')
  hash ??= loadHash()
  return hash(bytes)
}

function loadHash(): Hash {
  const addon = createRequire(import.meta.url)('xxhash-addon') as { XXHash128: { hash: Hash } }
  return addon.XXHash128.hash
}

/** The digest of bytes, as 32 hex digits. */
export function digestBytes(bytes: ArrayBufferView): Digest {
  return hashBytes(bytes).toString('hex') as Digest
}
