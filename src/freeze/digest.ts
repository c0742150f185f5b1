/**
 * Bytes to a digest: XXH3-128, the one door to xxhash-addon.
 *
 * The addon ends the process on anything that is not a view (a string, a plain ArrayBuffer, undefined), so the
 * door checks. XXH3 is not made to withstand an attacker who chooses the bytes; see docs/soundness.md.
 */
import { createRequire } from 'node:module'
import type { Digest } from '../types.ts'

type Hash = (bytes: ArrayBufferView) => Buffer

interface Stream {
  update(bytes: ArrayBufferView): void
  digest(): Buffer
}

interface Addon {
  readonly XXHash128: { new (seed: Buffer): Stream; hash: Hash }
}

let addon: Addon | undefined
let hash: Hash | undefined

/** The 16 bytes of XXH3-128 (seed 0, canonical big-endian order) of a view's bytes. */
export function hashBytes(bytes: ArrayBufferView): Buffer {
  if (!ArrayBuffer.isView(bytes)) throw new TypeError('only views on bytes have a digest')
  hash ??= loadHash()
  return hash(bytes)
}

function loadHash(): Hash {
  addon ??= createRequire(import.meta.url)('xxhash-addon') as Addon
  return addon.XXHash128.hash
}

/** The digest of bytes that come one after the other, the same as of all at once. */
export class Hashing {
  readonly #stream: Stream

  constructor() {
    addon ??= createRequire(import.meta.url)('xxhash-addon') as Addon
    // without a seed the addon ends the process
    this.#stream = new addon.XXHash128(Buffer.alloc(8))
  }

  add(bytes: ArrayBufferView): void {
    if (!ArrayBuffer.isView(bytes)) throw new TypeError('only views on bytes have a digest')
    this.#stream.update(bytes)
  }

  digest(): Digest {
    return this.#stream.digest().toString('hex') as Digest
  }
}

/** The digest of bytes, as 32 hex digits. */
export function digestBytes(bytes: ArrayBufferView): Digest {
  return hashBytes(bytes).toString('hex') as Digest
}
