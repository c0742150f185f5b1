/** The results into the repository: results/, pictures/, and between the markers of bench/README.md and README.md. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { casesOf } from '../cases/index.js'
import { rivals } from '../rivals/index.js'
import { bars, verdict } from './bars.js'
import { sentence } from './machine.js'
import { picture } from './picture.js'
import { gateTable, markdown, tableOf, time, words } from './tables.js'

const at = (path) => new URL(`../${path}`, import.meta.url)

export async function write(results) {
  mkdirSync(at('results/'), { recursive: true })
  const rounded = (_, value) => (typeof value === 'number' ? Number(value.toPrecision(4)) : value)
  const rows = results.rows.map((row) => JSON.stringify(row, rounded)).join(',\n    ')
  const text = JSON.stringify({ ...results, rows: ['ROWS'] }, rounded, 2).replace('"ROWS"', () => rows)
  writeFileSync(at(`results/${results.machine.date.slice(0, 10)}.json`), `${text}\n`)

  const measured = new Set(results.rows.map((row) => row.case))
  const cases = (await casesOf()).filter(({ id }) => measured.has(id))
  rmSync(at('pictures/'), { recursive: true, force: true })
  mkdirSync(at('pictures/'))
  const sections = cases.map((one) => {
    const svg = picture(one, results, rivals)
    if (svg !== undefined) writeFileSync(at(`pictures/${one.id}.svg`), svg)
    const image = svg === undefined ? '' : `![${one.title}](pictures/${one.id}.svg)\n\n`
    return `### ${one.title}\n\n${image}${markdown(tableOf(one, results, rivals))}`
  })
  between(at('README.md'), 'bars', barsText(results))
  between(at('README.md'), 'gate', markdown(gateTable(results, rivals)))
  between(at('README.md'), 'results', `${provenance(results)}\n\n${sections.join('\n\n')}`)
  between(at('../README.md'), 'bench', summary(results))
}

function provenance({ machine, minutes, missing, rounds }) {
  const absent = missing.length > 0 ? ` Not installed: ${missing.join(', ')}.` : ''
  return `${sentence(machine)}. Medians of ${rounds} rounds; ${minutes} minutes in all.${absent}`
}

function barsText(results) {
  const rows = bars(results).map((bar) => [bar.text, words(bar.bar, bar), words(bar.ours, bar), verdict(bar)])
  return markdown({
    head: ['what', 'bar', 'permafrost', ''],
    rows: rows.map((row) => row.map((cell) => cell || '')),
  })
}

/** Three figures: a hit, a long way through large results, and who computes what all want. */
function summary(results) {
  const row = (one, rival) => results.rows.find((row) => row.case === one && row.rival === rival)
  const p50 = (one, rival) => time(row(one, rival)?.figures?.p50) || '–'
  const computed = (rival) => row('same', rival)?.figures?.computed ?? '–'
  const again = (rival) => time(row('macro', rival)?.figures?.again) || '–'
  const spoilt = row('macro', 'memoize-fs')?.wrong ? ', and wrong after an edit' : ''
  const lines = [
    [
      'a hit, by a number: in memory, from the disk',
      `${p50('hit-small', 'permafrost')}, ${p50('hit-small', 'permafrost-index')}`,
      p50('hit-small', 'memoize-fs'),
    ],
    [
      'four processes want the same 10 results: computed',
      `${computed('permafrost')}`,
      `${computed('memoize-fs')}`,
    ],
    [
      `an analysis of ten versions of a package once more (${again('no cache')} without a cache)`,
      again('permafrost'),
      `${again('memoize-fs')}${spoilt}`,
    ],
  ]
  const others = rivals.filter(({ ours }) => !ours).length
  const note = `Medians of ${results.rounds} rounds on ${results.machine.cores} shared cores. \`npm run bench -- --install && npm run bench\` measures this and more beside ${others} others on your machine: [how, and all figures](bench/README.md).`
  return `${markdown({ head: ['', 'permafrost', 'memoize-fs'], rows: lines })}\n\n${note}`
}

/** Replaces what is between `<!-- name -->` and `<!-- /name -->`. */
function between(file, name, text) {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const old = readFileSync(file, 'utf8')
  const [from, to] = [old.indexOf(open), old.indexOf(close)]
  if (from < 0 || to < from) throw new Error(`${file.pathname} has no ${open} … ${close}`)
  writeFileSync(file, `${old.slice(0, from + open.length)}\n${text}\n${old.slice(to)}`)
}
