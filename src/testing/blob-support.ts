/** What the tests of the contract share. */
import assert from 'node:assert/strict'
import type { BlobErrorCode, BlobStore } from '../blob/index.ts'

/** Declares a test that gets the store, open, and the beginning of keys that are its own. */
export type On = (title: string, body: (store: BlobStore, prefix: string) => Promise<void>) => unknown

export const text = (value: string): Buffer<ArrayBuffer> => Buffer.from(value)

export async function read(store: BlobStore, key: string): Promise<string | undefined> {
  const found = await store.get(key)
  return found && String(Buffer.from(await found.bytes()))
}

export function streamed(bytes: Buffer): ReadableStream<Uint8Array> {
  let at = 0
  return new ReadableStream({
    pull(controller) {
      if (at < bytes.length) controller.enqueue(bytes.subarray(at, at + 70_000))
      else controller.close()
      at += 70_000
    },
  })
}

export const withCode =
  (code: BlobErrorCode) =>
  (error: unknown): true => {
    assert.equal((error as { code?: unknown }).code, code, String(error))
    return true
  }
