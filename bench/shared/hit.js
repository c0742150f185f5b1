/**
 * The first call in a fresh directory, of what another machine has sent: one request, and how long it takes against the bare
 * client's GET of the very same bytes. All take turns, call by call. Over HTTP and S3 also with 20 ms until each answer, as a network has;
 * and what the tier adds, step by step.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { openBlobStore } from 'permafrost/blob'
import { isShort, machine, percentiles, row, temporary } from './measure.js'
import { startServer } from './server.js'

const SIZES = { '1 KB': [1000, isShort ? 20 : 200], '1 MB': [1_000_000, isShort ? 4 : 25] }
const LATENCY = 20

const textOf = async (size, seed) => `${seed} `.padEnd(size, 'permafrost ')

const server = await startServer()
const agent = new http.Agent({ keepAlive: true })
const rows = []

const overHttp = (path) => (key) =>
  new Promise((resolve, reject) => {
    http
      .get(`${server.url}${path}/${key}`, { agent }, (response) => {
        const chunks = []
        response.on('data', (chunk) => chunks.push(chunk)).on('end', () => resolve(Buffer.concat(chunks)))
      })
      .on('error', reject)
  })

const folder = temporary()
const stores = {
  http: { at: server.places.http, bare: overHttp('/plain') },
  s3: { at: server.places.s3, bare: overHttp('/bucket') },
  file: { at: [pathToFileURL(folder).href], bare: async (key) => readFileSync(join(folder, filed(key))) },
}
/** A key as the name of a file. */
const filed = (key) => `${key.replaceAll(/[A-Z]/g, (letter) => `+${letter.toLowerCase()}`)}+`

async function redis() {
  if (spawnSync('redis-server', ['--version']).status !== 0) return undefined
  const port = 20_000 + (process.pid % 20_000)
  const child = spawn('redis-server', [
    '--port',
    `${port}`,
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--dir',
    temporary(),
  ])
  process.once('exit', () => child.kill())
  for (let text = ''; !text.includes('Ready to accept'); ) text += (await once(child.stdout, 'data'))[0]
  const { createClient } = await import('redis')
  const client = await createClient({ url: `redis://127.0.0.1:${port}` }).connect()
  const bare = client.withTypeMapping({ 36: Buffer })
  return {
    at: [`redis://127.0.0.1:${port}/0?prefix=bench`],
    bare: (key) => bare.hGet(`{bench}:blob:${key}`, 'bytes'),
    stop: () => {
      client.destroy()
      child.kill()
    },
  }
}

const there = await redis()
if (there === undefined) rows.push(row('redis', 'left out: redis-server is not installed'))
else stores.redis = there

for (const [name, { at, bare }] of Object.entries(stores))
  for (const latency of name === 'http' || name === 's3' ? [0, LATENCY] : [0])
    for (const [size, [bytes, count]] of Object.entries(SIZES)) {
      const store = await openBlobStore(...at)
      const options = { pipelineId: `hit-${latency}-${bytes}`, lease: false }
      const writer = machine(store, { ...options, mode: 'write' })
      const wrote = writer.memoize(textOf)
      const seeds = Array.from({ length: count }, (_, index) => index)
      await Promise.all(seeds.map((seed) => wrote(bytes, seed)))
      await writer.push()
      await server.set({ latency })
      const reader = machine(store, { ...options, mode: 'read' })
      const read = reader.memoize(textOf)
      const keys = seeds.map(
        (seed) => `${read.memoUri(bytes, seed).replace(/^.*(?=permafrost-1)/, '')}/result`,
      )
      const runs = {
        bare: (index) => bare(keys[index]),
        client: async (index) => (await store.get(keys[index])).bytes(),
        hit: (index) => read(bytes, seeds[index]),
      }
      const times = { bare: [], client: [], hit: [] }
      for (let index = 0; index < count; index++)
        for (const [who, run] of Object.entries(runs)) {
          const began = performance.now()
          await run(index)
          // the first ones warm up
          if (index >= count * 0.1) times[who].push((performance.now() - began) * 1000)
        }
      const { hits } = reader.stats()
      if (hits !== count) throw new Error(`${hits} hits, not ${count}`)
      const title = (who) => `${size} over ${name}${latency > 0 ? `, ${latency} ms` : ''}: ${who}`
      rows.push(percentiles(title('bare GET'), times.bare))
      rows.push(percentiles(title('GET of the blob store'), times.client, title('bare GET')))
      rows.push(percentiles(title('hit in a fresh directory'), times.hit, title('GET of the blob store')))
      const { counts } = await server.set()
      if (name !== 'file' && name !== 'redis') {
        const asked = counts['GET result 200']
        if (asked !== 3 * count || Object.keys(counts).length > 1) throw new Error(JSON.stringify(counts))
        rows.push(row(title('requests for each hit'), String(asked / count - 2)))
      }
      writer.close()
      reader.close()
      await store.close()
    }
there?.stop()
agent.destroy()
server.stop()
console.log(JSON.stringify(rows))
