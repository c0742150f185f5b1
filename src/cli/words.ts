/**
 * What is printed for people: sizes, ages, colours where somebody sees them, and text that stays on its line.
 */
import { styleText } from 'node:util'
import { table, usageTable } from '../report.ts'
import type { GroupStats } from '../types.ts'
import { size, time } from '../words.ts'

export { size, table, time, usageTable }

export const number = (count: number): string => count.toLocaleString('en')

/** `1 result`, `2 results`. */
export const counted = (count: number, what: string): string =>
  `${number(count)} ${what}${count === 1 ? '' : 's'}`

/** A time in one unit: `3d`. */
export const roughly = (milliseconds: number): string => {
  const past = Math.max(0, milliseconds)
  return past < 1000 ? 'now' : time(past < 60_000 ? Math.floor(past / 1000) * 1000 : past).split(' ')[0]!
}

type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow'

/** Colours only on a terminal, and never with NO_COLOR. */
const colours = (): boolean => process.stdout.isTTY === true && (process.env['NO_COLOR'] ?? '') === ''

export const styled = (style: Style, text: string): string => (colours() ? styleText(style, text) : text)

/** A table whose first line is its head. */
export const headed = (lines: string): string => lines.replace(/^.*/, (head) => styled('bold', head))

/** The line below a table of functions. */
export const inAll = ({ entries, size: bytes, timeSaved }: GroupStats): string =>
  `${counted(entries, 'result')} in ${size(bytes)}; ${time(timeSaved)} saved`

/** What a terminal would obey is written out: names and results are anybody's. */
export const plain = (text: string): string =>
  text.replace(/[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, (character) =>
    character === '\n' ? '\\n' : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

/** On one line, at most so long. */
export function shortened(text: string, most: number): string {
  const line = plain(text)
  return line.length <= most ? line : `${line.slice(0, Math.max(0, most - 1))}…`
}

/** Columns of the terminal; elsewhere, undefined. */
export const width = (): number | undefined => (process.stdout.isTTY ? process.stdout.columns : undefined)

/** Names and what they are, one beside the other. */
export function facts(rows: readonly (readonly [name: string, fact: string | undefined])[]): string {
  const known = rows.filter(([, fact]) => fact !== undefined)
  const widest = Math.max(...known.map(([name]) => name.length))
  return known.map(([name, fact]) => `${styled('dim', name.padEnd(widest))}  ${fact}`).join('\n')
}
