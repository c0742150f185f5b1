/**
 * Which calls a rival takes for the same though they are not, and what it gives back. Who fails is measured all the same,
 * but not ranked: to be fast and wrong is easy.
 */
import { computed, made, makes } from './made.js'

const bits = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8])
const pairs = {
  "1 and '1'": [1, '1'],
  "[1, 2] and ['1,2']": [[1, 2], ['1,2']],
  "{ a: 1 } and { a: '1' }": [{ a: 1 }, { a: '1' }],
  'undefined and null': [undefined, null],
  '-0 and 0': [-0, 0],
  'Maps of other contents': [new Map([['a', 1]]), new Map([['a', 2]])],
  'Sets of other contents': [new Set([1]), new Set([2])],
  'Uint8Array and Int8Array': [new Uint8Array([1, 2]), new Int8Array([1, 2])],
  'Float32Array and Uint32Array of the same bytes': [
    new Float32Array(bits.buffer.slice(0)),
    new Uint32Array(bits.buffer.slice(0)),
  ],
}

/** What `child.js` runs: `{ collides, throws, keeps, shares }`. */
export const gate = {
  id: 'gate',
  async start({ open, directory }) {
    const found = { collides: [], throws: [], keeps: false, shares: false }
    makes((n) => ({ n, list: [n] }))
    let cache = await open(directory)
    let call = await cache.memoize(made)
    for (const [name, [one, other]] of Object.entries(pairs)) {
      try {
        const first = await call(one)
        if ((await call(other)).n === first.n) found.collides.push(name)
      } catch {
        found.throws.push(name)
      }
    }
    // what a caller does to a result, computed or found, must not show in the next
    for (let turn = 0; turn < 2; turn++) (await call('shared')).list.push('mutated')
    found.shares = (await call('shared')).list.length > 1
    const before = computed()
    await cache.close()
    cache = await open(directory)
    call = await cache.memoize(made)
    await call('shared')
    found.keeps = computed() === before
    return { found, round() {}, end: async () => void (await cache.close()) }
  },
}
