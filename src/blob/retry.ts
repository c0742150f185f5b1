/**
 * Asks again where that is safe: whatever is known to have changed nothing, and what may be done twice.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { BlobError } from '../errors.ts'
import type { BlobSettings } from './blob-store.ts'

/** `repeatable`: whether doing it twice is as good as once. */
export async function retrying<T>(
  { retries, retryDelay, timeout }: BlobSettings,
  signal: AbortSignal | undefined,
  repeatable: boolean,
  ask: () => Promise<T>,
): Promise<T> {
  for (let tried = 0; ; tried++) {
    signal?.throwIfAborted()
    try {
      return await ask()
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      if (!(error instanceof BlobError) || error.code !== 'ERR_BLOB_UNREACHABLE') throw error
      if (tried >= retries || !(repeatable || error.undone)) throw error
      // half of it is chance, so that many who failed together do not come back together
      const wait = retryDelay * 2 ** tried * (0.5 + Math.random() / 2)
      const asked = error.retryAfter ?? 0
      if (asked > timeout) throw error
      // who is woken up by the signal throws its reason
      await sleep(Math.max(wait, asked), undefined, signal && { signal }).catch(() => {})
    }
  }
}
