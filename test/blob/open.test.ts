/** Opening stores, and stores of other people. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BlobDriver, BlobError, openBlobStore, registerBlobStore } from 'permafrost/blob'
import { peer } from '#src/blob/peer.js'

test('a store that cannot be opened is named', async () => {
  await assert.rejects(openBlobStore('fil:///cache'), /unknown scheme "fil"; did you mean "file"/)
  await assert.rejects(openBlobStore('cache'), /expected a URI/)
  await assert.rejects(openBlobStore('memory:', { retrys: 3 } as object), /did you mean "retries"/)
  await assert.rejects(openBlobStore('memory:', { timeout: '1 day' as '1d' }), /"timeout"/)
  assert.throws(() => registerBlobStore('Fancy:', () => assert.fail()), /scheme/)
})

test('stores in memory are their own, unless they have a name', async () => {
  const [one, other] = [await openBlobStore('memory:'), await openBlobStore('memory:')]
  await one.put('a', Buffer.from('a'))
  assert.equal(await other.get('a'), undefined)
  const [named, same] = [await openBlobStore('memory:named'), await openBlobStore('memory:named')]
  await named.put('a', Buffer.from('a'))
  assert.equal((await same.head('a'))?.size, 1)
})

/** A driver over a store in memory, with something wrong. */
async function wrong(change: (inner: BlobDriver) => Partial<BlobDriver>) {
  const store = await openBlobStore('memory:')
  const driver: BlobDriver = {
    uri: 'wrong:',
    capabilities: {
      ...store.capabilities,
      conditionalCreate: undefined,
      compareAndSwap: undefined,
      conditionalDelete: undefined,
    },
    get: (key, options) => store.get(key, { ifNoneMatch: undefined, ...options }),
    put: (key, source, options) => store.put(key, source.stream(), options),
    head: (key, options) => store.head(key, options),
    delete: (key, options) => store.delete(key, options),
    list: (prefix, options) => store.list(prefix, options),
    close: () => store.close(),
  }
  registerBlobStore('wrong', () => ({ ...driver, ...change(driver) }))
  return await openBlobStore('wrong:', { maxSize: 100, retryDelay: 1 })
}

const bytes = Buffer.from('0123456789')
const hasCode = (code: string) => (error: unknown) => error instanceof BlobError && error.code === code

test('a server that disregards conditions is found out before it is relied on', async () => {
  const store = await wrong((inner) => ({
    put: (key, source) => inner.put(key, source, {}),
    delete: (key) => inner.delete(key, {}),
  }))
  const etag = await store.put('a', bytes)
  assert.equal(store.capabilities.conditionalCreate, undefined)
  await assert.rejects(store.put('a', bytes, { ifAbsent: true }), hasCode('ERR_BLOB_UNSUPPORTED'))
  await assert.rejects(store.put('a', bytes, { ifMatch: etag! }), hasCode('ERR_BLOB_UNSUPPORTED'))
  await assert.rejects(store.delete('a', { ifMatch: etag! }), hasCode('ERR_BLOB_UNSUPPORTED'))
  assert.deepEqual(
    [
      store.capabilities.conditionalCreate,
      store.capabilities.compareAndSwap,
      store.capabilities.conditionalDelete,
    ],
    [false, false, false],
  )
  assert.equal((await store.head('a'))?.etag, etag)
  for await (const { key } of store.list('')) assert.equal(key, 'a', 'a probe was left behind')
})

test('a server is asked once whether it honours conditions, and again only if it could not be asked', async () => {
  let [puts, broken] = [0, 1]
  const store = await wrong((inner) => ({
    put: async (...args) => {
      puts++
      if (broken-- > 0) throw new BlobError('ERR_BLOB_DENIED', 'not now')
      return await inner.put(...args)
    },
  }))
  await assert.rejects(store.put('a', bytes, { ifAbsent: true }), hasCode('ERR_BLOB_DENIED'))
  assert.equal(store.capabilities.conditionalCreate, undefined)
  await Promise.all(['b', 'c', 'd'].map((key) => store.put(key, bytes, { ifAbsent: true })))
  assert.equal(puts, 1 + 3 + 3)
  assert.equal(store.capabilities.conditionalCreate, true)
})

test('what may have been written is not written again unless it may be written twice', async () => {
  for (const [undone, ifAbsent, tries] of [
    [false, true, 1],
    [true, true, 3],
    [false, false, 3],
  ] as const) {
    let asked = 0
    const store = await wrong((inner) => ({
      capabilities: { ...inner.capabilities, conditionalCreate: true },
      put: async () => {
        asked++
        throw new BlobError('ERR_BLOB_UNREACHABLE', 'gone', { undone })
      },
    }))
    await assert.rejects(store.put('a', bytes, { ifAbsent }), { code: 'ERR_BLOB_UNREACHABLE', undone })
    assert.equal(asked, tries)
  }
})

test('bodies that are short, long, altered or too large are errors', async () => {
  const told = { size: 10, etag: 'e', modified: 0 }
  const giving = (text: string, more: object = {}) =>
    wrong(() => ({
      get: async () => ({ ...told, ...more, body: new Blob([text]).stream() }),
    }))
  const read = async (text: string, more?: object) => {
    const store = await giving(text, more)
    return await (await store.get('a'))?.bytes()
  }
  assert.equal(String(Buffer.from((await read('0123456789')) ?? [])), '0123456789')
  await assert.rejects(read('012345678'), /ended after 9 of 10 bytes/)
  await assert.rejects(read('01234567890'), /more than its 10 bytes/)
  await assert.rejects(read('0123456789', { sha256: '0'.repeat(64) }), /not hold the bytes/)
  await assert.rejects(read('0', { size: 101 }), hasCode('ERR_BLOB_TOO_LARGE'))
  const store = await openBlobStore('memory:', { maxSize: 9 })
  await assert.rejects(store.put('a', bytes), hasCode('ERR_BLOB_TOO_LARGE'))
  await assert.rejects(store.put('a', new Blob([bytes]).stream()), hasCode('ERR_BLOB_TOO_LARGE'))
  assert.equal(await store.get('a'), undefined)
})

test('a listing out of order is refused', async () => {
  const store = await wrong(() => ({
    async *list() {
      for (const key of ['a', 'c', 'b']) yield { key, size: 1, etag: 'e', modified: 0 }
    },
  }))
  const keys: string[] = []
  const all = async () => {
    for await (const { key } of store.list('')) keys.push(key)
  }
  await assert.rejects(all(), hasCode('ERR_BLOB_REFUSED'))
  assert.deepEqual(keys, ['a', 'c'])
})

test('a package that is missing is named, and how to get it', async () => {
  const name: string = 'permafrost-is-not-a-dependency-of-itself'
  await assert.rejects(
    peer(name, 'fancy:', () => import(name)),
    { name: 'TypeError', message: new RegExp(`^openBlobStore: fancy: needs .*: npm install ${name}$`) },
  )
  const broken = new Error('broken')
  await assert.rejects(
    peer(name, 'fancy:', () => Promise.reject(broken)),
    broken,
  )
})
