/** The results on a terminal. */
import Table from 'cli-table3'
import { casesOf } from '../cases/index.js'
import { rivals } from '../rivals/index.js'
import { bars, verdict } from './bars.js'
import { sentence } from './machine.js'
import { gateTable, tableOf, words } from './tables.js'

export async function print(results) {
  const measured = new Set(results.rows.map((row) => row.case))
  show('What they tell apart', gateTable(results, rivals))
  for (const one of await casesOf()) if (measured.has(one.id)) show(one.title, tableOf(one, results, rivals))
  const rows = bars(results).map((bar) => [bar.text, words(bar.bar, bar), words(bar.ours, bar), verdict(bar)])
  if (!results.options.short) show('Bars', { head: ['what', 'bar', 'permafrost', ''], rows })
  console.log(
    `\n¹ takes two calls for one, see above: not ranked. ² gives the same object to all callers. ³ stale after an edit.`,
  )
  if (results.missing.length > 0)
    console.log(`Not installed: ${results.missing.join(', ')}. To install: npm run bench -- --install`)
  console.log(`${sentence(results.machine)}; ${results.rounds} rounds, ${results.minutes} minutes`)
}

function show(title, { head, rows }) {
  const table = new Table({ head, style: { head: [], border: [], compact: true }, wordWrap: true })
  table.push(...rows)
  console.log(`\n${title}\n${table}`)
}
