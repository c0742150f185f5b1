/** In memory, for scale: what a hit costs that leaves nothing behind. */
import memoize from 'memoize'

export const open = () => ({ memoize: (fn) => memoize(fn, { cacheKey: JSON.stringify }), close() {} })
