/** Plain HTTP stores of all manners keep the contract, or say that they cannot. */
import assert from 'node:assert/strict'
import { after, type TestContext, test } from 'node:test'
import { type BlobStoreOptions, openBlobStore } from 'permafrost/blob'
import { blobStoreContract } from 'permafrost/testing'
import { httpStore, listening, type Manners, type Server } from './http-server.js'

const servers: Server[] = []
after(() => Promise.all(servers.map((server) => server.close())))

async function contract(name: string, manners: Manners, able: boolean, options: BlobStoreOptions = {}) {
  const server = await httpStore(manners)
  servers.push(server)
  blobStoreContract({
    name,
    test,
    open: () => openBlobStore(`${server.url}/cache/v1`, options),
    etags: manners.etags ?? true,
    capabilities: {
      conditionalCreate: able,
      compareAndSwap: able,
      conditionalDelete: able,
      ranges: true,
      listing: false,
      serverClock: true,
    },
  })
}

await contract('http', { authorization: 'Bearer secret' }, true, { token: 'secret' })
await contract('http, 409', { conflict: true }, true)
await contract('http without conditions', { conditions: 'ignored' }, false)
await contract('http refusing conditions', { conditions: 'refused', ranges: false }, false)
await contract(
  'http with neither etags nor lengths',
  { conditions: 'ignored', etags: false, chunked: true },
  false,
)

async function answering(t: TestContext, answer: Parameters<typeof listening>[0]): Promise<string> {
  const server = await listening(answer)
  t.after(() => server.close())
  return server.url
}

test('credentials in a URI are used, and shown nowhere', async (t) => {
  const basic = `Basic ${Buffer.from('me:s3cr/t').toString('base64')}`
  const server = await httpStore({ authorization: basic })
  t.after(() => server.close())
  const store = await openBlobStore(`${server.url.replace('//', '//me:s3cr%2Ft@')}/cache?token=x`)
  await store.put('a', Buffer.from('a'))
  assert.equal(store.uri, `${server.url}/cache/`)
  const denied = await openBlobStore(server.url, { user: 'me', password: 'wrong' })
  await assert.rejects(denied.get('a'), (error: Error & { code: string }) => {
    assert.equal(error.code, 'ERR_BLOB_DENIED')
    assert.doesNotMatch(error.message, /wrong|s3cr/)
    return true
  })
})

test('a body that is sent encoded is not taken for the bytes', async (t) => {
  const url = await answering(t, (_, response) =>
    response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': 3 }).end('abc'),
  )
  await assert.rejects((await openBlobStore(url)).get('a'), { code: 'ERR_BLOB_REFUSED' })
})

test('reads are redirected without the credentials of another server, writes are not', async (t) => {
  const seen: (string | undefined)[] = []
  const other = await answering(t, ({ headers }, response) => {
    seen.push(headers.authorization)
    response.writeHead(200, { 'content-length': 3 }).end('abc')
  })
  const url = await answering(t, ({ url: path }, response) => {
    const location = path === '/loop' ? '/loop' : path === '/odd' ? 'file:///etc/passwd' : `${other}/a`
    response.writeHead(302, { location }).end()
  })
  const store = await openBlobStore(url, { token: 'secret' })
  assert.equal(String(Buffer.from((await (await store.get('a'))?.bytes()) ?? [])), 'abc')
  assert.deepEqual(seen, [undefined])
  for (const key of ['loop', 'odd']) await assert.rejects(store.get(key), { code: 'ERR_BLOB_REFUSED' })
  await assert.rejects(store.put('a', Buffer.from('a')), { code: 'ERR_BLOB_REFUSED' })
  assert.equal(seen.length, 1)
})

test('a range that was not asked for is refused', async (t) => {
  const url = await answering(t, (_, response) =>
    response.writeHead(206, { 'content-length': 3, 'content-range': 'bytes 1-3/9' }).end('abc'),
  )
  const range = { start: 0, end: 3 }
  await assert.rejects((await openBlobStore(url)).get('a', { range }), { code: 'ERR_BLOB_REFUSED' })
  await assert.rejects((await openBlobStore(url)).get('a'), { code: 'ERR_BLOB_REFUSED' })
})

test('who gives up between two tries is told why he did', async (t) => {
  const controller = new AbortController()
  const reason = new Error('enough')
  const url = await answering(t, (_, response) => {
    response.writeHead(503).end()
    setTimeout(() => controller.abort(reason), 50)
  })
  const store = await openBlobStore(url, { retryDelay: '1h', timeout: '1d' })
  await assert.rejects(store.get('a', { signal: controller.signal }), reason)
})

test('a stream of many pieces, of which a connection takes few at a time, leaves nothing behind', async (t) => {
  const server = await httpStore({})
  t.after(() => server.close())
  const store = await openBlobStore(`${server.url}/cache/v1`)
  t.after(() => store.close())
  const warnings: Error[] = []
  const warned = (warning: Error) => void warnings.push(warning)
  process.on('warning', warned)
  t.after(() => process.off('warning', warned))
  let left = 200
  const pieces = new ReadableStream<Uint8Array>({
    pull: (controller) => (left-- > 0 ? controller.enqueue(new Uint8Array(65_536)) : controller.close()),
  })
  await store.put('large', pieces)
  assert.equal((await store.head('large'))?.size, 200 * 65_536)
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(warnings, [])
})
