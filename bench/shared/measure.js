/** What the benches of the shared tier have in common. */
import { join } from 'node:path'
import { MemoizedGroup } from 'permafrost'
import { percentiles, temporary } from '../own/a-store.js'

export { percentiles, temporary }

/** Whether only to see that it works: few of everything. */
export const isShort = process.argv.includes('--short')

/** A machine of its own, so to speak: a fresh directory. */
export const machine = (blobStore, options = {}) =>
  new MemoizedGroup({
    directory: join(temporary(), 'cache'),
    blobStore,
    onError: (error) => {
      throw error
    },
    ...options,
  })

/** Milliseconds that it took, and what came of it. */
export async function timed(work) {
  const began = performance.now()
  const value = await work()
  return { time: performance.now() - began, value }
}

export const number = (value) => value.toLocaleString('en', { maximumFractionDigits: 2 })

/** A row of text. */
export const row = (name, value) => ({ name, value })
