/**
 * A small blob over HTTP and S3, against bare `node:http` with a kept connection: the same bytes from the same server,
 * a process of its own on this machine, which nothing but answers. All of them take turns, call by call; then
 * thousands at once. A real network adds the same to each.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import { fileURLToPath } from 'node:url'
import { openBlobStore } from 'permafrost/blob'
import { percentiles } from './a-store.js'

const bytes = Buffer.alloc(1024, 'permafrost')
const sha256 = createHash('sha256').update(bytes).digest('hex')

function serve() {
  const facts = {
    etag: '"1"',
    'last-modified': new Date().toUTCString(),
    'x-amz-meta-sha256': sha256,
  }
  const server = http.createServer(async (request, response) => {
    if (request.method === 'GET')
      return response.writeHead(200, { ...facts, 'content-length': bytes.length }).end(bytes)
    for await (const _ of request);
    response.writeHead(201, { etag: '"2"', 'content-length': 0 }).end()
  })
  server.listen(0, '127.0.0.1', () => console.log(server.address().port))
}

async function rows() {
  const server = spawn(process.execPath, [fileURLToPath(import.meta.url), 'serve'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  process.once('exit', () => server.kill())
  const [port] = await once(server.stdout, 'data')
  const url = `http://127.0.0.1:${Number(port)}`
  const agent = new http.Agent({ keepAlive: true, maxSockets: 64 })
  const stores = {
    http: await openBlobStore(url),
    s3: await openBlobStore('s3://bucket', { endpoint: url, accessKeyId: 'me', secretAccessKey: 'secret' }),
  }
  const kinds = {
    bare: { get: () => bare(url, agent, 'GET'), put: () => bare(url, agent, 'PUT', bytes) },
    ...Object.fromEntries(
      Object.entries(stores).map(([name, store]) => [
        name,
        { get: async () => (await store.get('a')).bytes(), put: () => store.put('a', bytes) },
      ]),
    ),
  }
  const found = []
  for (const what of ['get', 'put']) {
    const runs = Object.entries(kinds).map(([kind, calls]) => ({ kind, run: calls[what], times: [] }))
    const name = (kind) => `${what} of 1 KB, ${kind}`
    await inTurn(runs, 3000)
    for (const { kind, times } of runs) found.push(percentiles(name(kind), times, reference(kind, name)))
    const many = (kind) => `${what} of 1 KB, one of 2,000 at once, ${kind}`
    for (const run of runs) run.times = []
    await atOnce(runs, 2000, 10)
    for (const { kind, times } of runs) found.push(percentiles(many(kind), times, reference(kind, many)))
  }
  for (const store of Object.values(stores)) await store.close()
  agent.destroy()
  server.kill()
  return found
}

const reference = (kind, name) => (kind === 'bare' ? undefined : name('bare'))

async function inTurn(runs, count) {
  for (let index = 0; index < count * 1.1; index++)
    for (const { run, times } of runs) {
      const began = performance.now()
      await run()
      // the first ones warm up
      if (index >= count * 0.1) times.push((performance.now() - began) * 1000)
    }
}

/** Of each round, the time divided by the calls. */
async function atOnce(runs, count, rounds) {
  for (let round = 0; round < rounds; round++)
    for (const { run, times } of runs) {
      const began = performance.now()
      await Promise.all(Array.from({ length: count }, run))
      if (round > 0) times.push(((performance.now() - began) * 1000) / count)
    }
}

function bare(url, agent, method, body) {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-length': body.length }
    const request = http.request(`${url}/a`, { method, agent, headers }, (response) => {
      const chunks = []
      response
        .on('data', (chunk) => chunks.push(chunk))
        .on('end', () => resolve(Buffer.concat(chunks)))
        .on('error', reject)
    })
    request.on('error', reject).end(body)
  })
}

if (process.argv[2] === 'serve') serve()
else console.log(JSON.stringify(await rows()))
