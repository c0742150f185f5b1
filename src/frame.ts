/**
 * Which memoized call is running around the present one. What an inner call depends on, the outer one does too: it is kept
 * only if its own key covers the files, and no longer than the inner result lives.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Digest } from './types.ts'

export interface Frame {
  readonly digest: Digest
  readonly outer: Frame | undefined
  readonly files: Set<string>
  expiresAt: number
}

const frames = new AsyncLocalStorage<Frame>()

/** A frame for the call of this digest, inside the one that is running. */
export const frameOf = (digest: Digest): Frame => ({
  digest,
  outer: frames.getStore(),
  files: new Set(),
  expiresAt: Number.POSITIVE_INFINITY,
})

/** Run `work` as that call. */
export const within = <T>(frame: Frame, work: () => T): T => frames.run(frame, work)

/** The call that is running. */
export const running = (): Frame | undefined => frames.getStore()

/** Run `work` as nobody's part. */
export const outside = <T>(work: () => T): T => frames.exit(work)

/** Tell the call around this one what its result now depends on. */
export function depend(files: Iterable<string>, expiresAt: number = Number.POSITIVE_INFINITY): void {
  const outer = frames.getStore()
  if (outer === undefined) return
  for (const path of files) outer.files.add(path)
  outer.expiresAt = Math.min(outer.expiresAt, expiresAt)
}

/** A call that waits for itself would wait for ever. */
export function isRunningAround(digest: Digest): boolean {
  for (let frame = frames.getStore(); frame !== undefined; frame = frame.outer) {
    if (frame.digest === digest) return true
  }
  return false
}
