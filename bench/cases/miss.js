/** A call that is computed and stored. The function itself costs nothing. One value is closed away, opened and compared. */
import { hashAndWrite, insert } from '../suite/bare.js'
import { computed, made, makes } from '../suite/made.js'
import { same } from '../suite/same.js'
import { percentiles, timeOf } from '../suite/time.js'
import { numbers, SMALL } from '../suite/values.js'

const MB = 1_000_000
const WRITE = 'bare hash, writeFileSync to a temporary name, rename'

/**
 * @param value of how much smaller the short form is
 * @param after the case whose failures need not be tried again
 * @param different makes the value another one, so that equal results, stored once, help nobody
 */
function miss(id, title, { value, different, bare, most, after, ms = 150 }) {
  return {
    id,
    title,
    python: true,
    after,
    async start({ open, directory, scale, memory }) {
      const result = value(scale)
      makes((n) => different(result, n))
      let cache = await open(directory)
      let call = await cache.memoize(made)
      const stored = computed()
      await call(0)
      if (!memory) {
        await cache.close()
        cache = await open(directory)
        call = await cache.memoize(made)
      }
      same(await call(0), different(result, stored))
      if (computed() !== stored + 1) throw new Error('computes again what it has stored')
      let next = 1
      return {
        async round() {
          const before = computed()
          const times = await timeOf(() => call(next++), { ms, most })
          if (computed() !== before + times.length) throw new Error('hits where it never was')
          return percentiles(times)
        },
        end: async () => void (await cache.close()),
      }
    },
    references: Object.fromEntries(
      Object.entries(bare).map(([name, task]) => [
        name,
        async ({ directory, scale }) => {
          const call = task(value(scale))(directory)
          return { round: async () => percentiles(await timeOf(call, { ms, most })) }
        },
      ]),
    ),
  }
}

function firstNumber(array, n) {
  array[0] = n
  return array
}

export const cases = [
  miss('miss-small', 'Miss and store, a small value', {
    value: () => SMALL,
    different: (value, n) => ({ ...value, x: n }),
    bare: { 'bare better-sqlite3 encode and insert': insert },
    most: 2000,
  }),
  miss('miss-1mb', 'Miss and store, a Float64Array of 1 MB', {
    value: (scale) => numbers(MB / scale),
    different: firstNumber,
    bare: { [WRITE]: hashAndWrite },
    most: 20,
  }),
  miss('miss-100mb', 'Miss and store, a Float64Array of 100 MB', {
    value: (scale) => numbers((100 * MB) / scale),
    different: firstNumber,
    bare: { [WRITE]: hashAndWrite },
    most: 1,
    after: 'miss-1mb',
  }),
]
