/** `top`: who hits and who misses right now, each second anew. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Command, InvalidArgumentError } from 'commander'
import type { FunctionStats, GroupStats } from '../types.ts'
import { answer, command, directoryOf, EXIT, wantsJson, whereCtrlC, withGroup } from './common.ts'
import { headed, inAll, plain, size, table, time } from './words.ts'

export function addTop(program: Command): void {
  command(
    program,
    'top',
    'hits, misses and time saved per second of each function, as they come',
    'top --interval 5',
  )
    .option('--once', 'print one measurement and end, as where stdout is no terminal')
    .option('-i, --interval <seconds>', 'how long each measurement takes', seconds, 1)
    .action(top)
}

function seconds(text: string): number {
  const value = Number(text)
  if (!(value > 0 && value <= 3600))
    throw new InvalidArgumentError('It is to be more than 0, and 3600 at most.')
  return value
}

interface Rate {
  readonly hits: number
  readonly misses: number
  /** Milliseconds of computing that hits made unnecessary, for each second. */
  readonly timeSaved: number
  readonly total: FunctionStats
}

interface Sample {
  readonly at: number
  readonly stats: GroupStats
  /** Changes with each write to the index. */
  readonly version: string
}

async function top(
  { interval, once = false }: { interval: number; once?: boolean },
  of: Command,
): Promise<void> {
  const isLive = !once && !wantsJson(of) && process.stdout.isTTY === true
  const controller = new AbortController()
  const measure = async (): Promise<void> => {
    let before = await sample(of)
    do {
      await pause(interval * 1000, undefined, { signal: controller.signal })
      const now = await sample(of, before)
      const rates = between(before, now)
      if (isLive) process.stdout.write('\x1b[H\x1b[2J')
      answer(of, { seconds: interval, functions: rates }, () => inWords(now.stats, rates))
      before = now
    } while (isLive)
  }
  try {
    await whereCtrlC(() => controller.abort(), measure)
  } catch (error) {
    if (!controller.signal.aborted) throw error
    process.exitCode = isLive ? EXIT.fine : EXIT.stopped
  }
}

/** What is counted by now; where nobody has written since, what was counted before. */
async function sample(of: Command, before?: Sample): Promise<Sample> {
  const version = versionOf(of)
  if (before?.version === version) return { ...before, at: performance.now() }
  const stats = await withGroup(of, 'read', (group) => group.stats())
  return { at: performance.now(), stats, version }
}

function versionOf(of: Command): string {
  const index = join(directoryOf(of), 'index.sqlite')
  const stated = (path: string): string => {
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false })
    return `${stat?.ino} ${stat?.size} ${stat?.mtimeNs}`
  }
  return `${stated(index)} ${stated(`${index}-wal`)}`
}

function between(before: Sample, now: Sample): Readonly<Record<string, Rate>> {
  const elapsed = Math.max(1, now.at - before.at) / 1000
  const rates = Object.entries(now.stats.functions).map(([name, total]): [string, Rate] => {
    const past = before.stats.functions[name]
    // counters may have been set back meanwhile
    const rate = (what: 'hits' | 'misses' | 'timeSaved'): number =>
      Math.max(0, total[what] - (past?.[what] ?? 0)) / elapsed
    return [name, { hits: rate('hits'), misses: rate('misses'), timeSaved: rate('timeSaved'), total }]
  })
  return Object.fromEntries(rates.sort(([, a], [, b]) => busyness(b) - busyness(a) || calls(b) - calls(a)))
}

const busyness = ({ hits, misses }: Rate): number => hits + misses
const calls = ({ total }: Rate): number => total.hits + total.misses

function inWords(all: GroupStats, rates: Readonly<Record<string, Rate>>): string {
  const rows = Object.entries(rates)
    .slice(0, rowsOfScreen())
    .map(([name, { hits, misses, timeSaved, total }]) => [
      plain(name),
      hits.toFixed(1),
      misses.toFixed(1),
      time(timeSaved),
      share(total),
      time(total.timeSaved),
      size(total.bytes),
    ])
  const head = ['function', 'hits/s', 'misses/s', 'saved/s', 'hits of all', 'saved', 'kept']
  return `${headed(table(head, rows))}\n${inAll(all)}`
}

const rowsOfScreen = (): number => Math.max(5, (process.stdout.rows ?? Number.POSITIVE_INFINITY) - 4)

const share = ({ hits, misses }: FunctionStats): string =>
  hits + misses === 0 ? '' : `${Math.round((100 * hits) / (hits + misses))}%`
