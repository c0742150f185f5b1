/** Blobs in Redis, by either client, against `redis-server` itself. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Redis } from 'ioredis'
import { openBlobStore } from 'permafrost/blob'
import { blobStoreContract } from 'permafrost/testing'
import { capable } from './capable.js'
import { freePort, printed } from './process.js'

const isThere = spawnSync('redis-server', ['--version']).status === 0

if (!isThere)
  test('redis: the contract', (t) => {
    assert.equal(process.env['PERMAFROST_ALL_SERVERS'], undefined, 'redis-server is not installed')
    t.skip('needs redis-server: apt-get install redis-server')
  })
else await run()

async function started(port: number, folder: string): Promise<ChildProcess> {
  const server = spawn(
    'redis-server',
    ['--port', `${port}`, '--bind', '127.0.0.1', '--requirepass', 'secret', '--save', '', '--dir', folder],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  await printed(server, 'Ready to accept connections')
  return server
}

async function run(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'permafrost-'))
  const port = await freePort()
  const server = await started(port, folder)
  const uri = `redis://127.0.0.1:${port}/0?prefix=test`
  const client = new Redis({ host: '127.0.0.1', port, password: 'secret' })
  after(async () => {
    client.disconnect()
    server.kill()
    await once(server, 'exit')
    rmSync(folder, { recursive: true, force: true })
  })

  const password = 'secret'
  blobStoreContract({
    name: 'redis',
    test,
    open: () => openBlobStore(uri, { password }),
    capabilities: capable,
    many: 450,
  })
  blobStoreContract({
    name: 'ioredis',
    test,
    open: () => openBlobStore(uri, { client }),
    capabilities: capable,
  })

  test('redis: what one client writes the other reads, and neither reads another prefix', async () => {
    const [one, other] = [await openBlobStore(uri, { password }), await openBlobStore(uri, { client })]
    const far = await openBlobStore(uri.replace('=test', '=far'), { client })
    const etag = await one.put('shared', Buffer.from([0, 255]))
    assert.deepEqual([...((await (await other.get('shared'))?.bytes()) ?? [])], [0, 255])
    assert.equal((await other.head('shared'))?.etag, etag)
    assert.equal(await far.get('shared'), undefined)
    await one.close()
  })

  test('redis: wrong credentials are denied, and shown nowhere', async (t) => {
    const store = await openBlobStore(uri.replace('//', '//:wr0ng@'), { retries: 0 })
    t.after(() => store.close())
    assert.doesNotMatch(store.uri, /wr0ng/)
    await assert.rejects(store.get('a'), { code: 'ERR_BLOB_DENIED' })
    await store.close()
  })

  test('redis: a server that is silent or nowhere is told', async () => {
    const store = await openBlobStore(uri, { password, timeout: 200, retries: 0 })
    await store.put('a', Buffer.from('a'))
    server.kill('SIGSTOP')
    try {
      await assert.rejects(store.get('a'), /said nothing for 200 ms/)
      const signal = AbortSignal.timeout(20)
      await assert.rejects(store.get('a', { signal }), { name: 'TimeoutError' })
    } finally {
      server.kill('SIGCONT')
    }
    await store.close()
    const nowhere = await openBlobStore('redis://127.0.0.1:1', { timeout: 500, retries: 0 })
    await assert.rejects(nowhere.get('a'), { code: 'ERR_BLOB_UNREACHABLE', undone: true })
    await nowhere.close()
    await assert.rejects(openBlobStore(uri, { client: {} }), TypeError)
  })
}
