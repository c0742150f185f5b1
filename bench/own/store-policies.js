/**
 * What each eviction policy keeps on a real trace of accesses: the files that the TypeScript compiler reads, one after
 * the other, when it is asked to look at each typed package of this repository's node_modules, twice over. A call is
 * "parse this file": its size is that of the file, its cost the time the compiler took to parse it in this very run.
 * Libraries that all packages use come again and again, most files come once per round. Needs no network.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { policies } from '#src/store/policy.js'
import { entryOf, open, temporary } from './a-store.js'

const modules = fileURLToPath(new URL('../../node_modules/', import.meta.url))
const names = readdirSync(modules).flatMap((name) =>
  name.startsWith('@') ? readdirSync(join(modules, name)).map((inner) => `${name}/${inner}`) : [name],
)
const roots = names
  .filter((name) => existsSync(join(modules, name, 'package.json')))
  .map((name) => [name, JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8'))])
  .filter(([, { types, typings }]) => typeof (types ?? typings) === 'string')
  .map(([name, { types, typings }]) => join(modules, name, types ?? typings))
  .filter((path) => existsSync(path))
  .sort()

/** Each file once: its size and the milliseconds to parse it. */
const files = new Map()
const parsed = new Map()
const trace = []
const options = { noLib: false, lib: ['lib.es2023.d.ts'], types: [], module: ts.ModuleKind.NodeNext }
const host = ts.createCompilerHost(options)
const parse = host.getSourceFile.bind(host)
host.getSourceFile = (path, ...rest) => {
  if (!parsed.has(path)) {
    const began = performance.now()
    const source = parse(path, ...rest)
    files.set(path, { cost: performance.now() - began, size: source === undefined ? 0 : source.text.length })
    parsed.set(path, source)
  }
  trace.push(path)
  return parsed.get(path)
}
for (const root of [...roots, ...roots]) ts.createProgram([root], options, host)

const total = [...files.values()].reduce((sum, { size }) => sum + size, 0)
const spent = trace.reduce((sum, path) => sum + files.get(path).cost, 0)
const bytesOf = new Map([...files].map(([path, { size }]) => [path, Buffer.alloc(size, path)]))

const rows = [
  {
    name: 'the trace',
    value: `${trace.length} reads of ${files.size} files of ${roots.length} packages, ${(total / 1e6).toFixed(1)} MB`,
  },
]
for (const share of [0.1, 0.3]) {
  for (const policy of ['gdsf', 'gdsize', 'lru', 'lfu', 'fifo']) {
    let now = 0
    const store = open(join(temporary(), 'cache'), {
      maxSize: total * share,
      policy: policies[policy],
      clock: () => ++now,
    })
    let hits = 0
    let saved = 0
    for (const path of trace) {
      const { cost } = files.get(path)
      const entry = entryOf(path, { computeTime: cost })
      const found = store.find(entry.key.digest)
      if (found === undefined) store.put(entry, bytesOf.get(path))
      else {
        hits += 1
        saved += cost
        store.count('f', { hits: 1 }, found.key.digest)
      }
    }
    store.close()
    rows.push({
      name: `${policy}, room for ${share * 100} % of the bytes`,
      value: `${((100 * hits) / trace.length).toFixed(1)} % hits, ${((100 * saved) / spent).toFixed(1)} % of the time saved`,
    })
  }
}
console.log(JSON.stringify(rows))
