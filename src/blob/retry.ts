/**
 * Asks again where that is safe: whatever is known to have changed nothing, and what may be done twice. A server that has too
 * much to do is asked for longer than one that fails: it will have time, unless all come back at once.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { BlobError } from '../errors.ts'
import type { BlobSettings } from './blob-store.ts'

/** Milliseconds between two questions to a server that has too much to do, at most. */
const LONGEST_PAUSE = 2000

/** `repeatable`: whether doing it twice is as good as once. */
export async function retrying<T>(
  { retries, retryDelay, timeout }: BlobSettings,
  signal: AbortSignal | undefined,
  repeatable: boolean,
  ask: () => Promise<T>,
): Promise<T> {
  const began = performance.now()
  for (let tried = 0; ; tried++) {
    signal?.throwIfAborted()
    try {
      return await ask()
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      if (!(error instanceof BlobError) || error.code !== 'ERR_BLOB_UNREACHABLE') throw error
      const isOver = error.busy && retries > 0 ? performance.now() - began > timeout : tried >= retries
      if (isOver || !(repeatable || error.undone)) throw error
      // half of it is chance, so that many who failed together do not come back together
      const pause = retryDelay * 2 ** tried
      const wait = (error.busy ? Math.min(pause, LONGEST_PAUSE) : pause) * (0.5 + Math.random() / 2)
      const asked = error.retryAfter ?? 0
      if (asked > timeout) throw error
      // who is woken up by the signal throws its reason
      await sleep(Math.max(wait, asked), undefined, signal && { signal }).catch(() => {})
    }
  }
}
