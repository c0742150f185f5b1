/**
 * Analyses a code base: how long and how complex its functions are, which words it uses, which files share text.
 * Prints tables and writes a picture.
 *
 *   node docs/examples/analyse.js [--svg picture.svg] [--json] [files…]
 *
 * Without files it takes what `npm ci` put on disk: the TypeScript compiler and the declarations of Node.
 *
 * Four functions do the work, and each is memoized: its results stay in `.permafrost/` (or in PERMAFROST_DIR), and the
 * next run takes them from there. Run this twice. Then edit something, say DECISIONS in metrics.js, RUN in overlap.js
 * or COLOUR in chart.js, and run it again: only what depends on it is computed. A comment costs nothing.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import cliProgress from 'cli-progress'
import { file, MemoizedGroup } from 'permafrost'
import { drawing, shortName } from './chart.js'
import { addUp, measure } from './metrics.js'
import { fingerprintsOf, sharedPart } from './overlap.js'
import { printCharts, printFiles, printLongest } from './print.js'

const group = new MemoizedGroup()

// the work -----------------------------------------------------------------------------------------------------------

/** Parses one file. What `file()` returns stands for a path and its content: this hits until the content changes. */
const fileMetrics = group.memoize(async function fileMetrics(source) {
  return measure(source.path, await readFile(source.path, 'utf8'))
})

/** Adds up all files. It calls another memoized function, so that one's code is part of what it depends on. */
const summarise = group.memoize(async function summarise(sources) {
  return addUp(await Promise.all(sources.map((source) => fileMetrics(source))))
})

/** How much of each file (row) is also in each other file (column). Not async, and memoized it still is not. */
const overlap = group.memoize(function overlap(sources) {
  const prints = sources.map((source) => fingerprintsOf(readFileSync(source.path, 'utf8')))
  return prints.map((one) => prints.map((other) => sharedPart(one, other)))
})

/** Draws the results above. While they come out the same, whatever they were computed from, so does this. */
const renderChart = group.memoize(function renderChart(summary, shared) {
  return drawing(summary, shared)
})

// the script ---------------------------------------------------------------------------------------------------------

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { svg: { type: 'string', default: 'analysis.svg' }, json: { type: 'boolean', default: false } },
})
const sources = (positionals.length > 0 ? positionals : installedFiles()).map((path) => file(path))

const start = performance.now()
const progress = new cliProgress.SingleBar(
  { format: '{bar} {percentage}% {task}', clearOnComplete: true },
  cliProgress.Presets.shades_classic,
)
progress.start(sources.length + 3, 0, { task: '' })
for (const source of sources) {
  progress.update({ task: shortName(source.path) })
  await fileMetrics(source)
  progress.increment()
}
progress.update({ task: 'adding up' })
const summary = await summarise(sources)
progress.increment({ task: 'comparing' })
const shared = overlap(sources)
progress.increment({ task: 'drawing' })
writeFileSync(options.svg, renderChart(summary, shared))
progress.increment()
progress.stop()
const seconds = (performance.now() - start) / 1000

if (options.json) {
  console.log(JSON.stringify({ computed: counts('misses'), hits: counts('hits') }))
} else {
  printFiles(summary, shared)
  printLongest(summary)
  printCharts(summary)
  console.log(`\n${sources.length} files in ${seconds.toFixed(2)} s; the picture is in ${options.svg}\n`)
  console.log(group.report())
}
group.close()

/** Over all runs, by the functions' own names; the group puts the path of their file in front. */
function counts(what) {
  const functions = Object.entries(group.stats().functions)
  return Object.fromEntries(functions.map(([name, stats]) => [name.split('#').at(-1), stats[what]]))
}

/** The compiler's JavaScript and the declarations of Node. */
function installedFiles() {
  const packages = dirname(dirname(fileURLToPath(import.meta.resolve('typescript/package.json'))))
  return [
    ...filesIn(join(packages, 'typescript', 'lib'), '.js'),
    ...filesIn(join(packages, '@types', 'node'), '.d.ts'),
  ]
}

function filesIn(folder, suffix) {
  const names = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(suffix))
  return names.sort().map((name) => join(folder, name))
}
