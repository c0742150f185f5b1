/** Over the files of unstorage, as its documentation shows; it makes its own key. It writes after it has answered. */
import { createBlobStorage, defineCachedFunction } from 'ocache'
import { createStorage } from 'unstorage'
import fsDriver from 'unstorage/drivers/fs'

export function open(base) {
  const files = createStorage({ driver: fsDriver({ base }) })
  const writing = new Set()
  const set = (key, value) => {
    const done = value === null ? files.removeItem(key) : files.setItemRaw(key, value)
    writing.add(done)
    return done.finally(() => writing.delete(done))
  }
  const storage = createBlobStorage({ get: (key) => files.getItemRaw(key), set })
  return {
    memoize: (fn) => defineCachedFunction(fn, { name: fn.name, maxAge: 365 * 86_400, swr: false, storage }),
    async close() {
      await Promise.all(writing)
      await files.dispose()
    },
  }
}
