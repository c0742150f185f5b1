/**
 * Statistics as text for people.
 */
import { createRequire } from 'node:module'
import prettyBytes from 'pretty-bytes'
import prettyMilliseconds from 'pretty-ms'
import type { Counted } from './memo.ts'
import type { GroupStats } from './types.ts'

/** A table of the functions called in this run, and a line about all runs. */
export function reportText(
  directory: string,
  counted: ReadonlyMap<string, Required<Counted>>,
  all: GroupStats | undefined,
): string {
  const rows = [...counted].map(([name, { hits, misses, timeSaved, timeSpent }]) => {
    const size = all?.functions[name]?.bytes ?? 0
    return [name, `${hits}`, `${misses}`, time(timeSaved), time(timeSpent), prettyBytes(size)]
  })
  const lines = [`permafrost in ${directory}`]
  if (rows.length > 0)
    lines.push(table(['function', 'hits', 'misses', 'time saved', 'time spent', 'kept'], rows))
  if (all !== undefined) {
    lines.push(
      `all runs: ${all.hits} hits, ${all.misses} misses, ${time(all.timeSaved)} saved; ` +
        `${all.entries} results kept in ${prettyBytes(all.size)}`,
    )
  }
  return lines.join('\n')
}

/** `1.2 s`, `3m 4s`. */
export const time = (milliseconds: number): string =>
  prettyMilliseconds(milliseconds, {
    millisecondsDecimalDigits: milliseconds < 10 ? 1 : 0,
    secondsDecimalDigits: 1,
  })

/** Columns without lines, numbers to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
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
    colAligns: head.map((_, index) => (index === 0 ? 'left' : 'right')),
  })
  made.push(...rows.map((row) => [...row]))
  return made.toString()
}
