/**
 * `npm run bench:own`, or with `--shared` `npm run bench:shared`: each file of measurements in a process of its own, then one table. Percentiles, never means; a
 * reference measured beside each figure in the same run, since the machine is shared. `--json` prints JSON, `--full`
 * measures a million entries, too, `--short` only sees that it works; names of files measure only those.
 */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import Table from 'cli-table3'

const own = [
  'call.js',
  'freeze.js',
  'values.js',
  'streams.js',
  'cold-start.js',
  'store.js',
  'store-scale.js',
  'store-processes.js',
  'store-policies.js',
  'command-line.js',
  'blob.js',
]
const shared = ['hit.js', 'many.js', 'cost.js', 'turns.js', 'workers.js']
const isShared = process.argv.includes('--shared')
const all = isShared ? shared : own
const asked = process.argv.filter((argument) => all.includes(argument))
const options = process.argv.filter((argument) => ['--full', '--short'].includes(argument))
const rows = (asked.length > 0 ? asked : all).flatMap((file) => {
  const path = fileURLToPath(new URL(isShared ? `../shared/${file}` : file, import.meta.url))
  return JSON.parse(execFileSync(process.execPath, [path, ...options], { encoding: 'utf8' }))
})

if (process.argv.includes('--json')) {
  console.log(JSON.stringify({ node: process.version, rows }, null, 2))
} else {
  const table = new Table({
    head: ['what', 'p50', 'p99', 'reference', 'ratio of p50'],
    style: { head: [], border: [] },
  })
  const time = (us) => (us >= 1000 ? `${(us / 1000).toFixed(1)} ms` : `${us.toFixed(2)} µs`)
  const named = new Map(rows.map((row) => [row.name, row]))
  for (const { name, p50, p99, reference, value } of rows) {
    if (value !== undefined) {
      table.push([name, { content: value, colSpan: 4 }])
      continue
    }
    const other = reference && named.get(reference)
    table.push([name, time(p50), time(p99), reference ?? '', other ? (p50 / other.p50).toFixed(2) : ''])
  }
  console.log(`Node ${process.version}, ${process.platform} ${process.arch}`)
  console.log(table.toString())
}
