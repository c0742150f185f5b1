/**
 * What a process did, a line of JSON for each call, in a file of its run: `<directory>/runs/<run id>.jsonl`. Lines are only
 * ever appended, many at a time. A log that cannot be written costs one warning. Knows files, and nothing of calls.
 */
import { randomInt } from 'node:crypto'
import { appendFileSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import timers from 'node:timers'
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads'
import { messageOf, type PermafrostError, StoreError } from './errors.ts'
import type { Digest } from './types.ts'

// as they were when this was loaded: programs put others in their place
const { clearTimeout, setTimeout } = timers

/**
 * What became of a call: `computed` the function was run; `uncached` it was run, and nothing can be kept of it; `error` it was run, or waited
 * for, and threw; `hit` answered from the directory; `shared-hit` from the blob store; `joined` it waited for another call of this
 * process; `stale` an expired result stood in.
 */
export const ENDS = ['computed', 'hit', 'shared-hit', 'joined', 'stale', 'uncached', 'error'] as const

export type End = (typeof ENDS)[number]

/** One call. Times in milliseconds, sizes in bytes. */
export interface Line {
  /** When it ended, since 1970. */
  readonly at: number
  readonly name: string
  /** Undefined where a call could not be identified. */
  readonly key?: Digest | undefined
  readonly what: End
  /** How long its caller waited. */
  readonly took: number
  /** How long the function worked, now or when the result was computed. */
  readonly computeTime?: number | undefined
  readonly size?: number | undefined
  /** Where it is in the blob store, if somebody asked there. */
  readonly memo?: string | undefined
  readonly error?: { readonly name: string; readonly message: string } | undefined
  /** The files that are in the result. */
  readonly outputs?: readonly string[] | undefined
  /** How many calls a line is about; their times are sums. */
  readonly count?: number
}

export interface RunLogOptions {
  /** A permafrost directory. */
  readonly directory: string
  readonly id: string
  /** The run is of several processes, each with a file of its own. */
  readonly isJoined: boolean
  readonly report: (error: PermafrostError) => void
  /** Calls that have a line each; of further ones those that ended alike are summed up. */
  readonly most?: number
}

/** Characters that may wait. */
const BATCH = 65_536
/** Milliseconds for which a line waits. */
const DELAY = 1000
/** About 20 MB. */
const MOST = 100_000
const LONGEST_MESSAGE = 300

/** Several calls of a function that ended alike. */
type LinesInAll = {
  -readonly [what in 'at' | 'name' | 'what' | 'took' | 'computeTime' | 'size' | 'count']: NonNullable<
    Line[what]
  >
}

export const runsIn = (directory: string): string => join(directory, 'runs')

export class RunLog {
  readonly id: string
  readonly #folder: string
  readonly #path: string
  readonly #report: (error: PermafrostError) => void
  readonly #most: number
  #waiting = ''
  #lines = 0
  /** What is only summed up, by function and end. */
  readonly #sums = new Map<string, Map<End, LinesInAll>>()
  /** Whether the file may end in the middle of a line. */
  #isCut: boolean | undefined
  #timer: NodeJS.Timeout | undefined
  #isClosed = false
  #hasFailed = false

  constructor({ directory, id, isJoined, most = MOST, report }: RunLogOptions) {
    this.id = id
    this.#folder = runsIn(directory)
    this.#path = join(this.#folder, isJoined ? `${id}.${process.pid}.jsonl` : `${id}.jsonl`)
    this.#report = report
    this.#most = most
  }

  add(line: Line): void {
    if (this.#isClosed) return
    if (this.#lines >= this.#most) this.#sum(line)
    else {
      this.#lines += 1
      this.#waiting += textOf(line)
    }
    if (this.#waiting.length >= BATCH) this.flush()
    else this.#timer ??= setTimeout(this.#ring, DELAY).unref()
  }

  readonly #ring = (): void => this.flush()

  #sum({ at, computeTime = 0, name, size = 0, took, what }: Line): void {
    let ends = this.#sums.get(name)
    if (ends === undefined) {
      ends = new Map()
      this.#sums.set(name, ends)
    }
    let sum = ends.get(what)
    if (sum === undefined) {
      sum = { at, name, what, took: 0, computeTime: 0, size: 0, count: 0 }
      ends.set(what, sum)
    }
    sum.at = at
    sum.took += took
    sum.computeTime += computeTime
    sum.size += size
    sum.count += 1
  }

  /** Writes what is waiting. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (const ends of this.#sums.values()) for (const line of ends.values()) this.#waiting += textOf(line)
    this.#sums.clear()
    const text = this.#waiting
    this.#waiting = ''
    if (text === '') return
    try {
      this.#append(text)
    } catch (error) {
      this.#isCut = true
      if (!this.#hasFailed)
        this.#report(
          new StoreError('ERR_STORE_IO', `noting the run in ${this.#path}: ${messageOf(error)}`, {
            cause: error,
          }),
        )
      this.#hasFailed = true
    }
  }

  #append(text: string): void {
    if (this.#isCut === undefined) {
      // not its parents: a directory that is gone is not to be made again by this
      if (statSync(this.#folder, { throwIfNoEntry: false }) === undefined) makeFolder(this.#folder)
      this.#isCut = statSync(this.#path, { throwIfNoEntry: false }) !== undefined
    }
    appendFileSync(this.#path, this.#isCut ? `\n${text}` : text)
    this.#isCut = false
  }

  close(): void {
    this.flush()
    this.#isClosed = true
  }
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/** `JSON.stringify`, quicker for what most lines are. */
function textOf(line: Line): string {
  const { at, computeTime, count, error, key, memo, name, outputs, size, took, what } = line
  let text = `{"at":${at},"name":${quoted(name)},`
  if (key !== undefined) text += `"key":"${key}",`
  text += `"what":"${what}","took":${rounded(took)}`
  if (count !== undefined) text += `,"count":${count}`
  if (computeTime !== undefined) text += `,"computeTime":${rounded(computeTime)}`
  if (size !== undefined) text += `,"size":${size}`
  if (memo !== undefined) text += `,"memo":${JSON.stringify(memo)}`
  if (error !== undefined) text += `,"error":${JSON.stringify(error)}`
  if (outputs !== undefined && outputs.length > 0) text += `,"outputs":${JSON.stringify(outputs)}`
  return `${text}}\n`
}

/** To a microsecond. */
const rounded = (time: number): number => Math.round(time * 1000) / 1000

let last = { name: '', quoted: '""' }

function quoted(name: string): string {
  if (last.name !== name) last = { name, quoted: JSON.stringify(name) }
  return last.quoted
}

/** What was thrown, in short. */
export function errorInShort(error: unknown): { readonly name: string; readonly message: string } {
  const message = messageOf(error).slice(0, LONGEST_MESSAGE)
  try {
    const name = error instanceof Error ? String(error.name) : typeof error
    return { name: name.slice(0, LONGEST_MESSAGE), message }
  } catch {
    // a proxy that was revoked
    return { name: typeof error, message }
  }
}

/** Undefined where no run is wanted. */
export function openRun(
  directory: string,
  { blobStore, runs }: { readonly blobStore?: unknown; readonly runs?: boolean },
  report: RunLogOptions['report'],
): RunLog | undefined {
  const asked = askedRun()
  if (!(runs ?? (blobStore !== undefined || asked !== undefined))) return undefined
  return new RunLog({ directory, id: asked ?? ownRun(), isJoined: asked !== undefined, report })
}

// which run --------------------------------------------------------------------------------------------------------

/** What PERMAFROST_RUN names, for several processes to join; undefined where it is not set. */
function askedRun(): string | undefined {
  const asked = process.env['PERMAFROST_RUN']
  return asked === undefined || asked === '' ? undefined : asked.replaceAll(/[^\w-]/g, '-').slice(0, 64)
}

const OURS = 'permafrost run'

/** The run of this process and its threads, in UTC: `20261121-2305-x7k2`. */
function ownRun(): string {
  const known = getEnvironmentData(OURS)
  if (typeof known === 'string') return known
  const [day, time] = new Date().toISOString().replaceAll(/[-:]/g, '').split('T') as [string, string]
  const id = `${day}-${time.slice(0, 4)}-${randomInt(36 ** 4)
    .toString(36)
    .padStart(4, '0')}`
  setEnvironmentData(OURS, id)
  return id
}
