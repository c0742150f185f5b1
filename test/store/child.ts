/** A process of its own that works on a store: `node child.js <job> <directory> <seed>`. Prints what is done. */
import { createHash } from 'node:crypto'
import { writeSync } from 'node:fs'
import { policies } from '#src/store/policy.js'
import { openStore } from '#src/store/store.js'
import {
  bytesOf,
  digest,
  get,
  getWhole,
  keyOf,
  leavesOf,
  newDigester,
  parseKey,
  parseOf,
  put,
  putLeaves,
  whole,
} from './harness.js'

const [, , job, directory, seed = '0', maxSize = 'Infinity'] = process.argv

const store = openStore({
  directory: directory!,
  readonly: false,
  temporary: false,
  maxSize: Number(maxSize),
  maxEntries: Number.POSITIVE_INFINITY,
  policy: policies.lru,
  durability: 'process',
  clock: Date.now,
  digest,
  newDigester,
  onError: (error) => {
    throw error
  },
})

const say = (line: string): void => void writeSync(1, `${line}\n`)
const random = (n: number): number => createHash('sha256').update(`${seed} ${n}`).digest().readUInt32LE()
const sizeOf = (n: number): number => (n % 4 === 0 ? 70_000 + (n % 100) : 50 + (n % 3000))

if (job === 'open') {
  const n = Number(seed)
  if (put(store, n, sizeOf(n)) === undefined) throw new Error('not admitted')
  say(`put ${n}`)
  store.close()
}

// Puts results of its own until it is killed, and says which are done.
if (job === 'put') {
  say('ready')
  for (let n = Number(seed) * 1_000_000; ; n++) {
    put(store, n, sizeOf(n))
    say(`put ${n}`)
    if (n % 50 === 0) store.commit()
  }
}

// Puts and drops results of its own whose leaves it shares with others, until it is killed, and says so.
if (job === 'leaves') {
  const kept: number[] = []
  say('ready')
  for (let n = Number(seed) * 1_000_000; ; n++) {
    if (putLeaves(store, n, leavesOf(n)) === undefined) throw new Error('not admitted')
    say(`put ${n}`)
    kept.push(n)
    while (kept.length > random(n) % 4) {
      const gone = kept.shift()!
      say(`drop ${gone}`)
      store.drop(keyOf(gone).digest)
    }
    for (const one of kept) {
      if (!getWhole(store, one)?.equals(whole(one, leavesOf(one)))) throw new Error(`lost ${one}`)
    }
  }
}

// Reads what others have read out of texts, and leaves what they have not, until it is killed.
if (job === 'parse') {
  say('ready')
  for (let step = 0; ; step++) {
    const n = random(step) % 2000
    const found = store.parses.get(parseKey(n))
    if (found === undefined) store.parses.set(parseKey(n), parseOf(n))
    else if (found !== parseOf(n)) throw new Error(`wrong text for ${n}`)
    if (step % 20 === 0) store.flush()
  }
}

// Hits, misses, evictions and gc over calls it shares with others.
if (job === 'mix') {
  for (let step = 0; step < 600; step++) {
    const n = random(step) % 200
    const bytes = get(store, n)
    if (bytes === undefined) put(store, n, sizeOf(n))
    else if (Buffer.compare(bytes, bytesOf(n, sizeOf(n))) !== 0) throw new Error(`wrong value for ${n}`)
    else store.count('f', { hits: 1 }, keyOf(n).digest)
    if (random(step) % 97 === 0) store.drop(keyOf(n).digest)
    if (step % 300 === 299) await store.gc()
  }
  say('done')
  store.close()
}
