/** What a run did: `summary`. */
import type { Command } from 'commander'
import { type RunCounts, type RunSummary, runsOf, summaryOf } from '../runs.ts'
import { answer, command, Failure, withGroup } from './common.ts'
import { counted, headed, number, plain, size, styled, table, time } from './words.ts'

/** Paths of outputs that are shown. */
const MOST_OUTPUTS = 10
/** Runs that a mistaken id is answered with. */
const MOST_RUNS = 5

export function addSummary(program: Command): void {
  command(
    program,
    'summary',
    'what a run did: calls computed, hit and failed, of each function',
    'summary --run 20261121-2305-x7k2',
  )
    .option('--run <id>', 'which one (default: the one that was written to last)')
    .action(summary)
}

async function summary({ run }: { run?: string }, of: Command): Promise<void> {
  const found = await withGroup(of, 'read', ({ directory }) => summaryOf(directory, theRun(directory, run)))
  answer(of, found, () => inWords(found))
}

function theRun(directory: string, asked: string | undefined): string {
  const runs = runsOf(directory)
  if (runs.length === 0)
    throw new Failure(
      `no run is noted in ${directory}; give the group the option runs: true, or set PERMAFROST_RUN`,
    )
  if (asked === undefined) return runs[0]!
  if (runs.includes(asked)) return asked
  const some = runs.slice(0, MOST_RUNS).join(', ')
  throw new Failure(`no run ${asked} is noted in ${directory}; the last ones are ${some}`)
}

/** Columns of ends: the usual ones are always shown, others where there are any. */
const ENDS = [
  ['computed', 'computed'],
  ['hit', 'hit'],
  ['sharedHit', 'shared'],
  ['joined', 'joined'],
  ['stale', 'stale'],
  ['uncached', 'uncached'],
  ['error', 'error'],
] as const

/** Averages of what callers waited, then sums. */
const MEASURES = ['computing', 'hitting', 'time saved', 'size']

function inWords(run: RunSummary): string {
  const functions = Object.entries(run.functions).sort(
    ([, a], [, b]) => b.timeSaved - a.timeSaved || b.total - a.total,
  )
  const ends = ENDS.filter(([end], index) => index < 2 || run.all[end] > 0)
  const head = ['function', 'calls', ...ends.map(([, title]) => title), ...MEASURES]
  const row = (name: string, one: RunCounts): string[] => [
    name,
    number(one.total),
    ...ends.map(([end]) => number(one[end])),
    average(one.averageComputed),
    average(one.averageHit),
    time(Math.max(0, one.timeSaved)),
    size(one.bytes),
  ]
  const rows = functions.map(([name, one]) => row(plain(name), one))
  if (rows.length > 1) rows.push(row('all', run.all))
  const { outputs } = run.all
  return [
    styled('bold', titleOf(run)),
    ...(rows.length === 0 ? [] : ['', headed(table(head, rows))]),
    ...(outputs.length === 0 ? [] : ['', ...outputLines(outputs)]),
  ].join('\n')
}

function titleOf({ all, damaged, files, first, last, run }: RunSummary): string {
  const when =
    first === undefined || last === undefined
      ? ''
      : `, from ${new Date(first).toISOString()}${last > first ? ` for ${time(last - first)}` : ''}`
  const processes = files === 1 ? '' : ` in ${counted(files, 'file')}`
  const cut = damaged === 0 ? '' : `; ${counted(damaged, 'line')} cannot be read`
  return `run ${run}${processes}: ${counted(all.total, 'call')}${when}${cut}`
}

const average = (took: number | undefined): string => (took === undefined ? '' : time(took))

function outputLines(outputs: readonly string[]): string[] {
  const left = outputs.length - MOST_OUTPUTS
  return [
    'files among the results',
    ...outputs.slice(0, MOST_OUTPUTS).map((path) => `  ${plain(path)}`),
    ...(left > 0 ? [styled('dim', `  … and ${number(left)} more; --json tells all`)] : []),
  ]
}
