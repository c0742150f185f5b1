/** Connections are kept, few, and never waited for in vain. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import http, { type RequestListener } from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type BlobStore, type BlobStoreOptions, openBlobStore } from 'permafrost/blob'
import { temporaryFolder } from '../support/temporary.js'
import { answering } from './http-server.js'

interface Counted {
  readonly url: string
  readonly store: BlobStore
  /** How many connections and requests there were, and the most connections at once. */
  connections: number
  requests: number
  most: number
}

/** A store, and a server that counts. `answer` goes first; it answers nothing where it returns false. */
async function counted(
  t: TestContext,
  options: BlobStoreOptions = {},
  answer: (...args: Parameters<RequestListener>) => boolean = () => false,
  tls?: https.ServerOptions,
): Promise<Counted> {
  const blobs = answering({})
  let open = 0
  const listener: RequestListener = (request, response) => {
    counts.requests++
    if (!answer(request, response)) void blobs(request, response)
  }
  const server = tls === undefined ? http.createServer(listener) : https.createServer(tls, listener)
  server.on(tls === undefined ? 'connection' : 'secureConnection', (socket) => {
    counts.connections++
    counts.most = Math.max(counts.most, ++open)
    socket.once('close', () => open--)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const scheme = tls === undefined ? 'http' : 'https'
  const url = `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`
  const store = await openBlobStore(url, { retries: 0, ...options })
  const counts: Counted = { url, store, connections: 0, requests: 0, most: 0 }
  t.after(async () => {
    await store.close()
    server.closeAllConnections()
    server.close()
  })
  return counts
}

const bytes = Buffer.alloc(1024, 'a')
const read = async (store: BlobStore, key: string): Promise<Buffer | undefined> => {
  const found = await store.get(key)
  return found && Buffer.from(await found.bytes())
}

test('one connection serves one after the other, whatever is asked', async (t) => {
  const warnings: string[] = []
  const warned = ({ message }: Error): void => void warnings.push(message)
  process.on('warning', warned)
  t.after(() => process.off('warning', warned))
  const counts = await counted(t)
  const { store } = counts
  for (let index = 0; index < 15; index++) {
    await store.put('a', bytes)
    assert.deepEqual(await read(store, 'a'), bytes)
    assert.equal((await store.head('a'))?.size, 1024)
    assert.equal(await store.get('b'), undefined)
    await (await store.get('a'))?.cancel()
    await store.delete('a')
    await store.delete('a')
  }
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual([counts.connections, counts.requests], [1, 15 * 7])
  assert.deepEqual(warnings, [])
})

test('a refusal that goes on for ever is not listened to', async (t) => {
  let closed: Promise<unknown> | undefined
  const { store } = await counted(t, {}, ({ method }, response) => {
    if (method !== 'PUT') return false
    closed = once(response, 'close')
    response.writeHead(201)
    const more = (): void => {
      while (!response.destroyed && response.write(bytes));
    }
    response.on('drain', more)
    more()
    return true
  })
  await store.put('a', bytes)
  await closed
})

test('thousands at once have as many connections as allowed, and one request each', async (t) => {
  const counts = await counted(t, { connections: 8 })
  const { store } = counts
  const keys = Array.from({ length: 2000 }, (_, index) => `${index}`)
  await Promise.all(keys.map((key) => store.put(key, Buffer.from(key))))
  // all are here before one is taken
  const found = await Promise.all(keys.map((key) => store.get(key)))
  const texts = await Promise.all(found.map(async (one) => String(Buffer.from(await one!.bytes()))))
  assert.deepEqual(texts, keys)
  assert.equal(counts.requests, 2 * keys.length)
  assert.equal(counts.most, 8)
  assert.ok(counts.connections <= 16, `${counts.connections} connections`)
})

test('64 connections are the most unless somebody says otherwise', async (t) => {
  const counts = await counted(t)
  await Promise.all(Array.from({ length: 300 }, (_, index) => counts.store.get(`${index}`)))
  assert.equal(counts.most, 64)
  await assert.rejects(openBlobStore(counts.url, { connections: 0 }), /"connections"/)
})

test('waiting for a turn is no silence while others are served', async (t) => {
  const counts = await counted(t, { connections: 1, timeout: 200 }, (_, response) => {
    // each takes half of the time that a server may be silent
    setTimeout(() => response.writeHead(404).end(), 100)
    return true
  })
  const found = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((key) => counts.store.get(key)))
  assert.deepEqual(found, Array(5).fill(undefined))
  assert.deepEqual([counts.connections, counts.requests], [1, 5])
})

test('who waits for connections that nobody gives back is told, and that nothing was done', async (t) => {
  const counts = await counted(t, { connections: 1, timeout: 150 })
  const { store } = counts
  await store.put('large', Buffer.alloc(3_000_000))
  const found = await store.get('large')
  const signal = AbortSignal.timeout(20)
  await assert.rejects(store.put('b', bytes, { signal }), { name: 'TimeoutError' })
  await assert.rejects(store.put('b', bytes), { code: 'ERR_BLOB_UNREACHABLE', undone: true })
  assert.equal(counts.requests, 2)
  assert.equal((await found?.bytes())?.length, 3_000_000)
  await store.put('b', bytes)
})

test('a source that is slow is no server that is silent', async (t) => {
  const { store } = await counted(t, { timeout: 100 })
  let left = 3
  const slow = new ReadableStream<Uint8Array>({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, 200))
      if (left-- > 0) controller.enqueue(Buffer.from('abc'))
      else controller.close()
    },
  })
  await store.put('a', slow)
  assert.equal(String(await read(store, 'a')), 'abcabcabc')
})

// servers hang up by themselves some seconds later
test('a source is left alone when the server has refused, or nobody wants it any more', {
  timeout: 3000,
}, async (t) => {
  const { store } = await counted(t, { timeout: 2000 }, ({ url }, response) => {
    if (url === '/refused') response.writeHead(413).end('too large')
    return url === '/refused' || url === '/silent'
  })
  const endless = () => {
    let cancel = (): void => {}
    const cancelled = new Promise<void>((resolve) => {
      cancel = resolve
    })
    // some bytes, and then nothing
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(bytes),
      pull: () => new Promise(() => {}),
      cancel,
    })
    return { stream, cancelled }
  }
  const [refused, silent] = [endless(), endless()]
  await assert.rejects(store.put('refused', refused.stream), { code: 'ERR_BLOB_TOO_LARGE' })
  await refused.cancelled
  const signal = AbortSignal.timeout(50)
  await assert.rejects(store.put('silent', silent.stream, { signal }), { name: 'TimeoutError' })
  await silent.cancelled
})

test('what is past the end of a range is not read', { timeout: 3000 }, async (t) => {
  let closed: Promise<unknown> | undefined
  const { store } = await counted(t, {}, (_, response) => {
    closed = once(response, 'close')
    // it takes no notice of ranges
    response.writeHead(200, { 'content-length': 2 ** 40 })
    const more = (): void => {
      while (!response.destroyed && response.write(bytes));
    }
    response.on('drain', more)
    more()
    return true
  })
  const found = await store.get('a', { range: { start: 2, end: 1500 } })
  assert.equal((await found?.bytes())?.length, 1498)
  await closed
})

test('connections with TLS are kept as well', async (t) => {
  const folder = temporaryFolder(t)
  const [key, cert] = [join(folder, 'key'), join(folder, 'cert')]
  const kind = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-subj',
    '/CN=localhost',
  ]
  const made = spawnSync('openssl', ['req', '-x509', ...kind, '-keyout', key, '-out', cert])
  if (made.status !== 0) {
    assert.equal(process.env['PERMAFROST_ALL_SERVERS'], undefined, 'openssl is not installed')
    return t.skip('needs openssl')
  }
  const tls = { key: readFileSync(key), cert: readFileSync(cert) }
  const counts = await counted(t, { connections: 4 }, undefined, tls)
  const { store } = counts
  // nobody vouches for the server, so nothing was sent
  await assert.rejects(store.put('a', bytes), { code: 'ERR_BLOB_UNREACHABLE', undone: true })
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
  t.after(() => {
    delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
  })
  const keys = Array.from({ length: 200 }, (_, index) => `${index}`)
  await Promise.all(keys.map((one) => store.put(one, Buffer.from(one))))
  for (const one of keys) assert.equal(String(await read(store, one)), one)
  assert.equal(counts.most, 4)
  assert.equal(counts.requests, 400)
  assert.ok(counts.connections <= 10, `${counts.connections} connections`)
})
