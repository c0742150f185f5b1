/**
 * Statistics as text for people.
 */
import { createRequire } from 'node:module'
import type { Counted } from './memo.ts'
import type { FunctionStats, GroupStats } from './types.ts'
import { size, time } from './words.ts'

/** A table of the functions called in this run, and a line about all runs. */
export function reportText(
  directory: string,
  counted: ReadonlyMap<string, Required<Counted>>,
  all: GroupStats | undefined,
): string {
  const stats = [...counted].map(
    ([name, counts]) => [name, { ...counts, bytes: all?.functions[name]?.bytes ?? 0 }] as const,
  )
  const lines = [`permafrost in ${directory}`]
  if (stats.length > 0) lines.push(usageTable(stats))
  if (all !== undefined) {
    lines.push(
      `all runs: ${all.hits} hits, ${all.misses} misses, ${time(all.timeSaved)} saved; ` +
        `${all.entries} results kept in ${size(all.size)}`,
    )
  }
  return lines.join('\n')
}

/** How functions were used, and what is kept of them. */
export function usageTable(stats: readonly (readonly [name: string, FunctionStats])[]): string {
  const rows = stats.map(([name, { bytes, hits, misses, overhead, timeSaved, timeSpent }]) => [
    name,
    `${hits}`,
    `${misses}`,
    ...[timeSaved, timeSpent, overhead].map(time),
    size(bytes),
  ])
  return table(['function', 'hits', 'misses', 'time saved', 'time spent', 'overhead', 'kept'], rows)
}

/** What to do about a function that costs more than it saves. */
export function thrashingText(name: string, counted: Required<Counted>): string {
  const { hits, misses, overhead, timeSaved, timeSpent } = counted
  const calls = hits + misses
  const each = time((timeSaved + timeSpent) / calls)
  return `${name}: permafrost took ${time(overhead)} for ${calls} calls that are computed in ${each} each: looking them up costs more. Memoize a function further out, which calls it; or leave large arguments out with the "ignore" or "cacheKey" option`
}

/** Columns without lines, numbers to the right. `words` are the columns that are none, beside the first. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  words: readonly string[] = [],
): string {
  const Table = createRequire(import.meta.url)('cli-table3') as typeof import('cli-table3')
  const none = [
    'top',
    'top-mid',
    'top-left',
    'top-right',
    'bottom',
    'bottom-mid',
    'bottom-left',
    'bottom-right',
  ]
  const lines = ['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid']
  const made = new Table({
    head: [...head],
    chars: { ...Object.fromEntries([...none, ...lines].map((name) => [name, ''])), middle: '  ' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    colAligns: head.map((name, index) => (index === 0 || words.includes(name) ? 'left' : 'right')),
  })
  made.push(...rows.map((row) => [...row]))
  return made.toString()
}
