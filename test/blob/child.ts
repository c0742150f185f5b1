/** A process that shares a directory of blobs: `create` tries to create 40 blobs, `count` swaps a counter until it is killed. */
import { BlobError, openBlobStore } from 'permafrost/blob'

const [uri, work] = process.argv.slice(2) as [string, string]
const store = await openBlobStore(uri)

async function unlessLost(write: () => Promise<unknown>): Promise<boolean> {
  try {
    await write()
    return true
  } catch (error) {
    if (error instanceof BlobError && error.code === 'ERR_BLOB_PRECONDITION') return false
    throw error
  }
}

if (work === 'create')
  for (let index = 0; index < 40; index++) {
    const key = `created/${index}`
    if (await unlessLost(() => store.put(key, Buffer.from(`${process.pid}`), { ifAbsent: true })))
      console.log(key)
  }
else
  for (;;) {
    const found = await store.get('counter')
    const next = Number(Buffer.from((await found?.bytes()) ?? [])) + 1
    if (await unlessLost(() => store.put('counter', Buffer.from(`${next}`), { ifMatch: found?.etag ?? '-' })))
      console.log(next)
  }
