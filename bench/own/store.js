/**
 * What the store costs by itself, against the least it could: a bare get and insert for small results, reading or
 * writing one file and hashing it for large ones. Each figure alternates with its reference, call by call.
 */
import { readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { decode, encode } from 'cbor-x'
import { cbor } from '#src/codec/cbor.js'
import { digestBytes } from '#src/freeze/digest.js'
import { entryOf, keyOf, open, percentiles, temporary, timed } from './a-store.js'
import { bareTable } from './bare.js'

const directory = temporary()
const rows = []

/** Times of each task, alternating; the order changes each round. `prepare` is not timed. */
function alternate(rounds, prepare, tasks) {
  const names = Object.keys(tasks)
  const times = Object.fromEntries(names.map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    const given = prepare(round)
    if (round % 2 === 1) names.reverse()
    for (const name of names) times[name].push(timed(() => tasks[name](given)))
  }
  // the first tenth warms up
  const [reference] = Object.keys(tasks)
  for (const name of Object.keys(tasks)) {
    const kept = times[name].slice(Math.floor(rounds / 10))
    rows.push(percentiles(name, kept, name === reference ? undefined : reference))
  }
}

// small results ----------------------------------------------------------------------------------------------------

const store = open(join(directory, 'cache'))
const { db, get, put } = bareTable(directory)

alternate(
  5000,
  (n) => {
    const entry = entryOf(n)
    return { entry, key: Buffer.from(entry.key.digest, 'hex'), bytes: encode({ x: n, name: 'small value' }) }
  },
  {
    'bare insert, WAL, NORMAL': ({ key, bytes }) => put.run(key, bytes),
    'store: put of a small result': ({ entry, bytes }) => store.put(entry, bytes),
  },
)

alternate(
  30_000,
  (n) => {
    const key = keyOf((n * 7919) % 1000)
    return { key, blob: Buffer.from(key, 'hex') }
  },
  {
    'bare get and decode': ({ blob }) => decode(get.get(blob)),
    'store: hit of a small result (find, read, decode)': ({ key }) =>
      decode(store.read(store.find(key)).bytes),
  },
)

// large results ----------------------------------------------------------------------------------------------------

for (const [size, words, rounds] of [
  [2 ** 20, '1 MiB', 300],
  [100 * 2 ** 20, '100 MiB', 15],
]) {
  const value = new Float64Array(size / 8).map((_, i) => i * 0.5)
  const bytes = cbor.encode(value)
  const file = join(directory, 'bare.bin')
  const [entry, typed] = [entryOf(`large ${size}`), entryOf(`typed ${size}`)]
  const putTyped = (call) => {
    const parts = cbor.encodeParts(value)
    return store.put(call, parts.bytes, parts.leaves)
  }
  const files = []
  alternate(
    rounds,
    (n) => {
      // each writes a file of its own; what came before makes room
      for (const old of files.splice(0)) unlinkSync(old)
      store.clear()
      const call = (what) => entryOf(`${what} ${size} ${n}`)
      return { path: join(directory, `bare-${n}.bin`), call: call('large'), typed: call('typed') }
    },
    {
      [`bare: hash and write ${words}`]: ({ path }) => {
        digestBytes(bytes)
        writeFileSync(path, bytes)
        files.push(path)
      },
      [`store: put of ${words}`]: ({ call }) => store.put(call, bytes),
      [`store: put of a typed array of ${words}, encoded`]: ({ typed }) => putTyped(typed),
    },
  )
  writeFileSync(file, bytes)
  store.put(entry, bytes)
  putTyped(typed)
  alternate(rounds, () => undefined, {
    [`bare: read ${words} and hash`]: () => digestBytes(readFileSync(file)),
    [`store: hit of ${words}`]: () => store.read(store.find(entry.key.digest)),
    [`store: hit of a typed array of ${words}, decoded`]: () => {
      const { bytes, leaves } = store.read(store.find(typed.key.digest))
      cbor.decodeParts(bytes, (index) => leaves[index])
    },
  })
  store.clear()
}

store.close()
db.close()
console.log(JSON.stringify(rows))
