/** What identifying a call costs, against the bare hash, JSON or walk of the same data in the same run. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { digest, MemoizedGroup } from 'permafrost'
import { measure } from './measure.js'

const { XXHash128 } = createRequire(import.meta.url)('xxhash-addon')

const directory = mkdtempSync(join(tmpdir(), 'permafrost-bench-'))
const group = new MemoizedGroup({ directory: join(directory, 'cache') })
const object = Object.fromEntries(
  Array.from({ length: 20 }, (_, i) => [`field${i}`, i % 2 ? i : `value ${i}`]),
)
const table = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`entry${i}`, i]))
const big = new Float64Array(12_500_000).fill(0.5)
const bigBytes = new Uint8Array(big.buffer)
const constant = 3
let counter = 0
const bump = () => counter++

const ofNumber = group.memoize((x) => x * constant)
const ofObject = group.memoize((x) => x.field1)
const withTable = group.memoize((x) => table[x])
const withLet = group.memoize((x) => x + counter)
const ofArray = group.memoize((x) => x.length)

const sixteen = Buffer.alloc(16)
const map = new Map([[sixteen.toString('hex'), 1]])
const hash = (text) => XXHash128.hash(Buffer.from(text))

const rows = [
  ...(await measure({
    'bare: hash 16 bytes, one Map look-up': { run: () => map.get(XXHash128.hash(sixteen).toString('hex')) },
    'key of one number, constant captures': {
      run: () => ofNumber.key(5),
      reference: 'bare: hash 16 bytes, one Map look-up',
    },
    'bare: JSON.stringify of 20 fields, hash': { run: () => hash(JSON.stringify(object)) },
    'digest of a 20-field object': {
      run: () => digest(object),
      reference: 'bare: JSON.stringify of 20 fields, hash',
    },
    'key of a 20-field object': {
      run: () => ofObject.key(object),
      reference: 'bare: JSON.stringify of 20 fields, hash',
    },
    'digest of a table of 1000 entries': { run: () => digest(table) },
    'key, capturing a table of 1000 entries': {
      run: () => withTable.key(5),
      reference: 'digest of a table of 1000 entries',
    },
    'key, capturing a variable that was reassigned': {
      run: () => {
        bump()
        return withLet.key(5)
      },
    },
  })),
  ...(await measure(
    {
      'bare: hash 100 MB': { run: () => XXHash128.hash(bigBytes) },
      'key of a 100 MB Float64Array': { run: () => ofArray.key(big), reference: 'bare: hash 100 MB' },
    },
    2000,
  )),
]

// the first look at a graph of 200 functions, text and all
const lines = Array.from(
  { length: 200 },
  (_, i) => `const f${i} = (x) => ${i === 0 ? 'x' : `f${i - 1}(x) + ${i}`}`,
)
const graph = new Function(`${lines.join('\n')}\nreturn f199`)
const firsts = []
for (let round = 0; round < 9; round++) {
  const fn = graph()
  const began = performance.now()
  digest(fn)
  firsts.push((performance.now() - began) * 1000)
}
rows.push({ name: 'first digest of 200 functions that call each other', p50: firsts[0], p99: firsts[0] })
firsts.sort((a, b) => a - b)
rows.push({ name: 'the same graph made anew, texts known', p50: firsts[4], p99: firsts[8] })

group.close()
rmSync(directory, { recursive: true, force: true })
console.log(JSON.stringify(rows))
