/**
 * Writes plain data as CBOR. The one door to cbor-x.
 *
 * Promises standard CBOR without tags or records, maps in the order of their keys, in the subset that reader.ts reads.
 * Whoever calls has checked that the value is plain: cbor-x changes what it does not know without a word.
 */
import { createRequire } from 'node:module'
import type { Encoder, Options } from 'cbor-x'

/** Larger results leave a larger scratch buffer behind in cbor-x, which is then replaced. */
const SCRATCH = 1 << 20

type ReusingEncoder = Encoder & { useBuffer(scratch: Uint8Array): void }

let encoder: ReusingEncoder | undefined

/**
 * One item. The bytes are a view of scratch memory, but of a part that is not written again.
 *
 * The build without generated code is the same encoder, and loads in 9 ms instead of 17 because it does not look for
 * the native string reader, which only decoding would use. A process that only hits never loads it.
 */
export function writeItem(value: unknown): Uint8Array {
  encoder ??= newEncoder()
  const bytes = encoder.encode(value)
  if (bytes.byteLength > SCRATCH) encoder.useBuffer(Buffer.allocUnsafeSlow(8192))
  return bytes
}

function newEncoder(): ReusingEncoder {
  const { Encoder } = createRequire(import.meta.url)('cbor-x/index-no-eval') as typeof import('cbor-x')
  // Keys are written with each object, own ones only, after the shortest header.
  const options: Options = { useRecords: false, variableMapSize: true, tagUint8Array: false }
  return new Encoder(options) as ReusingEncoder
}
