/** What one memoized call costs, against the least it could: a bare lookup of the same bytes. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decode, encode } from 'cbor-x'
import { MemoizedGroup } from 'permafrost'
import { bareTable } from './bare.js'
import { measure } from './measure.js'

const { XXHash128 } = createRequire(import.meta.url)('xxhash-addon')

const directory = mkdtempSync(join(tmpdir(), 'permafrost-bench-'))
const group = new MemoizedGroup({ directory: join(directory, 'cache') })
// each hit as if it were the first of its process
const cold = new MemoizedGroup({ directory: join(directory, 'cache'), memory: false })
const object = Object.fromEntries(
  Array.from({ length: 20 }, (_, i) => [`field${i}`, i % 2 ? i : `value ${i}`]),
)

const ofNumber = group.memoize((x) => ({ x, name: 'small value' }))
const ofObject = group.memoize((x) => ({ x: x.field1, name: 'small value' }))
const coldOfNumber = cold.memoize(ofNumber.fn)
const coldOfObject = cold.memoize(ofObject.fn)
const toNumber = group.memoize((x) => x + 1)
ofNumber(1)
ofObject(object)
toNumber(1)

// the reference: the same steps by hand
const { db, get, put } = bareTable(directory)
const keyOf = (x) => XXHash128.hash(Buffer.from(JSON.stringify(x)))
put.run(keyOf(1), encode({ x: 1, name: 'small value' }))
put.run(keyOf(object), encode({ x: 1, name: 'small value' }))

let next = 0
let nextBare = 0
const rows = await measure({
  'bare hit, one number: JSON + XXH3 + SQLite + cbor-x': { run: () => decode(get.get(keyOf(1))) },
  'hit, one number, from the index': {
    run: () => coldOfNumber(1),
    reference: 'bare hit, one number: JSON + XXH3 + SQLite + cbor-x',
  },
  'hit, one number, from memory': {
    run: () => ofNumber(1),
    reference: 'bare hit, one number: JSON + XXH3 + SQLite + cbor-x',
  },
  'hit, one number to a number, from memory': {
    run: () => toNumber(1),
    reference: 'bare hit, one number: JSON + XXH3 + SQLite + cbor-x',
  },
  'bare hit, 20-field object': { run: () => decode(get.get(keyOf(object))) },
  'hit, 20-field object, from the index': {
    run: () => coldOfObject(object),
    reference: 'bare hit, 20-field object',
  },
  'hit, 20-field object, from memory': {
    run: () => ofObject(object),
    reference: 'bare hit, 20-field object',
  },
  'bare put of a small value, WAL, NORMAL': {
    run: () => put.run(keyOf(++nextBare + 10), encode({ x: nextBare, name: 'small value' })),
  },
  'miss and store of a small value': {
    run: () => ofNumber(++next + 10),
    reference: 'bare put of a small value, WAL, NORMAL',
  },
})
group.close()
cold.close()
db.close()
rmSync(directory, { recursive: true, force: true })
console.log(JSON.stringify(rows))
