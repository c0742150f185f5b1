/** Values by structured clone, so that types survive; a put is committed when it returns. */
import { open as openLmdb } from 'lmdb'
import { typedKey } from './typed-key.js'

export function open(path, options = {}) {
  const db = openLmdb({
    path,
    keyEncoding: 'binary',
    encoder: { structuredClone: true, moreTypes: true },
    ...options,
  })
  return {
    memoize:
      (fn) =>
      (...args) => {
        const key = typedKey(fn, args)
        const kept = db.get(key)
        if (kept !== undefined) return kept
        const value = fn(...args)
        db.putSync(key, value)
        return value
      },
    close: () => db.close(),
    entries: () => db.getStats().entryCount,
  }
}
