/**
 * S3: a server that honours conditions keeps the contract. Another one, `s3rver`, is no store to keep it (it writes
 * in place and lists in another order), but an implementation by somebody else, of signatures and of parts.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type BlobStoreOptions, openBlobStore } from 'permafrost/blob'
import { blobStoreContract } from 'permafrost/testing'
import { capable } from './capable.js'
import { faultTests } from './faults.js'
import { faulty } from './faulty.js'
import { credentials, s3Store } from './s3-server.js'

/** What is used of a package without types. */
interface S3rver {
  run(): Promise<{ port: number }>
  close(): Promise<void>
}
const S3rver = createRequire(import.meta.url)('s3rver') as new (options: object) => S3rver

const server = await s3Store()
const folder = mkdtempSync(join(tmpdir(), 'permafrost-'))
const s3rver = new S3rver({
  port: 0,
  address: '127.0.0.1',
  silent: true,
  directory: folder,
  configureBuckets: [{ name: 'bucket', configs: [] }],
})
const { port } = await s3rver.run()
after(async () => {
  await Promise.all([server.close(), s3rver.close()])
  rmSync(folder, { recursive: true, force: true })
})

const open = (options: BlobStoreOptions) =>
  openBlobStore('s3://bucket/some/prefix', { ...credentials, ...options })

blobStoreContract({ name: 's3', test, open: () => open({ endpoint: server.url }), capabilities: capable })

const s3rverOptions = {
  endpoint: `http://127.0.0.1:${port}`,
  accessKeyId: 'S3RVER',
  secretAccessKey: 'S3RVER',
}
test('s3rver: bytes come back, and that it takes no notice of conditions is found out', async (t) => {
  const store = await open(s3rverOptions)
  t.after(() => store.close())
  const etag = await store.put('a/b=c@d', Buffer.from('first'))
  assert.equal(String(Buffer.from((await (await store.get('a/b=c@d'))?.bytes()) ?? [])), 'first')
  const unsupported = { code: 'ERR_BLOB_UNSUPPORTED' }
  await assert.rejects(store.put('a/b=c@d', Buffer.from('second'), { ifAbsent: true }), unsupported)
  await assert.rejects(store.put('a/b=c@d', Buffer.from('second'), { ifMatch: etag ?? '' }), unsupported)
  await assert.rejects(store.delete('a/b=c@d', { ifMatch: etag ?? '' }), unsupported)
  assert.equal(String(Buffer.from((await (await store.get('a/b=c@d'))?.bytes()) ?? [])), 'first')
  const keys: string[] = []
  for await (const { key } of store.list('')) keys.push(key)
  assert.deepEqual(keys, ['a/b=c@d'])
})

faultTests({
  name: 's3',
  upstream: server.url,
  open: (url, options) => open({ endpoint: url, ...options }),
  digests: true,
})

test('s3: a large stream is written in parts, and one that fails leaves nothing', async (t) => {
  const store = await open({ ...s3rverOptions, partSize: 5 << 20 })
  t.after(() => store.close())
  const bytes = Buffer.alloc(12 << 20, 'part')
  let left = 3
  const stream = (fails: boolean) =>
    new ReadableStream<Uint8Array>({
      pull(controller) {
        if (left-- > 0) controller.enqueue(bytes.subarray(0, 4 << 20))
        else if (fails) controller.error(new Error('the disk is gone'))
        else controller.close()
      },
    })
  const etag = await store.put('large', stream(false))
  const found = await store.get('large')
  assert.equal(found?.etag, etag)
  assert.ok(bytes.equals((await found?.bytes()) ?? Buffer.alloc(0)))
  left = 3
  await assert.rejects(store.put('failed', stream(true)), /the disk is gone/)
  assert.equal(await store.get('failed'), undefined)
})

test('s3: parts are put together once, though nobody knows whether they were', async (t) => {
  const proxy = await faulty(`http://127.0.0.1:${port}`)
  t.after(() => proxy.close())
  const options = { ...s3rverOptions, partSize: 5 << 20, retryDelay: 1 }
  const store = await open({ ...options, endpoint: proxy.url })
  t.after(() => store.close())
  const bytes = Buffer.alloc(6 << 20, 'part')
  // it begins, a part gets lost and is written again, so is the other; then they are put together
  proxy.faults.push('none', 'lost', 'none', 'none', 'lost')
  const lost = store.put('lost', new Blob([bytes]).stream())
  await assert.rejects(lost, { code: 'ERR_BLOB_UNREACHABLE', undone: false })
  // what is left of it is given up
  assert.equal(proxy.asked, 6)
  assert.ok(bytes.equals((await (await store.get('lost'))?.bytes()) ?? Buffer.alloc(0)))
})

test('s3: a write that met another one is asked again', async () => {
  const store = await open({ endpoint: server.url, retryDelay: 1 })
  await store.put('first', Buffer.from('a'), { ifAbsent: true })
  server.busy = 2
  await store.put('busy', Buffer.from('a'), { ifAbsent: true })
  server.busy = 3
  await assert.rejects(store.put('busier', Buffer.from('a'), { ifAbsent: true }), { undone: true })
})

test('s3: wrong credentials and buckets are told', async () => {
  const wrong = await open({ endpoint: server.url, secretAccessKey: 'wrong' })
  await assert.rejects(wrong.get('a'), { code: 'ERR_BLOB_DENIED' })
  const other = await openBlobStore('s3://other', { ...credentials, endpoint: server.url })
  await assert.rejects(other.get('a'), { code: 'ERR_BLOB_REFUSED' })
  await assert.rejects(openBlobStore('s3://bucket', { accessKeyId: 'me' }), /"secretAccessKey"/)
})

test('s3: the bucket is in the name of the host unless there is an endpoint', async () => {
  const store = await openBlobStore('s3://bucket/p', { ...credentials, region: 'nowhere', retries: 0 })
  assert.equal(store.uri, 's3://bucket/p')
  await assert.rejects(store.get('a'), /https:\/\/bucket\.s3\.nowhere\.amazonaws\.com\/p\/a/)
})
