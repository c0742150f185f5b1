import { createStorage } from 'unstorage'
import fsDriver from 'unstorage/drivers/fs'
import { jsonKey } from './json-key.js'

export function open(base) {
  const storage = createStorage({ driver: fsDriver({ base }) })
  return {
    memoize:
      (fn) =>
      async (...args) => {
        const key = jsonKey(fn, args)
        const kept = await storage.getItem(key)
        if (kept !== null) return kept
        const value = fn(...args)
        await storage.setItem(key, value)
        return value
      },
    close: () => storage.dispose(),
  }
}
