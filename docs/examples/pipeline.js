/**
 * A pipeline over files of measurements, in stages. Each hands the next one a reference, so that a run in which nothing
 * changed reads none of the large tables in between.
 *
 *   node docs/examples/pipeline.js [folder]
 *
 * Works on the `.csv` files in the folder (default: readings/), and makes some if there is no such folder.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { file, MemoizedGroup } from 'permafrost'

const folder = process.argv[2] ?? 'readings'
if (!existsSync(folder)) makeReadings()

const group = new MemoizedGroup()

/** Stage 1: text to numbers, a table for each file. Depends on that file alone. */
const parse = group.memoize(function parse(source) {
  console.log(`parsing ${source.path}`)
  const lines = readFileSync(source.path, 'utf8').trim().split('\n')
  return Float64Array.from(lines, (line) => Number(line.split(',')[1]))
})

/** Stage 2: without the daily wave. `table` is a reference; `get()` reads it, here and not earlier. */
const smooth = group.memoize(function smooth(table, width) {
  const values = table.get()
  console.log(`smoothing ${values.length} values`)
  const sums = new Float64Array(values.length + 1)
  for (const [i, value] of values.entries()) sums[i + 1] = sums[i] + value
  return values.map((_, i) => {
    const from = Math.max(0, i - width)
    return (sums[i + 1] - sums[from]) / (i + 1 - from)
  })
})

/** Stage 3: all of them together. */
const summarise = group.memoize(function summarise(tables) {
  console.log(`summarising ${tables.length} tables`)
  return tables.map((table) => {
    const values = table.get()
    return { highest: Math.max(...values).toFixed(2), last: values.at(-1).toFixed(2) }
  })
})

const paths = readdirSync(folder).map((name) => join(folder, name))
const tables = paths.map((path) => smooth.ref(parse.ref(file(path)), 1440))
const results = summarise(tables)
for (const [i, { highest, last }] of results.entries())
  console.log(`${paths[i]}: highest ${highest}, last ${last}`)

/** A value each minute for two months. */
function makeReadings() {
  mkdirSync(folder)
  for (const [i, name] of ['attic', 'cellar', 'garden'].entries()) {
    const line = (minute) => `${minute},${(10 * i + 5 * Math.sin(minute / 229) + minute / 9000).toFixed(3)}`
    const lines = Array.from({ length: 86_400 }, (_, n) => line(n))
    writeFileSync(join(folder, `${name}.csv`), `${lines.join('\n')}\n`)
  }
}
