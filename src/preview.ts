/**
 * What is kept of a call, for people to look at: what it was given, from the note beside it, and what came of it, read
 * with the codec that its name tells. Knows no functions; decides nothing.
 */
import { codecNamed } from './codec/codec.ts'
import { messageOf } from './errors.ts'
import type { Line } from './freeze/trace.ts'
import { baseOf, decodeOutcome, type Parts } from './outcome.ts'
import { nameOf, opened, readTrailer, withoutReads } from './recorded.ts'
import type { Pieces, Store } from './store/contract.ts'
import { firstOf, recordingOf, type StreamKind } from './stream/stream.ts'
import type { Codec, Entry, Preview } from './types.ts'

/** Values of a stream that are shown. */
const MOST_VALUES = 20

/** Throws nothing but what the store throws. */
export const previewOf = (store: Store, entry: Entry): Preview =>
  preview(entry.codec, { read: () => store.read(entry), pieces: () => store.pieces(entry) })

/** The same of a result at hand. */
export const previewOfParts = (form: string, parts: Parts): Preview =>
  preview(form, { read: () => parts, pieces: () => inMemory(parts.bytes) })

interface Source {
  readonly read: () => Parts | undefined
  readonly pieces: () => Pieces | undefined
}

const inMemory = (bytes: Uint8Array): Pieces => ({
  size: bytes.byteLength,
  read: (into, start) => {
    const part = bytes.subarray(start, start + into.byteLength)
    into.set(part)
    return part.byteLength
  },
  close: () => undefined,
})

function preview(form: string, source: Source): Preview {
  const recording = recordingOf(form)
  const name = recording?.base ?? baseOf(form)
  const { base, hasReads } = withoutReads(name)
  const plain = codecNamed(base)
  if (plain === undefined)
    return unreadable(`it is kept by the codec ${base}, which is not one of permafrost's`)
  try {
    if (recording !== undefined) return streamOf(source, recording.kind, hasReads, plain)
    const stored = source.read()
    if (stored === undefined) return unreadable(LOST)
    const { bytes, recorded } = (hasReads ? opened(stored.bytes) : undefined) ?? { ...stored, recorded: [] }
    // results without reads may have leaves, which only the codec itself knows
    const codec: Codec = hasReads ? { ...plain, name } : plain
    const outcome = decodeOutcome(codec, form, { bytes, leaves: stored.leaves })
    const { outputs = [], printed, thrown, value } = outcome
    return {
      ...(thrown === undefined ? { kind: 'value', value } : { kind: 'error', value: thrown.error }),
      ...(printed !== undefined && { printed: printed.length }),
      reads: recorded.map(nameOf),
      outputs: outputs.map(([path]) => path),
    }
  } catch (error) {
    return unreadable(messageOf(error))
  }
}

function streamOf(source: Source, kind: StreamKind, hasReads: boolean, codec: Codec): Preview {
  const pieces = source.pieces()
  if (pieces === undefined) return unreadable(LOST)
  try {
    const recorded = (hasReads ? readTrailer(pieces) : undefined) ?? []
    const outputs: string[] = []
    let printed = 0
    const value = firstOf(pieces, kind, codec, MOST_VALUES, {
      print: (some) => {
        printed += some.length
      },
      // told, not put back
      putBack: (some) => void outputs.push(...some.map(([path]) => path)),
    })
    return { kind: 'stream', value, ...(printed > 0 && { printed }), reads: recorded.map(nameOf), outputs }
  } finally {
    pieces.close()
  }
}

const LOST = 'its object is missing or damaged'

const unreadable = (why: string): Preview => ({ kind: 'unreadable', why, reads: [], outputs: [] })

// arguments --------------------------------------------------------------------------------------------------------

const LONG_NOTE = 700

/** What the call was given, as it would be written: `4, {"rows": 3}`; what is not known of it is `…`. */
export function argumentsOf(store: Store, { key }: Entry): string | undefined {
  const text = store.noted(key.digest)
  if (text === undefined) return undefined
  try {
    const { args } = JSON.parse(text) as { args: readonly Line[] }
    const words = inWords(args)
    // a long note may have lost its end
    return text.length > LONG_NOTE ? `${words} …` : words
  } catch {
    return undefined
  }
}

/** A value as far as lines tell it: its text, or its members by their names. */
interface Told {
  text?: string
  readonly members: Map<string, Told>
}

function inWords(lines: readonly Line[]): string {
  const given: Told = { members: new Map() }
  for (const { path, what } of lines) {
    const steps = stepsOf(path)
    if (steps !== undefined) at(given, steps).text ??= what
  }
  const { args, ignored: _, made, self } = Object.fromEntries(given.members)
  const list = args ?? (made === undefined && self === undefined ? given : undefined)
  if (lines.length === 0) return '…'
  const words = list === undefined ? (made === undefined ? '' : written(made)) : listed(list)
  return self === undefined ? words : `${words}${words === '' ? '' : ' '}on ${written(self)}`
}

/** The members on the way to what a line tells; undefined for what is no member. */
function stepsOf(path: string): string[] | undefined {
  const steps: string[] =
    path.match(/\.[\p{ID_Start}$_][\p{ID_Continue}$]*|\[(?:\d+|"(?:[^"\\]|\\.)*")\]/gu) ?? []
  if (`args${steps.join('')}` !== path || steps.includes('.__proto__')) return undefined
  return steps.map((step) => (step.startsWith('.') ? step.slice(1) : step.slice(1, -1)))
}

function at(told: Told, steps: readonly string[]): Told {
  let here = told
  for (const step of steps) {
    let next = here.members.get(step)
    if (next === undefined) {
      next = { members: new Map() }
      here.members.set(step, next)
    }
    here = next
  }
  return here
}

function written({ members, text }: Told): string {
  if (text !== undefined && !text.startsWith('code ')) return text
  if (members.size === 0) return '…'
  const isList = [...members.keys()].every((name) => /^\d+$/.test(name))
  if (isList) return `[${listed({ members })}]`
  return `{${[...members].map(([name, member]) => `${name}: ${written(member)}`).join(', ')}}`
}

/** What stands at each place; nobody noted an empty object. */
function listed({ members }: Told): string {
  const places = [...members.keys()].map(Number).filter(Number.isSafeInteger)
  const length = Math.min(Math.max(-1, ...places) + 1, MOST_PLACES)
  return Array.from({ length }, (_, place) =>
    written(members.get(`${place}`) ?? { members: new Map() }),
  ).join(', ')
}

const MOST_PLACES = 100
