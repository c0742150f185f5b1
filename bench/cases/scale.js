/**
 * Many small entries: hits of 1,000 calls spread over all, new calls, letting a tenth leave, counting, bytes on disk. Beside
 * each a directory of permafrost with 1,000 entries, in the same rounds: what growth itself costs.
 */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { percentiles, timeOf } from '../suite/time.js'

const HITS = 1000
const LOAD_SECONDS = 40
const SOON = 5

// the draw tells one that was computed again
const small = (n) => ({ x: n, name: 'small value', draw: Math.random() })

/** Stores so many, and remembers what a thousand of them gave. */
async function load(cache, entries, seconds) {
  const call = await cache.memoize(small)
  const draws = new Map()
  const began = performance.now()
  for (let n = 0; n < entries; n++) {
    const { draw } = await call(n)
    if (n % (entries / HITS) === 0) draws.set(n, draw)
    if (n % 500 !== 499) continue
    const rate = (n / (performance.now() - began)) * 1000
    // who will not be done in time is not waited for
    if (n / rate > SOON && entries / rate > seconds) {
      await cache.close()
      throw new Error(`stores no more than ${Math.round(rate).toLocaleString('en')} a second`)
    }
  }
  return draws
}

function bytesIn(directory) {
  const names = readdirSync(directory, { recursive: true })
  // what a file takes, not what is in it
  return names.reduce((sum, name) => {
    const stats = statSync(join(directory, name), { throwIfNoEntry: false })
    return sum + (stats?.isFile() ? stats.blocks * 512 : 0)
  }, 0)
}

const startWith = (entries, { evicts }) =>
  async function start({ open, directory, scale }) {
    const size = Math.max(HITS, entries / scale)
    let cache = await open(directory)
    const draws = await load(cache, size, entries > 100_000 ? 10 * LOAD_SECONDS : LOAD_SECONDS)
    await cache.close()
    const perEntry = bytesIn(directory) / size
    cache = await open(directory)
    const call = await cache.memoize(small)
    for (const [n, draw] of draws)
      if ((await call(n)).draw !== draw) throw new Error('has lost what it stored')
    const calls = [...draws.keys()]
    let turn = 0
    let next = size
    return {
      async round() {
        const hits = await timeOf(() => call(calls[(turn++ * 7919) % HITS]), { ms: 150 })
        const puts = await timeOf(() => call(next++), { ms: 50, most: 1000 })
        const { p50, p99 } = percentiles(hits)
        return { p50, p99, put: percentiles(puts).p50 }
      },
      async end() {
        const found = { perEntry }
        if (cache.entries)
          found.stats = percentiles(await timeOf(() => cache.entries(), { ms: 100, most: 200 })).p50
        if (evicts && cache.evict) {
          const { evicted, time } = await cache.evict(Math.floor(size / 10))
          found.evict = (time * 1000) / evicted
        } else await cache.close()
        return found
      },
    }
  }

const few = startWith(HITS, { evicts: false })

const scale = (id, entries, words, more) => ({
  id,
  title: `${words} entries`,
  figures: [
    { id: 'p50', title: 'hit p50' },
    { id: 'p99', title: 'hit p99' },
    { id: 'put', title: 'put p50' },
    { id: 'evict', title: 'evict, each' },
    { id: 'stats', title: 'count all' },
    { id: 'perEntry', title: 'on disk, each', unit: 'B' },
  ],
  disk: true,
  start: startWith(entries, { evicts: true }),
  references: {
    'permafrost with 1,000 entries': async (options) =>
      few({ ...options, ...(await import('../rivals/permafrost.js')) }),
    'permafrost, from the index, with 1,000 entries': async (options) =>
      few({ ...options, ...(await import('../rivals/permafrost-index.js')) }),
  },
  ...more,
})

export const cases = [
  scale('scale-10k', 10_000, '10,000'),
  scale('scale-100k', 100_000, '100,000', { long: true }),
  scale('scale-1m', 1_000_000, '1,000,000', {
    full: true,
    ready: 450,
    ids: ['permafrost', 'permafrost-index', 'sqlite', 'lmdb'],
  }),
]
