/**
 * `npm run bench`: each file of measurements in a process of its own, then one table. Percentiles, never means; a
 * reference measured beside each figure in the same run, since the machine is shared. `--json` prints JSON.
 */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import Table from 'cli-table3'

const files = ['call.js', 'freeze.js', 'values.js', 'cold-start.js']
const rows = files.flatMap((file) =>
  JSON.parse(
    execFileSync(process.execPath, [fileURLToPath(new URL(file, import.meta.url))], { encoding: 'utf8' }),
  ),
)

if (process.argv.includes('--json')) {
  console.log(JSON.stringify({ node: process.version, rows }, null, 2))
} else {
  const table = new Table({
    head: ['what', 'p50', 'p99', 'reference', 'ratio of p50'],
    style: { head: [], border: [] },
  })
  const time = (us) => (us >= 1000 ? `${(us / 1000).toFixed(1)} ms` : `${us.toFixed(2)} µs`)
  const named = new Map(rows.map((row) => [row.name, row]))
  for (const { name, p50, p99, reference } of rows) {
    const other = reference && named.get(reference)
    table.push([name, time(p50), time(p99), reference ?? '', other ? (p50 / other.p50).toFixed(2) : ''])
  }
  console.log(`Node ${process.version}, ${process.platform} ${process.arch}`)
  console.log(table.toString())
}
