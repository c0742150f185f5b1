import pMemoize from 'p-memoize'
import { jsonKey } from './json-key.js'
import { keyvSqlite } from './keyv-sqlite.js'

export function open(directory) {
  const cache = keyvSqlite(directory)
  return {
    memoize: (fn) =>
      pMemoize(async (...args) => fn(...args), { cache, cacheKey: (args) => jsonKey(fn, args) }),
    close: () => cache.disconnect(),
  }
}
