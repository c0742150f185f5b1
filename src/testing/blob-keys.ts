/** Keys: which there may be, which are different, and their order. */
import assert from 'node:assert/strict'
import type { BlobStoreContract } from './blob-contract.ts'
import { type On, read, text, withCode } from './blob-support.ts'

export function keysContract(on: On, { capabilities: can, many = 30 }: BlobStoreContract): void {
  if (can.listing) {
    on('a listing has what begins with the prefix, in the order of keys', async (store, prefix) => {
      const keys = ['A', 'B/c', 'a', 'a-b', 'a.b', 'a/b', 'a/b/c', 'a0', 'aa', 'b', 'b/a=1@2_3'].sort()
      for (const key of keys.toReversed()) await store.put(prefix + key, text(key))
      const names = async (begin: string, startAt?: string) => {
        const found: string[] = []
        const options = startAt === undefined ? {} : { startAt: prefix + startAt }
        for await (const { key } of store.list(prefix + begin, options)) found.push(key.slice(prefix.length))
        return found
      }
      assert.deepEqual(await names(''), keys)
      for (const begin of ['a', 'a/', 'a/b', 'b', 'B', 'zz'])
        assert.deepEqual(
          await names(begin),
          keys.filter((key) => key.startsWith(begin)),
        )
      for (const startAt of ['A', 'a', 'a.', 'a/b', 'a/b/0', 'a0', 'zz'])
        assert.deepEqual(
          await names('', startAt),
          keys.filter((key) => key >= startAt),
        )
      for await (const facts of store.list(`${prefix}a`)) {
        const { modified, asOf: _, ...rest } = (await store.head(facts.key)) ?? {}
        assert.deepEqual({ key: facts.key, size: facts.size, etag: facts.etag }, rest)
        assert.ok(facts.modified !== undefined && Math.abs(facts.modified - (modified ?? 0)) < 1000)
      }
    })

    on('a listing of many pages has all, once', async (store, prefix) => {
      const keys = Array.from({ length: many }, (_, index) => `${prefix}${String(index).padStart(5, '0')}`)
      for (let at = 0; at < many; at += 20)
        await Promise.all(keys.slice(at, at + 20).map((key) => store.put(key, text('.'))))
      const found: string[] = []
      for await (const { key } of store.list(prefix)) found.push(key)
      assert.deepEqual(found, keys)
      for await (const { key } of store.list(prefix)) {
        assert.equal(key, keys[0])
        break
      }
    })
  } else
    on('a listing is refused', async (store, prefix) => {
      await assert.rejects(store.list(prefix).next(), withCode('ERR_BLOB_UNSUPPORTED'))
    })

  on('keys that could mean another place are refused', async (store, prefix) => {
    const hostile = ['', '/', '/a', 'a/', 'a//b', '.', '..', '../a', 'a/../b', 'a/./b', 'a.', 'a./b', 'a\0b']
    const strange = [
      'a b',
      'a\\b',
      'a:b',
      'a%2fb',
      'a+b',
      'a?b',
      'a#b',
      'ä',
      'a\u0301',
      '\ud800',
      'a\nb',
      '~',
    ]
    const long = ['x'.repeat(101), `${'x/'.repeat(256)}x`]
    for (const key of [...hostile, ...strange, ...long]) {
      await assert.rejects(store.get(key), withCode('ERR_BLOB_KEY'), JSON.stringify(key))
      await assert.rejects(store.put(key, text('a')), withCode('ERR_BLOB_KEY'))
      await assert.rejects(store.head(key), withCode('ERR_BLOB_KEY'))
      await assert.rejects(store.delete(key), withCode('ERR_BLOB_KEY'))
    }
    await assert.rejects(store.get(7 as unknown as string), withCode('ERR_BLOB_KEY'))
    await assert.rejects(store.list('../').next(), withCode('ERR_BLOB_KEY'))
    assert.equal(await store.get(`${prefix}a`), undefined)
  })

  on('keys that look alike are different, and as long as allowed', async (store, prefix) => {
    const room = 512 - prefix.length
    const long = `${'X'.repeat(100)}/`.repeat(9).slice(0, room).replace(/\/$/, 'X')
    const keys = ['a', 'A', 'aA', 'Aa', 'AA', 'a/a', 'a/A', 'A/a', 'a.blob', '...a', '-a', 'con', 'a=@', long]
    for (const key of keys) await store.put(prefix + key, text(key))
    for (const key of keys) assert.equal(await read(store, prefix + key), key)
    await store.delete(`${prefix}a`)
    for (const key of keys.slice(1)) assert.equal(await read(store, prefix + key), key)
  })
}
