/**
 * Locks between processes for what is not a call. One maintainer at a time: gc, verify with repair and recovery take
 * turns. And one at a time replaces a broken index, which takes milliseconds and must not wait for a maintainer: that
 * may be this very process. The one door to proper-lockfile, which is loaded at the first use.
 */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type Lockfile from 'proper-lockfile'
import { StoreError } from '../errors.ts'
import { errnoOf } from './files.ts'
import type { Layout } from './layout.ts'

// A holder renews its lock every STALE / 2; one that could not for so long is taken for dead.
const STALE = 60_000
const PAUSE = 50
const ATTEMPTS = 400

const load = (): typeof Lockfile => createRequire(import.meta.url)('proper-lockfile') as typeof Lockfile

// proper-lockfile tells the locks of a process apart by the path it is to lock, so each lock has its own: both may be
// held at once.
const pathOf = (layout: Layout, name: 'maintenance' | 'replacement'): string => join(layout.tmp, name)

const lockOptions: Lockfile.LockOptions = {
  realpath: false,
  stale: STALE,
  // Its default throws from a timer. What happens here is safe, if slower, beside a second maintainer.
  onCompromised: () => undefined,
}

/** Does `work` as the only maintainer of the directory. */
export async function maintaining<T>(layout: Layout, work: () => Promise<T>): Promise<T> {
  const retries = { retries: ATTEMPTS, factor: 1, minTimeout: PAUSE, maxTimeout: PAUSE }
  const release = await load()
    .lock(pathOf(layout, 'maintenance'), { ...lockOptions, retries })
    .catch((error: unknown) => {
      throw lockError(error)
    })
  try {
    return await work()
  } finally {
    await release().catch(() => undefined)
  }
}

/** Does `work` as the only one who replaces the index. */
export function replacing<T>(layout: Layout, work: () => T): T {
  let release: (() => void) | undefined
  for (let attempt = 1; release === undefined; attempt++) {
    try {
      release = load().lockSync(pathOf(layout, 'replacement'), lockOptions)
    } catch (error) {
      if (errnoOf(error) !== 'ELOCKED' || attempt === ATTEMPTS) throw lockError(error)
      sleep(PAUSE)
    }
  }
  try {
    return work()
  } finally {
    try {
      release()
    } catch {
      // taken over as stale, or the directory is gone: it is no longer ours to release
    }
  }
}

/** Blocks this thread; opening a store is synchronous. */
export function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}

function lockError(error: unknown): unknown {
  if (errnoOf(error) !== 'ELOCKED') return error
  return new StoreError('ERR_STORE_BUSY', 'another process is maintaining the directory', { cause: error })
}
