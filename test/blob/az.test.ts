/** Azure Blob Storage, as azurite has it. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { type BlobStoreOptions, openBlobStore } from 'permafrost/blob'
import { blobStoreContract } from 'permafrost/testing'
import { signer } from '#src/blob/az.js'
import { capable } from './capable.js'
import { faultTests } from './faults.js'
import { freePort, printed } from './process.js'

/** Known to everybody: it opens nothing but emulators. */
const ACCOUNT = 'devstoreaccount1'
const KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=='

const port = await freePort()
const folder = mkdtempSync(join(tmpdir(), 'permafrost-'))
const azurite = dirname(createRequire(import.meta.url).resolve('azurite/package.json'))
const server = spawn(
  process.execPath,
  [
    join(azurite, 'dist/src/blob/main.js'),
    ...['--blobHost', '127.0.0.1', '--blobPort', `${port}`],
    ...['--inMemoryPersistence', '--disableTelemetry'],
  ],
  { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] },
)
after(async () => {
  server.kill()
  await once(server, 'exit')
  rmSync(folder, { recursive: true, force: true })
})
await printed(server, 'successfully listen')

const upstream = `http://127.0.0.1:${port}`
const { url, headers } = await signer(
  ACCOUNT,
  KEY,
  new URL(`${upstream}/${ACCOUNT}`),
  'container',
)({
  method: 'PUT',
  query: { restype: 'container' },
})
const made = await fetch(url, { method: 'PUT', headers })
assert.equal(made.status, 201, await made.text())

const open = (at: string, options: BlobStoreOptions = {}) =>
  openBlobStore(`az://${ACCOUNT}/container/some/prefix`, {
    accountKey: KEY,
    endpoint: `${at}/${ACCOUNT}`,
    ...options,
  })

blobStoreContract({
  name: 'az',
  test,
  open: () => open(upstream),
  capabilities: capable,
})

faultTests({ name: 'az', upstream, open, digests: true })

test('az: a large stream is written in blocks, and one that fails leaves nothing', async (t) => {
  const store = await open(upstream, { partSize: 1 << 20 })
  t.after(() => store.close())
  const bytes = Buffer.alloc(3_500_000, 'block')
  let at = 0
  const stream = (end: number) =>
    new ReadableStream<Uint8Array>({
      pull(controller) {
        if (at >= end) return end < bytes.length ? controller.error(new Error('gone')) : controller.close()
        controller.enqueue(bytes.subarray(at, at + 700_000))
        at += 700_000
      },
    })
  const etag = await store.put('large', stream(bytes.length))
  const found = await store.get('large')
  assert.equal(found?.etag, etag)
  assert.ok(bytes.equals((await found?.bytes()) ?? Buffer.alloc(0)))
  at = 0
  await assert.rejects(store.put('failed', stream(2_100_000)), /gone/)
  assert.equal(await store.get('failed'), undefined)
})

test('az: wrong keys and containers are told', async () => {
  const wrong = await open(upstream, { accountKey: Buffer.from('wrong').toString('base64') })
  await assert.rejects(wrong.get('a'), { code: 'ERR_BLOB_DENIED' })
  const other = await openBlobStore(`az://${ACCOUNT}/other`, {
    accountKey: KEY,
    endpoint: `${upstream}/${ACCOUNT}`,
  })
  await assert.rejects(other.get('a'), { code: 'ERR_BLOB_REFUSED' })
  await assert.rejects(other.put('a', Buffer.from('a'), { ifAbsent: true }), { code: 'ERR_BLOB_REFUSED' })
  await assert.rejects(openBlobStore('az://account'), /"accountKey"/)
})
