/** What identifying a call costs, against the bare hash, JSON or walk of the same data in the same run. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { digest, MemoizedGroup } from 'permafrost'
import { defaultWalkOptions } from '#src/freeze/freeze.js'
import { keyOf } from '#src/key.js'
import { writeProject } from '../suite/project.js'
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

// what a hit makes of a call; the `key` method adds what only people ask for
const ofNumber = {
  fn: (x) => x * constant,
  name: 'ofNumber',
  version: undefined,
  states: [],
  cacheKey: undefined,
  ignored: new Set(),
  once: false,
  walk: defaultWalkOptions,
  usesThis: () => false,
  usesSuper: () => false,
}
const ofObject = { ...ofNumber, fn: (x) => x.field1, name: 'ofObject' }
const withTable = group.memoize((x) => table[x])
const withLet = group.memoize((x) => x + counter)
const withProcess = group.memoize((x) => x + process.argv.length)
const ofArray = group.memoize((x) => x.length)

const sixteen = Buffer.alloc(16)
const map = new Map([[sixteen.toString('hex'), 1]])
const hash = (text) => XXHash128.hash(Buffer.from(text))

const rows = [
  ...(await measure({
    'bare: hash 16 bytes, one Map look-up': { run: () => map.get(XXHash128.hash(sixteen).toString('hex')) },
    'key of one number, constant captures': {
      run: () => keyOf(ofNumber, undefined, [5]),
      reference: 'bare: hash 16 bytes, one Map look-up',
    },
    'bare: JSON.stringify of 20 fields, hash': { run: () => hash(JSON.stringify(object)) },
    'digest of a 20-field object': {
      run: () => digest(object),
      reference: 'bare: JSON.stringify of 20 fields, hash',
    },
    'key of a 20-field object': {
      run: () => keyOf(ofObject, undefined, [object]),
      reference: 'bare: JSON.stringify of 20 fields, hash',
    },
    'digest of a table of 1000 entries': { run: () => digest(table) },
    'key, capturing a table of 1000 entries': {
      run: () => withTable.key(5),
      reference: 'digest of a table of 1000 entries',
    },
    'key, reading process.argv': { run: () => withProcess.key(5) },
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

// a graph of 200 functions: the first look, text and all, in a process of its own, and then in one that comes afterwards
const lines = Array.from(
  { length: 200 },
  (_, i) => `const f${i} = (x) => ${i === 0 ? 'x' : `f${i - 1}(x) + ${i}`}`,
)
const source = `${lines.join('\n')}\nreturn f199`
const program = `
  import { digest, MemoizedGroup } from 'permafrost'
  const group = new MemoizedGroup({ directory: process.argv[1] })
  const fn = new Function(${JSON.stringify(source)})()
  const began = performance.now()
  digest(fn)
  console.log((performance.now() - began) * 1000)
  group.close()`
const inProcess = (directory) =>
  Number(
    execFileSync(process.execPath, ['--input-type=module', '-e', program, directory], {
      cwd: import.meta.dirname,
      encoding: 'utf8',
    }),
  )
// as many in twenty modules
const project = join(directory, 'project')
writeProject(project)
const adapter = new URL('../rivals/permafrost.js', import.meta.url).href
const identified = (cache) =>
  JSON.parse(execFileSync(process.execPath, ['main.js', adapter, cache], { cwd: project, encoding: 'utf8' }))
    .identify
const looks = { first: [], afterwards: [], again: [], modules: [], modulesAfterwards: [] }
for (let round = 0; round < 9; round++) {
  const fresh = join(directory, `graph${round}`)
  looks.first.push(inProcess(fresh))
  looks.afterwards.push(inProcess(fresh))
  const cache = join(directory, `project${round}`)
  looks.modules.push(identified(cache))
  looks.modulesAfterwards.push(identified(cache))
}
const graph = new Function(source)
digest(graph())
for (let round = 0; round < 9; round++) {
  const fn = graph()
  const began = performance.now()
  digest(fn)
  looks.again.push((performance.now() - began) * 1000)
}
const firstLook = 'first digest of 200 functions that call each other'
const modulesLook = 'first key of a function that calls 200 others, in 20 modules'
for (const [name, list, reference] of [
  [firstLook, looks.first],
  ['the same in a process afterwards', looks.afterwards, firstLook],
  ['the same graph made anew, texts known', looks.again, firstLook],
  [modulesLook, looks.modules],
  ['the same 20 modules in a process afterwards', looks.modulesAfterwards, modulesLook],
]) {
  list.sort((a, b) => a - b)
  rows.push({ name, p50: list[4], p99: list[8], reference })
}

// the first look at functions nobody has seen: one by one those of one module, and the first of each new module
const { parse } = createRequire(import.meta.url)('acorn')
const textOf = (n) =>
  `(x, y = ${n}) => { const z = [x, y].map((a) => a * ${n}); return JSON.stringify({ z, k: Math.max(x, ${n}) }) }`
const times = { parsing: [], known: [], fresh: [] }
const timed = (list, work) => {
  const began = performance.now()
  work()
  list.push((performance.now() - began) * 1000)
}
const module = join(directory, 'module.mjs')
writeFileSync(module, Array.from({ length: 200 }, (_, n) => `export const f${n} = ${textOf(n)}`).join('\n'))
const functions = await import(pathToFileURL(module))
digest(functions.f0)
for (let n = 1; n < 200; n++) {
  timed(times.known, () => digest(functions[`f${n}`]))
  timed(times.parsing, () => parse(`(${textOf(n)})`, { ecmaVersion: 'latest' }))
}
for (let n = 0; n < 50; n++) {
  const file = join(directory, `module${n}.mjs`)
  writeFileSync(file, `export const f = ${textOf(1000 + n)}`)
  const { f } = await import(pathToFileURL(file))
  timed(times.fresh, () => digest(f))
}
for (const [name, list, reference] of [
  ['bare: acorn on the text of one function', times.parsing],
  ['first digest of one more function of a module', times.known, 'bare: acorn on the text of one function'],
  ['first digest of a function of a new module', times.fresh],
]) {
  list.sort((a, b) => a - b)
  rows.push({ name, p50: list[list.length >> 1], p99: list.at(-2), reference })
}

group.close()
rmSync(directory, { recursive: true, force: true })
console.log(JSON.stringify(rows))
