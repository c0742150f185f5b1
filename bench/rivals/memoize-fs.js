/** One file of JSON for each call. */
import memoizeFs from 'memoize-fs'

export function open(cachePath) {
  const memoizer = memoizeFs({ cachePath })
  return { memoize: (fn) => memoizer.fn(fn), close() {} }
}
