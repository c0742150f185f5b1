/**
 * Thousands of small results at once, where each answer takes 50 ms: sent, pulled, computed and found. The reference is what the
 * parallelism allows: requests / parallel × 50 ms. How much the process grew shows whether what waits is bounded.
 */
import { openBlobStore } from 'permafrost/blob'
import { isShort, machine, number, row, timed } from './measure.js'
import { startServer } from './server.js'

const [COUNT, LATENCY] = isShort ? [200, 5] : [10_000, 50]
/** Connections of a blob store. */
const PARALLEL = 64

const square = async (x) => ({ square: x * x, text: `result ${x} `.repeat(4) })

const calls = Array.from({ length: COUNT }, (_, index) => [index])
const server = await startServer()
const rows = []

/** What `work` took against what it could at least, by the requests that it made. */
async function measured(name, work) {
  await server.set({ latency: LATENCY })
  const before = process.memoryUsage().rss
  let most = before
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss)
  }, 50)
  const cpu = process.cpuUsage()
  const { time } = await timed(work)
  const { system, user } = process.cpuUsage(cpu)
  clearInterval(watch)
  const { counts } = await server.set()
  const asked = Object.values(counts).reduce((sum, some) => sum + some, 0)
  const least = (asked / PARALLEL) * LATENCY
  const ratio = `${number(time / least)} × the ${number(least)} ms that ${PARALLEL} at a time take`
  const grown = `${number((most - before) / 2 ** 20)} MiB more`
  const busy = `${number((user + system) / 1000 / COUNT)} ms of processor a call`
  rows.push(
    row(
      `${number(COUNT)} ${name}, ${LATENCY} ms`,
      `${number(time)} ms, ${ratio}; ${number(asked / COUNT)} requests a call, ${busy}, ${grown}`,
    ),
  )
}

/** Fails where there is a result too few. */
function expect(found, wanted) {
  if (found !== wanted) throw new Error(`${found}, not ${wanted}`)
}

const store = await openBlobStore(...server.places.http)
const options = { pipelineId: 'many' }
const writer = machine(store, { ...options, mode: 'write' })
const squareThere = writer.memoize(square)
await measured('computed and sent', async () => {
  for (let from = 0; from < COUNT; from += 500)
    await Promise.all(calls.slice(from, from + 500).map(([x]) => squareThere(x)))
  expect((await writer.push()).sent, COUNT)
})
const keys = calls.map(([x]) => `${squareThere.memoUri(x).replace(/^.*(?=permafrost-1)/, '')}/result`)
await measured('bare GETs of the blob store', async () => {
  const all = await Promise.all(keys.map(async (key) => (await store.get(key)).bytes()))
  expect(all.length, COUNT)
})
const puller = machine(store, options)
await measured('pulled', async () => {
  expect((await puller.pull(puller.memoize(square), calls)).pulled, COUNT)
})
const reader = machine(store, options)
const squareHere = reader.memoize(square)
await measured('hits at once', async () => {
  await Promise.all(calls.map(([x]) => squareHere(x)))
  expect(reader.stats().hits, COUNT)
})
for (const lease of [false, {}]) {
  const one = machine(store, { pipelineId: `many-${lease === false}`, lease })
  const squared = one.memoize(square)
  await measured(`misses at once${lease === false ? ', lease: false' : ''}`, async () => {
    await Promise.all(calls.map(([x]) => squared(x)))
    expect((await one.push()).sent, COUNT)
  })
  one.close()
}
for (const group of [writer, puller, reader]) group.close()
await store.close()
server.stop()
console.log(JSON.stringify(rows))
