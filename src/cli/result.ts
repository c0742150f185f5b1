/** What came of a call, for people: the value in words, and what is known of it. */
import { type InspectOptions, inspect } from 'node:util'
import type { Preview } from '../types.ts'
import { plain, width } from './words.ts'

/** Characters of a result, if not all is asked for. */
const LONGEST = 2000

/** A result as JSON tells of it, and the value as it is written. */
export function shownOf(preview: Preview, full: boolean): { value: object; written: string | undefined } {
  const written = inWords(preview, full)
  const { kind, outputs, printed, reads, why } = preview
  const value = {
    kind,
    ...(written !== undefined && { text: written }),
    ...(why !== undefined && { why }),
    ...(printed !== undefined && { printed }),
    reads,
    outputs,
  }
  return { value, written }
}

export function resultFacts({ kind, outputs, printed, reads, why }: Preview): [string, string | undefined][] {
  return [
    ['reads', some(reads)],
    ['files', some(outputs)],
    ['printed', printed === undefined ? undefined : `${printed} pieces of output`],
    ['result', kind === 'unreadable' ? `cannot be shown: ${plain(why ?? '')}` : RESULTS[kind]],
  ]
}

export const moment = (at: number): string => new Date(at).toISOString()

export const some = (list: readonly string[]): string | undefined =>
  list.length === 0 ? undefined : list.map(plain).join(', ')

const RESULTS = {
  value: 'a value',
  error: 'an error, thrown again at each hit',
  stream: 'a stream; its first values',
}

function inWords({ kind, value }: Preview, full: boolean): string | undefined {
  if (kind === 'unreadable') return undefined
  const few: InspectOptions = {
    depth: 3,
    maxArrayLength: 20,
    maxStringLength: 300,
    breakLength: width() ?? 80,
  }
  const all: InspectOptions = {
    depth: null,
    maxArrayLength: null,
    maxStringLength: null,
    breakLength: width() ?? 80,
  }
  const text = inspect(value, full ? all : few)
  return full || text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}\n… (--full shows all)`
}
