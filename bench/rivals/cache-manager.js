import { createCache } from 'cache-manager'
import { jsonKey } from './json-key.js'
import { keyvSqlite } from './keyv-sqlite.js'

export function open(directory) {
  const cache = createCache({ stores: [keyvSqlite(directory)] })
  return {
    memoize:
      (fn) =>
      (...args) =>
        cache.wrap(jsonKey(fn, args), () => fn(...args)),
    close: () => cache.disconnect(),
  }
}
