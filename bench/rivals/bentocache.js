/** Memory in front of one file for each call. */
import { BentoCache, bentostore } from 'bentocache'
import { fileDriver } from 'bentocache/drivers/file'
import { memoryDriver } from 'bentocache/drivers/memory'
import { jsonKey } from './json-key.js'

export function open(directory) {
  const store = bentostore()
    .useL1Layer(memoryDriver({}))
    .useL2Layer(fileDriver({ directory, pruneInterval: false }))
  const cache = new BentoCache({ default: 'store', ttl: '365d', stores: { store } })
  return {
    memoize:
      (fn) =>
      (...args) =>
        cache.getOrSet({ key: jsonKey(fn, args), factory: () => fn(...args) }),
    close: () => cache.disconnectAll(),
  }
}
