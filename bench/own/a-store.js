/** A store in a fresh directory, and calls to put into it, for the benches of the store. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { digestBytes, newDigester } from '#src/freeze/digest.js'
import { policies } from '#src/store/policy.js'
import { openStore } from '#src/store/store.js'

/** Where the benches write: `PERMAFROST_BENCH_DIR`, else the system's temporary directory. */
export function temporary() {
  const directory = mkdtempSync(join(process.env.PERMAFROST_BENCH_DIR ?? tmpdir(), 'permafrost-bench-'))
  made.push(directory)
  return directory
}

const made = []
process.on('exit', () => {
  for (const directory of made) rmSync(directory, { recursive: true, force: true })
})

export const open = (directory, options = {}) =>
  openStore({
    directory,
    readonly: false,
    temporary: false,
    maxSize: Number.POSITIVE_INFINITY,
    maxEntries: Number.POSITIVE_INFINITY,
    policy: policies.gdsf,
    durability: 'commit',
    clock: Date.now,
    digest: digestBytes,
    newDigester,
    onError: (error) => {
      throw error
    },
    ...options,
  })

const digest = (text) => digestBytes(Buffer.from(text))
const code = digest('code')
const inputs = digest('inputs')
const state = digest('state')

export const keyOf = (n) => digest(`key ${n}`)

export const entryOf = (n, more = {}) => ({
  key: { name: 'f', code, args: digest(`args ${n}`), inputs, state, digest: keyOf(n) },
  computeTime: 0.1 + (n % 1000) / 100,
  codec: 'cbor1',
  async: false,
  tags: [],
  keepVersions: Number.POSITIVE_INFINITY,
  ...more,
})

/** Microseconds that `work` takes. */
export function timed(work) {
  const began = process.hrtime.bigint()
  work()
  return Number(process.hrtime.bigint() - began) / 1000
}

export function percentiles(name, times, reference) {
  const sorted = Float64Array.from(times).sort()
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
  return { name, p50: at(0.5), p99: at(0.99), reference }
}
