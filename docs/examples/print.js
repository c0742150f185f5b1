/** Tables and bars for the terminal. */
import Table from 'cli-table3'
import { shortName } from './chart.js'
import { top } from './metrics.js'

const MOST_FILES = 12
const LEAST_PERCENT = 5

export function printFiles({ files }, shared) {
  const rows = files.map((file, i) => ({ ...file, twin: twinOf(i, files, shared[i]) }))
  const shown = top(rows, MOST_FILES, (file) => file.lines)
  printTable(
    ['file', '>lines', '>functions', '>complexity', '>mean', 'longest function', 'text is also in'],
    shown.map(({ path, lines, functions, complexity, mean, longest, twin }) => [
      shortName(path),
      number(lines),
      number(functions),
      number(complexity),
      mean.toFixed(1),
      longest.map((fn) => `${fn.name}, ${number(fn.lines)}`).join(),
      twin,
    ]),
  )
  if (rows.length > shown.length) console.log(`and ${rows.length - shown.length} shorter files`)
}

export function printLongest({ longest }) {
  printTable(
    ['longest functions', '>lines', '>complexity', 'where'],
    longest.map((fn) => [
      fn.name,
      number(fn.lines),
      number(fn.complexity),
      `${shortName(fn.path)}:${fn.line}`,
    ]),
  )
}

export function printCharts({ spread, words }) {
  printBars('functions by complexity', spread)
  printBars('words used most', words)
}

/** The other file that has most of this one's text. */
function twinOf(self, files, shares) {
  const others = [...shares.keys()].filter((i) => i !== self)
  const twins = top(others, 1, (i) => shares[i]).filter((i) => shares[i] >= LEAST_PERCENT / 100)
  return twins.map((i) => `${Math.round(100 * shares[i])} % ${shortName(files[i].path)}`).join()
}

/** Columns whose title starts with > are aligned right. */
function printTable(titles, rows) {
  const table = new Table({
    head: titles.map((title) => title.replace('>', '')),
    colAligns: titles.map((title) => (title.startsWith('>') ? 'right' : 'left')),
    style: { head: [], border: [], compact: true },
  })
  table.push(...rows)
  console.log(`\n${table}`)
}

function printBars(title, counts) {
  const most = Math.max(1, ...counts.map(({ count }) => count))
  const margin = Math.max(...counts.map(({ label }) => label.length))
  console.log(`\n${title}`)
  for (const { label, count } of counts)
    console.log(`${label.padStart(margin)} ${bar(count / most)} ${number(count)}`)
}

/** Block characters, true to an eighth of one. */
function bar(part) {
  const eighths = Math.round(part * 40 * 8)
  return '█'.repeat(eighths / 8) + ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'][eighths % 8]
}

const number = (value) => value.toLocaleString('en')
