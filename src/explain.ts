/**
 * Why a call misses, in one line a person understands. Beside each result worth it lies a note of what the call was, and beside
 * each code version one of all it depended on; the nearest of them is compared with the call of now. Decides nothing.
 */
import { changesBetween, type Line } from './freeze/trace.ts'
import { attempt } from './guard.ts'
import { type Subject, type Told, tellCall, tellCode } from './key.ts'
import type { Store, WhyDeparted } from './store/contract.ts'
import type { CallKey, Digest, MissReason } from './types.ts'

/** Characters of a note: of a call, which counts to the size of each entry, of its input files, and of a code version. */
const LONGEST_CALL = 1500
const LONGEST_INPUTS = 16_000
const LONGEST_CODE = 60_000

/** What `put` is to note of a call. */
export function notesOf(
  subject: Subject,
  self: unknown,
  args: readonly unknown[],
): { readonly note?: string; readonly codeNote: () => string | undefined } {
  const told = attempt(() => tellCall(subject, self, args))
  const note = told && callNote(told)
  return {
    ...(note !== undefined && { note }),
    codeNote: () => {
      const lines = attempt(() => tellCode(subject))
      return lines && shortened(lines, LONGEST_CODE, (some) => JSON.stringify(some))
    },
  }
}

function callNote({ args, inputs, state }: Told): string | undefined {
  // all of them or none: of a part nobody could tell what is new
  const files = inputs.map(([path, version]) => [path, shortVersion(version)])
  const kept = JSON.stringify(files).length > LONGEST_INPUTS ? undefined : files
  const rest = shortened(args, LONGEST_CALL, (lines) => JSON.stringify({ args: lines, state }))
  if (rest === undefined || kept === undefined || kept.length === 0) return rest
  return `${rest.slice(0, -1)},"inputs":${JSON.stringify(kept)}}`
}

/** Enough of a version to tell it from another. */
const shortVersion = (version: unknown): string => String(version).slice(-12)

/** As many of the lines as fit; none if even one is too long. */
function shortened(
  lines: readonly Line[],
  longest: number,
  text: (lines: readonly Line[]) => string,
): string | undefined {
  for (let some = lines; ; some = some.slice(0, some.length >> 1)) {
    const written = text(some)
    if (written.length <= longest) return written
    if (some.length === 0) return undefined
  }
}

/** Why there is nothing any more, in words. */
export const DEPARTED: Readonly<Record<WhyDeparted, string>> = {
  evicted: 'it was kept, and left to make room for others',
  expired: 'it was kept, and left when its time was over',
  forgotten: 'it was kept, and somebody forgot it',
  lost: 'it was kept, and its object is missing or damaged',
}

/** Why what was kept of this call is gone, or what changed since the call that is most like this one. */
export function explain(
  subject: Subject,
  self: unknown,
  args: readonly unknown[],
  key: CallKey,
  store: Store,
): { readonly reason: MissReason; readonly explanation: string } {
  const { name } = key
  const departed = store.departed(key.digest)
  if (departed !== undefined) return { reason: departed, explanation: DEPARTED[departed] }
  const nearest = store.closest(key)
  if (nearest === undefined) return { reason: 'absent', explanation: `nothing is kept of ${name}` }
  const other = nearest.key
  const before = (): Told | undefined => read(store, other.digest)
  const now = (): Told => tellCall(subject, self, args)
  const since = (changes: string | undefined) =>
    changes === undefined || changes === '' ? '' : `: ${changes}`
  if (other.args !== key.args) {
    const changes = attempt(() => compare(before()?.args, now().args))
    return {
      reason: 'args',
      explanation: `${name} was not called with these arguments before${since(changes)}`,
    }
  }
  if (other.code !== key.code) {
    const changes = attempt(() => compare(read<readonly Line[]>(store, other.code), tellCode(subject)))
    return {
      reason: 'code',
      explanation: `the code of ${name}, or what it captures, changed${since(changes)}`,
    }
  }
  if (other.inputs !== key.inputs) {
    const changes = attempt(() => filesBetween(before(), now()))
    return { reason: 'inputs', explanation: `the input files changed${since(changes)}` }
  }
  if (other.state !== key.state) {
    const changes = attempt(() => compare(before()?.state, now().state))
    return { reason: 'state', explanation: `what the "state" option returned changed${since(changes)}` }
  }
  return { reason: 'absent', explanation: `nothing is kept of this call of ${name}` }
}

const compare = (before: readonly Line[] | undefined, now: readonly Line[]): string =>
  before === undefined ? '' : changesBetween(before, now)

/** The input files that are new, gone, or have another version. */
function filesBetween(before: Partial<Told> | undefined, now: Told): string {
  if (before?.inputs === undefined) return ''
  const old = new Map(before.inputs)
  const current = new Map(now.inputs)
  const changes = [
    ...[...current].flatMap(([path, version]) =>
      !old.has(path) ? [`${path} is new`] : old.get(path) === shortVersion(version) ? [] : [path],
    ),
    ...[...old.keys()].filter((path) => !current.has(path)).map((path) => `${path} is gone`),
  ]
  const more = changes.length - MOST_FILES
  return changes.slice(0, MOST_FILES).join(', ') + (more > 0 ? `, and ${more} more` : '')
}

/** Input files told at most. */
const MOST_FILES = 5

function read<T>(store: Store, about: Digest): T | undefined {
  const text = store.noted(about)
  return text === undefined ? undefined : attempt(() => JSON.parse(text) as T)
}
