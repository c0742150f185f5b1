/** One file, read when opened and written when closed; in between it is in memory. */
import { create } from 'flat-cache'
import { jsonKey } from './json-key.js'

export function open(cacheDir) {
  const cache = create({ cacheId: 'bench', cacheDir })
  return {
    memoize:
      (fn) =>
      (...args) => {
        const key = jsonKey(fn, args)
        const kept = cache.get(key)
        if (kept !== undefined) return kept
        const value = fn(...args)
        cache.set(key, value)
        return value
      },
    close: () => cache.save(true),
  }
}
