/**
 * A call whose result is there. Before it is timed, the cache is closed and opened: the value must come from the disk. Each
 * value has a random number in it, so that one which was computed again shows.
 */
import { get, hash, readAndHash, stringify } from '../suite/bare.js'
import { same, sameKind } from '../suite/same.js'
import { percentiles, timeOf } from '../suite/time.js'
import { buffer, numbers, object20 } from '../suite/values.js'

const MB = 1_000_000
const GET = 'bare better-sqlite3 get and decode'
const HASH = 'bare XXH3-128 of it'
const READ = 'bare readFileSync and hash'

const number = (x) => x + Math.random()
const ofObject = (object) => object.field1 + Math.random()
const ofMemory = (memory) => memory.length + Math.random()
const small = (_x) => ({ x: 1, name: 'small value', draw: Math.random() })
const records = (count) =>
  Array.from({ length: count }, (_, id) => ({
    id,
    name: `name ${id}`,
    email: `someone-${id}@example.org`,
    score: Math.random(),
    active: id % 2 === 0,
  }))
const floats = (bytes) => new Float64Array(bytes / 8).map((_, i) => i + Math.random())

/**
 * @param after the case whose failures need not be tried again
 * @param references by name: functions of argument and value that give a function of `bare.js`
 */
function hit(id, title, { fn, argument, references, after, ms = 120 }) {
  const bare =
    (name) =>
    async ({ directory, scale }) => {
      const given = argument(scale)
      const call = references[name](given, fn(given))(directory)
      return { round: async () => percentiles(await timeOf(call, { ms })) }
    }
  return {
    id,
    title,
    python: true,
    after,
    references: Object.fromEntries(Object.keys(references).map((name) => [name, bare(name)])),
    async start({ open, directory, scale, memory }) {
      const given = argument(scale)
      let cache = await open(directory)
      let call = await cache.memoize(fn)
      const expected = await call(given)
      sameKind(expected, fn(given))
      if (!memory) {
        await cache.close()
        cache = await open(directory)
        call = await cache.memoize(fn)
      }
      same(await call(given), expected)
      same(await call(given), expected)
      return {
        async round() {
          const times = await timeOf(() => call(given), { ms })
          same(await call(given), expected)
          return percentiles(times)
        },
        end: async () => void (await cache.close()),
      }
    },
  }
}

export const cases = [
  hit('hit-number', 'Hit, by a number, of a number', {
    fn: number,
    argument: () => 1,
    references: { [GET]: (_, value) => get(value) },
  }),
  hit('hit-small', 'Hit, by a number, of a small object', {
    fn: small,
    argument: () => 1,
    references: { [GET]: (_, value) => get(value) },
  }),
  hit('hit-object', 'Hit, by an object of 20 fields, of a number', {
    fn: ofObject,
    argument: object20,
    references: { 'bare JSON.stringify of it': stringify, [GET]: (_, value) => get(value) },
  }),
  hit('hit-buffer', 'Hit, by a buffer of 1 MB, of a number', {
    fn: ofMemory,
    argument: (scale) => buffer(MB / scale),
    references: { [HASH]: hash },
  }),
  hit('hit-array', 'Hit, by a Float64Array of 10 MB, of a number', {
    fn: ofMemory,
    argument: (scale) => numbers((10 * MB) / scale),
    references: { [HASH]: hash },
    ms: 200,
  }),
  hit('hit-records', 'Hit of 10,000 records, 1 MB as JSON', {
    fn: records,
    argument: (scale) => 10_000 / scale,
    references: { [GET]: (_, value) => get(value) },
    ms: 200,
  }),
  hit('hit-1mb', 'Hit of a Float64Array of 1 MB', {
    fn: floats,
    argument: (scale) => MB / scale,
    references: { [READ]: (_, value) => readAndHash(value) },
    ms: 200,
  }),
  hit('hit-100mb', 'Hit of a Float64Array of 100 MB', {
    fn: floats,
    argument: (scale) => (100 * MB) / scale,
    after: 'hit-1mb',
    references: { [READ]: (_, value) => readAndHash(value) },
    ms: 400,
  }),
]
