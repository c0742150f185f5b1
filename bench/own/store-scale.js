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

const [fewest] = sizes
const ratioTo = (name, size) => (size === fewest ? undefined : name.replace(words(size), words(fewest)))
const pathOf = (size) => join(directory, `${size}`)
const bytesOf = (n) => encode({ x: n, name: 'small value' })

/** Microseconds of each put of so many new entries. */
function puts(store, from, count) {
  return Array.from({ length: count }, (_, n) => {
    const entry = entryOf(from + n)
    const value = bytesOf(n)
    return timed(() => store.put(entry, value))
  })
}

for (const size of sizes) {
  const store = open(pathOf(size))
  const name = `put into ${words(size)}, nothing leaves`
  rows.push(percentiles(name, puts(store, 0, size).slice(-5000), ratioTo(name, size)))
  store.close()
  const { size: bytes } = statSync(join(pathOf(size), 'index.sqlite'))
  rows.push({
    name: `bytes on disk per small entry of ${words(size)}`,
    value: `${Math.round(bytes / size)} B`,
  })
}

// The same number of calls, far apart; and all calls alike, where most pages come from the system's memory. Each store
// in turn, call by call.
const stores = sizes.map((size) => open(pathOf(size)))
for (const spread of [(_) => 1000, (size) => size]) {
  const hits = sizes.map(() => [])
  for (let n = 0; n < 40_000; n++) {
    for (const [index, size] of sizes.entries()) {
      const calls = spread(size)
      const key = keyOf((((n * 7919) % calls) * size) / calls)
      hits[index].push(timed(() => stores[index].read(stores[index].find(key))))
    }
  }
  for (const [index, size] of sizes.entries()) {
    const name = `hit of ${spread(size) === size ? 'all' : words(1000)} calls of ${words(size)}`
    if (index === 0 && spread(2000) === 2000) continue
    const reference = index === 0 ? undefined : `hit of all calls of ${words(fewest)}`
    rows.push(percentiles(name, hits[index].slice(10_000), reference))
  }
}
for (const store of stores) store.close()

for (const size of sizes) {
  const full = open(pathOf(size), { maxEntries: size })
  const times = puts(full, size, 5500).slice(500)
  const name = `put into ${words(size)}, another leaves`
  rows.push(percentiles(name, times, ratioTo(name, size)))
  const mean = times.reduce((sum, time) => sum + time) / times.length
  rows.push({ name: `mean of those puts into ${words(size)}`, value: `${mean.toFixed(1)} µs` })
  const { entries } = full.totals()
  if (entries > size || entries < size * 0.99) throw new Error(`${entries} entries where ${size} are allowed`)
  full.close()
}

const most = sizes.at(-1)
const fewer = open(pathOf(most), { maxEntries: most - Math.min(100_000, most / 2) })
const began = performance.now()
const { evicted } = await fewer.gc()
rows.push({
  name: `time to evict ${words(evicted)} of ${words(most)}`,
  value: `${((performance.now() - began) / 1000).toFixed(1)} s`,
})
fewer.close()
console.log(JSON.stringify(rows))
