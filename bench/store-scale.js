/**
 * Whether the store stays as fast and as small when it is full: 1,000, 100,000 and, with `--full` (two minutes),
 * 1,000,000 entries.
 */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { encode } from 'cbor-x'
import { entryOf, keyOf, open, percentiles, temporary, timed } from './a-store.js'

const directory = temporary()
const sizes = process.argv.includes('--full') ? [1000, 100_000, 1_000_000] : [1000, 100_000]
const rows = []
const words = (n) => n.toLocaleString('en')

const ratioTo = (name, size) => (size === 1000 ? undefined : name.replace(words(size), '1,000'))

for (const size of sizes) {
  const path = join(directory, `${size}`)
  const store = open(path)
  const fills = []
  for (let n = 0; n < size; n++) {
    const entry = entryOf(n)
    const value = encode({ x: n, name: 'small value' })
    fills.push(timed(() => store.put(entry, value)))
  }
  let name = `put into ${words(size)}, nothing leaves`
  rows.push(percentiles(name, fills.slice(-5000), ratioTo(name, size)))
  store.commit()
  const bytes = statSync(join(path, 'index.sqlite')).size
  rows.push({
    name: `bytes on disk per small entry of ${words(size)}`,
    value: `${Math.round(bytes / size)} B`,
  })

  // The same number of calls, far apart; and all calls alike, where most pages come from the system's memory.
  for (const [which, calls] of [
    ['1,000 calls', 1000],
    ['all calls', size],
  ]) {
    const hits = []
    for (let n = 0; n < 40_000; n++) {
      const key = keyOf((((n * 7919) % calls) * size) / calls)
      hits.push(timed(() => store.read(store.find(key))))
    }
    name = `hit of ${which} of ${words(size)}`
    rows.push(percentiles(name, hits.slice(10_000), ratioTo(name, size)))
  }
  store.close()

  const full = open(path, { maxEntries: size })
  const puts = []
  for (let n = 0; n < 5500; n++) {
    const entry = entryOf(size + n)
    const value = encode({ x: n, name: 'small value' })
    puts.push(timed(() => full.put(entry, value)))
  }
  name = `put into ${words(size)}, another leaves`
  rows.push(percentiles(name, puts.slice(500), ratioTo(name, size)))
  const mean = puts.slice(500).reduce((sum, time) => sum + time) / 5000
  rows.push({ name: `mean of those puts`, value: `${mean.toFixed(1)} µs` })
  const { entries } = full.totals()
  if (entries > size || entries < size * 0.99) throw new Error(`${entries} entries where ${size} are allowed`)
  full.close()
}

const most = sizes.at(-1)
const fewer = open(join(directory, `${most}`), { maxEntries: most - Math.min(100_000, most / 2) })
const began = performance.now()
const { evicted } = await fewer.gc()
rows.push({
  name: `time to evict ${words(evicted)} of ${words(most)}`,
  value: `${((performance.now() - began) / 1000).toFixed(1)} s`,
})
fewer.close()
console.log(JSON.stringify(rows))
