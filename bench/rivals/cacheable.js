/** Memory in front of a file. `wrap` makes the key. */
import { Cacheable } from 'cacheable'
import { keyvSqlite } from './keyv-sqlite.js'

export function open(directory) {
  const cache = new Cacheable({ secondary: keyvSqlite(directory) })
  return {
    memoize: (fn) => cache.wrap(fn, { keyPrefix: fn.name }),
    close: () => cache.disconnect(),
  }
}
