/** Conditions hold, or are refused. */
import assert from 'node:assert/strict'
import type { BlobStore } from '../blob/index.ts'
import type { BlobStoreContract } from './blob-contract.ts'
import { type On, read, streamed, text, withCode } from './blob-support.ts'

export function conditionsContract(on: On, { capabilities: can, open }: BlobStoreContract): void {
  if (can.conditionalCreate) {
    on('of those who create a blob one succeeds', async (store, prefix) => {
      const others = await Promise.all([open(), open(), open()])
      const writers = [store, ...others, store, ...others]
      const written = await Promise.allSettled(
        writers.map((one, index) => one.put(`${prefix}a`, text(`by ${index}`), { ifAbsent: true })),
      )
      const won = written.flatMap(({ status }, index) => (status === 'fulfilled' ? [index] : []))
      assert.equal(won.length, 1)
      for (const outcome of written)
        if (outcome.status === 'rejected') withCode('ERR_BLOB_PRECONDITION')(outcome.reason)
      assert.equal(await read(store, `${prefix}a`), `by ${won[0]}`)
      await store.delete(`${prefix}a`)
      await store.put(`${prefix}a`, streamed(text('again')), { ifAbsent: true })
      assert.equal(await read(store, `${prefix}a`), 'again')
      for (const one of others) await one.close()
    })
  } else
    on('a conditional create is refused, and writes nothing', async (store, prefix) => {
      const refused = store.put(`${prefix}a`, text('a'), { ifAbsent: true })
      await assert.rejects(refused, withCode('ERR_BLOB_UNSUPPORTED'))
      assert.equal(store.capabilities.conditionalCreate, false)
      assert.equal(await store.get(`${prefix}a`), undefined)
    })

  if (can.compareAndSwap) {
    on('a swap needs the version that is there', async (store, prefix) => {
      const first = await store.put(`${prefix}a`, text('first'))
      assert.ok(first)
      const second = await store.put(`${prefix}a`, text('second'), { ifMatch: first })
      assert.ok(second)
      const stale = () => store.put(`${prefix}a`, text('stale'), { ifMatch: first })
      await assert.rejects(stale(), withCode('ERR_BLOB_PRECONDITION'))
      assert.equal(await read(store, `${prefix}a`), 'second')
      await store.delete(`${prefix}a`)
      const gone = () => store.put(`${prefix}a`, text('gone'), { ifMatch: second })
      await assert.rejects(gone(), withCode('ERR_BLOB_PRECONDITION'))
      assert.equal(await store.get(`${prefix}a`), undefined)
    })

    on('a counter that is swapped by many misses none', async (store, prefix) => {
      const others = await Promise.all([open(), open()])
      await store.put(`${prefix}n`, text('0'))
      const count = async (one: BlobStore): Promise<void> => {
        for (let done = 0; done < 5; ) {
          const found = await one.get(`${prefix}n`)
          const next = Number(Buffer.from((await found?.bytes()) ?? [])) + 1
          try {
            await one.put(`${prefix}n`, text(String(next)), { ifMatch: found?.etag ?? '' })
            done++
          } catch (error) {
            withCode('ERR_BLOB_PRECONDITION')(error)
          }
        }
      }
      await Promise.all([store, ...others].map(count))
      assert.equal(await read(store, `${prefix}n`), '15')
      for (const one of others) await one.close()
    })
  } else
    on('a swap is refused, and writes nothing', async (store, prefix) => {
      const etag = (await store.put(`${prefix}a`, text('a'))) ?? '"none"'
      const refused = store.put(`${prefix}a`, text('b'), { ifMatch: etag })
      await assert.rejects(refused, withCode('ERR_BLOB_UNSUPPORTED'))
      assert.equal(store.capabilities.compareAndSwap, false)
      assert.equal(await read(store, `${prefix}a`), 'a')
    })

  if (can.conditionalDelete)
    on('only the version that was meant is deleted', async (store, prefix) => {
      const first = await store.put(`${prefix}a`, text('first'))
      const second = await store.put(`${prefix}a`, text('second'))
      assert.ok(first !== undefined && second !== undefined)
      await assert.rejects(store.delete(`${prefix}a`, { ifMatch: first }), withCode('ERR_BLOB_PRECONDITION'))
      assert.equal(await read(store, `${prefix}a`), 'second')
      await store.delete(`${prefix}a`, { ifMatch: second })
      assert.equal(await store.get(`${prefix}a`), undefined)
      await assert.rejects(store.delete(`${prefix}a`, { ifMatch: second }), withCode('ERR_BLOB_PRECONDITION'))
    })
  else
    on('a conditional delete is refused, and deletes nothing', async (store, prefix) => {
      const etag = (await store.put(`${prefix}a`, text('a'))) ?? '"none"'
      const refused = store.delete(`${prefix}a`, { ifMatch: etag })
      await assert.rejects(refused, withCode('ERR_BLOB_UNSUPPORTED'))
      assert.equal(store.capabilities.conditionalDelete, false)
      assert.equal(await read(store, `${prefix}a`), 'a')
    })
}
