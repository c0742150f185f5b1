/**
 * What a walk met, in words, so that two walks can be compared and the difference told: which function, which captured
 * variable from what to what, which package, which argument. A trace explains; it never decides.
 */

export interface Line {
  /** Where: `src/fit.ts#fit → TABLE[2]`. */
  readonly path: string
  /** What is compared: a value, shortened, or the digest of a function's code. */
  readonly what: string
  /** For functions, where they stand now: `helper in src/x.ts:12`. */
  readonly where?: string
}

/** Lines kept of one walk: what lies beyond is not explained. */
const MOST_LINES = 1000
/** Characters of a value that are kept. */
const MOST_CHARACTERS = 60

export class Trace {
  readonly lines: Line[] = []

  /** A primitive was met; objects are told by their members. */
  see(value: unknown, path: () => string): void {
    if (typeof value === 'object' && value !== null) return
    if (typeof value === 'function' || typeof value === 'symbol') return
    this.note(path, shown(value))
  }

  note(path: string | (() => string), what: string | (() => string), where?: string): void {
    if (this.lines.length >= MOST_LINES) return
    const told = (text: string | (() => string)): string => (typeof text === 'string' ? text : text())
    this.lines.push({ path: told(path), what: told(what), ...(where !== undefined && { where }) })
  }
}

function shown(value: unknown): string {
  const text =
    typeof value === 'string'
      ? JSON.stringify(value)
      : Object.is(value, -0)
        ? '-0'
        : typeof value === 'bigint'
          ? `${value}n`
          : String(value)
  return text.length > MOST_CHARACTERS
    ? `${text.slice(0, MOST_CHARACTERS)}… (${text.length} characters)`
    : text
}

/** Changes told at most. */
const MOST_CHANGES = 3

/** What differs, in a few words each; empty if nothing that the traces hold does. */
export function changesBetween(before: readonly Line[], after: readonly Line[]): string {
  const old = new Map(before.map((line) => [line.path, line]))
  const now = new Map(after.map((line) => [line.path, line]))
  const changes: string[] = []
  const code: string[] = []
  for (const line of after) {
    const was = old.get(line.path)
    if (was?.what === line.what) continue
    if (line.where !== undefined)
      code.push(was === undefined ? `${line.where} is new` : `${line.where} changed`)
    else if (was === undefined) changes.push(`${nameOf(line.path)} is new: ${line.what}`)
    else changes.push(`${nameOf(line.path)} ${was.what} → ${line.what}`)
  }
  for (const line of before) {
    if (!now.has(line.path)) changes.push(`${line.where ?? nameOf(line.path)} is gone`)
  }
  const all = [...new Set([...code, ...changes])]
  const more = all.length - MOST_CHANGES
  return all.slice(0, MOST_CHANGES).join('; ') + (more > 0 ? `; and ${more} more` : '')
}

/** The end of a path that says enough: the variable and what is under it. */
function nameOf(path: string): string {
  const steps = path.split(' → ')
  return steps[steps.length - 1]!
}
