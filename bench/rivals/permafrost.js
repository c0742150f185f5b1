/** With what it does unless told otherwise. By its path, since this folder is a package of its own. */
import { MemoizedGroup } from '../../dist/index.js'

export function open(directory, options = {}) {
  const group = new MemoizedGroup({ directory, ...options })
  return {
    memoize: (fn) => group.memoize(fn),
    // what stands for a result without being read
    refer: (memoized, ...args) => memoized.ref(...args),
    close: () => group.close(),
    identify: (memoized, ...args) => memoized.key(...args),
    entries: () => group.stats().entries,
    async evict(count) {
      const { entries } = group.stats()
      group.close()
      const smaller = new MemoizedGroup({ directory, ...options, maxEntries: entries - count })
      const began = performance.now()
      const { evicted } = await smaller.gc()
      const time = performance.now() - began
      smaller.close()
      return { evicted, time }
    },
  }
}
