/**
 * What runs did, read from their files: a sum for each function, and for all. A line that is damaged, or cut because its process
 * was killed, is left out and counted.
 */
import { createReadStream, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ENDS, type End, type Line, runsIn } from './run-log.ts'

/** What calls came to. Times in milliseconds. */
export interface RunCounts {
  /** All calls: the sum of the seven that follow. */
  readonly total: number
  readonly computed: number
  readonly hit: number
  readonly sharedHit: number
  readonly joined: number
  readonly stale: number
  readonly uncached: number
  readonly error: number
  /** How long callers waited on average, where the function was run; undefined where it never was. */
  readonly averageComputed?: number
  /** The same for those who got a hit of either kind. */
  readonly averageHit?: number
  /** What the function would have taken for all hits, without what those took. */
  readonly timeSaved: number
  /** Of results that were computed or came from the blob store. */
  readonly bytes: number
  /** Files that are in the results, sorted. */
  readonly outputs: readonly string[]
}

export interface RunSummary {
  readonly run: string
  /** Its files, one for each process. */
  readonly files: number
  /** When the first and the last call ended, in milliseconds since 1970; undefined without calls. */
  readonly first?: number
  readonly last?: number
  /** Lines that cannot be read. */
  readonly damaged: number
  readonly all: RunCounts
  readonly functions: Readonly<Record<string, RunCounts>>
}

const FILE = /^([\w-]+?)(?:\.\d+)?\.jsonl$/

/** The runs that a directory knows of, the one that was written to last first. */
export function runsOf(directory: string): readonly string[] {
  const folder = runsIn(directory)
  const written = new Map<string, number>()
  for (const name of namesIn(folder)) {
    const id = FILE.exec(name)?.[1]
    const at = statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs
    if (id !== undefined && at !== undefined) written.set(id, Math.max(at, written.get(id) ?? 0))
  }
  return [...written].sort(([a, x], [b, y]) => y - x || (a < b ? 1 : -1)).map(([id]) => id)
}

/** Throws what reading throws. */
export async function summaryOf(directory: string, run: string): Promise<RunSummary> {
  const folder = runsIn(directory)
  const files = namesIn(folder).filter((name) => FILE.exec(name)?.[1] === run)
  const [all, functions] = [new Sum(), new Map<string, Sum>()]
  let damaged = 0
  for (const name of files) {
    for await (const text of linesOf(join(folder, name))) {
      if (text === '') continue
      const line = parsed(text)
      if (line === undefined) {
        damaged += 1
        continue
      }
      let sum = functions.get(line.name)
      if (sum === undefined) {
        sum = new Sum()
        functions.set(line.name, sum)
      }
      sum.add(line)
      all.add(line)
    }
  }
  return {
    run,
    files: files.length,
    ...(all.first <= all.last && { first: all.first, last: all.last }),
    damaged,
    all: all.counts(),
    functions: Object.fromEntries([...functions].map(([name, sum]) => [name, sum.counts()])),
  }
}

class Sum {
  first = Number.POSITIVE_INFINITY
  last = Number.NEGATIVE_INFINITY
  readonly #outputs = new Set<string>()
  readonly #ends = new Map<End, { calls: number; took: number }>(
    ENDS.map((what) => [what, { calls: 0, took: 0 }]),
  )
  #timeSaved = 0
  #bytes = 0

  add({ at, computeTime = 0, count = 1, outputs = [], size = 0, took, what }: Line): void {
    const end = this.#ends.get(what)!
    end.calls += count
    end.took += took
    this.first = Math.min(this.first, at)
    this.last = Math.max(this.last, at)
    if (what === 'hit' || what === 'shared-hit') this.#timeSaved += computeTime - took
    if (what === 'computed' || what === 'shared-hit') this.#bytes += size
    for (const path of outputs) this.#outputs.add(path)
  }

  counts(): RunCounts {
    const of = (...ends: readonly End[]): { calls: number; took: number } =>
      ends.reduce(
        (sum, what) => {
          const { calls, took } = this.#ends.get(what)!
          return { calls: sum.calls + calls, took: sum.took + took }
        },
        { calls: 0, took: 0 },
      )
    const [run, found] = [of('computed', 'uncached'), of('hit', 'shared-hit')]
    return {
      total: of(...ENDS).calls,
      computed: of('computed').calls,
      hit: of('hit').calls,
      sharedHit: of('shared-hit').calls,
      joined: of('joined').calls,
      stale: of('stale').calls,
      uncached: of('uncached').calls,
      error: of('error').calls,
      ...(run.calls > 0 && { averageComputed: run.took / run.calls }),
      ...(found.calls > 0 && { averageHit: found.took / found.calls }),
      timeSaved: this.#timeSaved,
      bytes: this.#bytes,
      outputs: [...this.#outputs].sort(),
    }
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of createReadStream(path, 'utf8')) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop()!
    yield* lines
  }
  yield rest
}

const isNumber = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value)
const isNumberIfAny = (value: unknown): boolean => value === undefined || isNumber(value)

/** Undefined for what is no line of a run. */
function parsed(text: string): Line | undefined {
  let line: Line | null
  try {
    line = JSON.parse(text)
  } catch {
    return undefined
  }
  const isOne =
    typeof line === 'object' &&
    line !== null &&
    typeof line.name === 'string' &&
    ENDS.includes(line.what) &&
    [line.at, line.took].every(isNumber) &&
    [line.computeTime, line.size].every(isNumberIfAny) &&
    (line.count === undefined || (Number.isSafeInteger(line.count) && line.count > 0)) &&
    (line.outputs === undefined ||
      (Array.isArray(line.outputs) && line.outputs.every((path) => typeof path === 'string')))
  return isOne ? line! : undefined
}
