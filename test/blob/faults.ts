/** What must come of faults, whatever the server behind them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BlobErrorCode, BlobStore, BlobStoreOptions } from 'permafrost/blob'
import { type Faulty, faulty } from './faulty.js'

interface Subject {
  readonly name: string
  /** The server, running. */
  readonly upstream: string
  /** Opens the store through the proxy. */
  open(url: string, options: BlobStoreOptions): Promise<BlobStore>
  /** Whether it notes digests, so that altered bytes are found. */
  readonly digests: boolean
}

const bytes = Buffer.from('0123456789')
const code = (wanted: BlobErrorCode, more: object = {}) => ({ code: wanted, ...more })

export function faultTests({ name, upstream, open, digests }: Subject): void {
  const on = (title: string, body: (store: BlobStore, proxy: Faulty) => Promise<void>): void => {
    test(`${name}: ${title}`, async (t) => {
      const proxy = await faulty(upstream)
      t.after(() => proxy.close())
      const store = await open(proxy.url, { timeout: 250, retryDelay: 1 })
      t.after(() => store.close())
      // so that no probe gets the faults
      await store.put('probed', bytes, { ifAbsent: true }).catch(() => {})
      const etag = await store.put('a', bytes)
      await store.put('a', bytes, { ifMatch: etag ?? '' })
      proxy.asked = 0
      await body(store, proxy)
    })
  }
  const read = async (store: BlobStore): Promise<string> =>
    String(Buffer.from((await (await store.get('a'))?.bytes()) ?? []))

  on('passing failures are outlived', async (store, { faults }) => {
    for (const fault of [{ status: 500 }, { status: 503 }, 'silent', 'lost', { status: 429 }] as const) {
      faults.push(fault)
      assert.equal(await read(store), '0123456789')
      faults.push(fault)
      await store.put('a', bytes)
      faults.push(fault)
      assert.equal((await store.head('a'))?.size, 10)
      faults.push(fault)
      await store.delete('b')
      assert.equal(faults.length, 0)
    }
  })

  on('lasting failures are told', async (store, proxy) => {
    proxy.faults.push(...Array.from({ length: 3 }, () => ({ status: 502 })))
    await assert.rejects(store.get('a'), code('ERR_BLOB_UNREACHABLE', { undone: false }))
    assert.equal(proxy.asked, 3)
    proxy.faults.push('silent', 'silent', 'silent')
    await assert.rejects(store.get('a'), /said nothing for 250 ms/)
  })

  on('a server that is busy is asked for longer than one that fails', async (store, { faults }) => {
    faults.push(...Array.from({ length: 5 }, () => ({ status: 503 })))
    assert.equal(await read(store), '0123456789')
    faults.push(...Array.from({ length: 1000 }, () => ({ status: 429 })))
    await assert.rejects(store.get('a'), code('ERR_BLOB_UNREACHABLE', { busy: true, undone: true }))
    faults.length = 0
  })

  on('a server that is busy is asked when it says, or not at all', async (store, proxy) => {
    proxy.faults.push({ status: 429, headers: { 'retry-after': '0' } })
    assert.equal(await read(store), '0123456789')
    proxy.asked = 0
    proxy.faults.push({ status: 503, headers: { 'retry-after': '60' } })
    await assert.rejects(store.get('a'), code('ERR_BLOB_UNREACHABLE', { retryAfter: 60_000, undone: true }))
    assert.equal(proxy.asked, 1)
  })

  on('a conditional write is repeated only if it did not happen', async (store, { faults }) => {
    faults.push({ status: 503 }, { status: 429 })
    await store.put('once', bytes, { ifAbsent: true })
    await store.delete('once')
    // it happened, and nobody can know: repeated, it would seem to have failed
    faults.push('lost')
    const lost = store.put('once', bytes, { ifAbsent: true })
    await assert.rejects(lost, code('ERR_BLOB_UNREACHABLE', { undone: false }))
    assert.equal((await store.head('once'))?.size, 10)
    await store.delete('once')
  })

  on('a refusal is not repeated', async (store, proxy) => {
    for (const status of [401, 403]) {
      proxy.faults.push({ status })
      await assert.rejects(store.get('a'), code('ERR_BLOB_DENIED'))
    }
    proxy.faults.push({ status: 400 }, { status: 413 })
    await assert.rejects(store.put('a', bytes), code('ERR_BLOB_REFUSED'))
    await assert.rejects(store.put('a', bytes), code('ERR_BLOB_TOO_LARGE'))
    assert.equal(proxy.asked, 4)
  })

  on('a body that is cut or stuck is never a body', async (store, { faults }) => {
    const range = { start: 2, end: 8 }
    faults.push('cut')
    await assert.rejects(read(store), code('ERR_BLOB_DAMAGED'))
    faults.push('cut')
    await assert.rejects(async () => (await store.get('a', { range }))?.bytes(), code('ERR_BLOB_DAMAGED'))
    faults.push('stuck')
    await assert.rejects(read(store), /said nothing for 250 ms/)
  })

  if (digests)
    on('altered and truncated bytes are found', async (store, { faults }) => {
      faults.push('altered')
      await assert.rejects(read(store), code('ERR_BLOB_DAMAGED'))
      faults.push('truncated')
      await assert.rejects(read(store), code('ERR_BLOB_DAMAGED'))
      assert.equal(await read(store), '0123456789')
    })

  on('a wrong etag swaps nothing', async (store, { faults }) => {
    faults.push('other etag')
    const etag = (await store.get('a'))?.etag ?? ''
    await assert.rejects(store.put('a', Buffer.from('b'), { ifMatch: etag }), code('ERR_BLOB_PRECONDITION'))
    assert.equal(await read(store), '0123456789')
  })

  on('who gives up while the server is silent waits no longer', async (store, { faults }) => {
    faults.push('silent', 'stuck')
    const reason = new Error('enough')
    await assert.rejects(store.get('a', { signal: AbortSignal.timeout(20) }), { name: 'TimeoutError' })
    const controller = new AbortController()
    const found = await store.get('a', { signal: controller.signal })
    controller.abort(reason)
    await assert.rejects(async () => found?.bytes(), reason)
  })

  test(`${name}: a server that is nowhere did nothing`, async (t) => {
    for (const url of ['http://nowhere.invalid', 'http://127.0.0.1:1']) {
      const store = await open(url, { retries: 1, retryDelay: 1, timeout: 2000 })
      t.after(() => store.close())
      const error = code('ERR_BLOB_UNREACHABLE', { undone: true })
      await assert.rejects(store.put('a', bytes), error)
      await assert.rejects(store.get('a'), error)
    }
  })
}
