/**
 * `npm run bench`: permafrost and its rivals, side by side. `-- hit` runs the cases whose name starts so.
 *
 *   --short      few rounds, small sizes, what needs no install: whether the suite works, not how fast anything is
 *   --full       a million entries, too
 *   --rivals a,b only these
 *   --json       print the results as JSON; otherwise tables
 *   --write      write results/, pictures/ and the tables of README.md
 *   --from file  print, or write, what an earlier run measured
 *   --install    install the rivals
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { casesOf } from './cases/index.js'
import { rivals as all } from './rivals/index.js'
import { machine } from './suite/machine.js'
import { print } from './suite/report.js'
import { runRounds } from './suite/rounds.js'
import { Failed, Trial } from './suite/trial.js'
import { write } from './suite/write.js'

const { values: flags, positionals: asked } = parseArgs({
  allowPositionals: true,
  options: {
    short: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    install: { type: 'boolean', default: false },
    from: { type: 'string' },
    rivals: { type: 'string' },
  },
})

if (flags.write && (flags.short || flags.rivals || asked.length > 0))
  throw new Error('only a whole run is written')

if (flags.install) {
  const cwd = fileURLToPath(new URL('rivals', import.meta.url))
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd, stdio: 'inherit' })
  process.exit(status ?? 1)
}

const results = flags.from ? JSON.parse(readFileSync(flags.from, 'utf8')) : await measure()
if (flags.write) await write(results)
if (flags.json) console.log(JSON.stringify(results, null, 2))
else await print(results)

async function measure() {
  const only = flags.rivals?.split(',')
  const chosen = ({ id, packages, python }) =>
    only ? only.includes(id) : !flags.short || (!python && packages.length === 0)
  const rivals = all.filter((rival) => rival.installed && chosen(rival))
  const missing = all.filter(({ installed }) => !installed).map(({ title }) => title)
  const directory = mkdtempSync(join(process.env.PERMAFROST_BENCH_DIR ?? tmpdir(), 'permafrost-bench-'))
  process.on('exit', () => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }))
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130))

  const say = (text) => process.stderr.isTTY && process.stderr.write(`\r\x1b[K${text}`)
  const options = { short: flags.short, full: flags.full, scale: flags.short ? 100 : 1 }
  const rounds = flags.short ? 1 : 5
  const found = { machine: machine(directory), options, rounds, missing, gate: {}, rows: [] }
  const began = performance.now()
  for (const rival of rivals) {
    say(`which calls ${rival.id} tells apart`)
    found.gate[rival.id] = await judge(rival, directory, options)
  }
  for (const one of await casesOf(asked)) {
    if ((one.full && !flags.full) || (one.long && flags.short)) continue
    const fit = rivals.filter(({ memory, only, python }) => {
      if ((python && !one.python) || (memory && one.disk)) return false
      return only === undefined || only.some((start) => one.id.startsWith(start))
    })
    // who failed at a megabyte is not asked for a hundred
    const out = found.rows.filter((row) => row.case === one.after && row.failed && !row.reference)
    found.rows.push(...out.map(({ failed, rival, wrong }) => ({ case: one.id, rival, failed, wrong })))
    const left = fit.filter(({ id }) => !out.some(({ rival }) => rival === id))
    const context = { rivals: left, directory, options, rounds, say }
    found.rows.push(...(await (one.run ? one.run(context) : runRounds(one, context))))
  }
  found.minutes = Number(((performance.now() - began) / 60_000).toFixed(1))
  say('')
  return found
}

async function judge(rival, directory, options) {
  const trial = new Trial('gate', rival, join(directory, `gate-${rival.id}`), options)
  try {
    return await trial.ask('start', 30)
  } catch (error) {
    if (!(error instanceof Failed)) throw error
    return { failed: error.message }
  } finally {
    await trial.end()
  }
}
