/** What is written is what is read. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { BlobStoreContract } from './blob-contract.ts'
import { type On, read, streamed, text, withCode } from './blob-support.ts'

export function bytesContract(on: On, { capabilities, etags = true, open }: BlobStoreContract): void {
  on('what was never written is absent', async (store, prefix) => {
    assert.equal(await store.get(`${prefix}a`), undefined)
    assert.equal(await store.head(`${prefix}a`), undefined)
    await store.delete(`${prefix}a`)
  })

  on('bytes come back as they were, whatever they are', async (store, prefix) => {
    const all = Uint8Array.from({ length: 256 }, (_, index) => index)
    const bodies = [
      new Uint8Array(),
      all,
      randomBytes(100_000),
      Buffer.from([0x1f, 0x8b, 8, 0, 0]),
      text('ü'),
    ]
    for (const [index, bytes] of bodies.entries()) {
      const key = `${prefix}${index}`
      const etag = await store.put(key, bytes)
      const found = await store.get(key)
      assert.ok(found)
      assert.deepEqual([found.key, found.size, found.etag], [key, bytes.length, etag])
      assert.ok(Buffer.from(bytes).equals(await found.bytes()))
      const { asOf: _, ...facts } = (await store.head(key)) ?? {}
      assert.deepEqual(facts, { key, size: bytes.length, etag, modified: found.modified })
    }
  })

  on('a view of a larger buffer is written as the view', async (store, prefix) => {
    await store.put(`${prefix}a`, text('abcdef').subarray(2, 4))
    assert.equal(await read(store, `${prefix}a`), 'cd')
  })

  on('large blobs go as streams, of known size or not', async (store, prefix) => {
    const bytes = randomBytes(3_000_001)
    await store.put(`${prefix}known`, streamed(bytes), { size: bytes.length })
    await store.put(`${prefix}unknown`, streamed(bytes))
    for (const key of ['known', 'unknown']) {
      const found = await store.get(prefix + key)
      assert.equal(found?.size, bytes.length)
      const chunks: Uint8Array[] = []
      for await (const chunk of found?.body ?? []) chunks.push(chunk)
      assert.ok(bytes.equals(Buffer.concat(chunks)))
    }
    await store.put(`${prefix}nothing`, streamed(text('')))
    assert.equal((await store.head(`${prefix}nothing`))?.size, 0)
  })

  on('a stream that fails, or has another size than it says, writes nothing', async (store, prefix) => {
    await store.put(`${prefix}a`, text('before'))
    const failing = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(text('half')),
      pull: () => {
        throw new Error('the disk is gone')
      },
    })
    await assert.rejects(store.put(`${prefix}a`, failing), /the disk is gone/)
    for (const size of [3, 5]) {
      const rejected = store.put(`${prefix}a`, streamed(text('half')), { size })
      await assert.rejects(rejected, withCode('ERR_BLOB_DAMAGED'))
    }
    await assert.rejects(store.put(`${prefix}a`, text('half'), { size: 5 }), withCode('ERR_BLOB_DAMAGED'))
    assert.equal(await read(store, `${prefix}a`), 'before')
  })

  on('a later write replaces an earlier one, and is another version', async (store, prefix) => {
    const first = await store.put(`${prefix}a`, text('first'))
    const second = await store.put(`${prefix}a`, text('second, longer'))
    assert.equal(await read(store, `${prefix}a`), 'second, longer')
    if (!etags) return
    assert.ok(first !== undefined && second !== undefined)
    assert.notEqual(first, second)
  })

  on('an etag stays while the blob does, for whoever asks', async (store, prefix) => {
    const etag = await store.put(`${prefix}a`, text('a'))
    const other = await open()
    try {
      assert.equal(await read(other, `${prefix}a`), 'a')
      assert.equal((await other.head(`${prefix}a`))?.etag, etag)
      assert.equal((await store.get(`${prefix}a`))?.etag, etag)
    } finally {
      await other.close()
    }
  })

  if (etags)
    on('what has not changed is not read again', async (store, prefix) => {
      const etag = await store.put(`${prefix}a`, text('a'))
      assert.equal(await store.get(`${prefix}a`, { ifNoneMatch: etag }), 'unchanged')
      await store.put(`${prefix}a`, text('b'))
      const found = await store.get(`${prefix}a`, { ifNoneMatch: etag })
      assert.ok(found !== undefined && found !== 'unchanged')
      assert.equal(String(Buffer.from(await found.bytes())), 'b')
      assert.equal(await store.get(`${prefix}never`, { ifNoneMatch: etag }), undefined)
    })

  on('a range is a part of the bytes, and knows the size of all', async (store, prefix) => {
    await store.put(`${prefix}a`, text('0123456789'))
    await store.put(`${prefix}empty`, text(''))
    const part = async (key: string, start: number, end?: number) => {
      const found = await store.get(prefix + key, {
        range: end === undefined ? { start } : { start, end },
      })
      assert.equal(found?.size, key === 'a' ? 10 : 0)
      return String(Buffer.from((await found?.bytes()) ?? []))
    }
    assert.equal(await part('a', 0, 1), '0')
    assert.equal(await part('a', 3, 7), '3456')
    assert.equal(await part('a', 7), '789')
    assert.equal(await part('a', 7, 99), '789')
    assert.equal(await part('a', 0), '0123456789')
    assert.equal(await part('a', 10), '')
    assert.equal(await part('a', 99, 100), '')
    assert.equal(await part('empty', 0), '')
    assert.equal(await store.get(`${prefix}never`, { range: { start: 1 } }), undefined)
    await assert.rejects(store.get(`${prefix}a`, { range: { start: 3, end: 3 } }), RangeError)
  })

  on('how old a blob is, the clock says that dated it', async (store, prefix) => {
    await store.put(`${prefix}a`, text('a'))
    const found = await store.get(`${prefix}a`)
    await found?.cancel()
    for (const facts of [found, await store.head(`${prefix}a`)]) {
      assert.ok(facts)
      if (!capabilities.serverClock) assert.equal(facts.asOf, undefined)
      if (facts.asOf === undefined) continue
      // some clocks tell seconds
      const age = facts.asOf - (facts.modified ?? Number.NaN)
      assert.ok(age > -1000 && age < 60_000, `${age} ms`)
    }
  })

  on('what was deleted is absent', async (store, prefix) => {
    await store.put(`${prefix}a`, text('a'))
    await store.put(`${prefix}b`, text('b'))
    await store.delete(`${prefix}a`)
    assert.equal(await store.get(`${prefix}a`), undefined)
    assert.equal(await read(store, `${prefix}b`), 'b')
  })

  on('nobody reads half of a write', async (store, prefix) => {
    const bodies = ['a', 'b'].map((letter) => Buffer.alloc(200_000, letter))
    await store.put(`${prefix}a`, bodies[0]!)
    let writing = true
    const write = async () => {
      for (let index = 1; index < 9; index++) await store.put(`${prefix}a`, bodies[index % 2]!)
      writing = false
    }
    const look = async () => {
      while (writing) {
        const found = Buffer.from((await (await store.get(`${prefix}a`))?.bytes()) ?? [])
        assert.ok(bodies.some((bytes) => bytes.equals(found)))
      }
    }
    await Promise.all([write(), look(), look()])
  })

  on('what is read is the reader’s own', async (store, prefix) => {
    const bytes = text('abc')
    await store.put(`${prefix}a`, bytes)
    bytes.fill(0)
    const found = await (await store.get(`${prefix}a`))?.bytes()
    found?.fill(0)
    assert.equal(await read(store, `${prefix}a`), 'abc')
  })

  on('who gave up is told so', async (store, prefix) => {
    const reason = new Error('no longer wanted')
    const signal = AbortSignal.abort(reason)
    await assert.rejects(store.put(`${prefix}a`, text('a'), { signal }), reason)
    await assert.rejects(store.get(`${prefix}a`, { signal }), reason)
    assert.equal(await store.get(`${prefix}a`), undefined)
  })

  on('a body that is not wanted can be left', async (store, prefix) => {
    await store.put(`${prefix}a`, Buffer.alloc(3_000_000, 'a'))
    await (await store.get(`${prefix}a`))?.cancel()
    assert.equal((await store.head(`${prefix}a`))?.size, 3_000_000)
  })
}
