/**
 * Checks options where they are given, so that a mistake throws at wrap or open time and names itself:
 * unknown names with the nearest right one, wrong types with what was found. Sizes and durations become numbers.
 */
import { createRequire } from 'node:module'
import { types } from 'node:util'
import type { ByteSize, Duration } from './types.ts'

/** What an option accepts, in words for the message, and the test for it. */
export interface OptionCheck {
  readonly expects: string
  readonly accepts: (value: unknown) => boolean
}

/** The checks options are made of. */
export const is: {
  readonly boolean: OptionCheck
  readonly string: OptionCheck
  readonly function: OptionCheck
  readonly count: OptionCheck
  readonly version: OptionCheck
  readonly duration: OptionCheck
  readonly size: OptionCheck
  oneOf(...words: readonly unknown[]): OptionCheck
  either(...checks: readonly OptionCheck[]): OptionCheck
  listOf(what: string, accepts: (item: unknown) => boolean): OptionCheck
  /** An object with none but these fields, each of which may be left out. */
  record(fields: Readonly<Record<string, OptionCheck>>): OptionCheck
  named(expects: string, ...methods: readonly string[]): OptionCheck
} = {
  boolean: { expects: 'a boolean', accepts: (value) => typeof value === 'boolean' },
  string: { expects: 'a non-empty string', accepts: (value) => typeof value === 'string' && value !== '' },
  function: { expects: 'a function', accepts: (value) => typeof value === 'function' },
  count: {
    expects: 'a positive integer',
    accepts: (value) => Number.isSafeInteger(value) && (value as number) > 0,
  },
  version: {
    expects: 'a non-empty string or a number',
    accepts: (value) => (typeof value === 'string' && value !== '') || Number.isFinite(value),
  },
  duration: {
    expects: "milliseconds or a duration such as '90s' or '7d'",
    accepts: (value) => durationOf(value) !== undefined,
  },
  size: {
    expects: "bytes or a size such as '100MB' or '10GiB'",
    accepts: (value) => sizeOf(value) !== undefined,
  },
  oneOf: (...words) => ({
    expects: words.map((word) => JSON.stringify(word)).join(' or '),
    accepts: (value) => words.includes(value),
  }),
  either: (...checks) => ({
    expects: checks.map((check) => check.expects).join(', or '),
    accepts: (value) => checks.some((check) => check.accepts(value)),
  }),
  listOf: (what, accepts) => ({
    expects: `an array of ${what}`,
    accepts: (value) => Array.isArray(value) && value.every(accepts),
  }),
  record: (fields) => ({
    expects: `an object of ${Object.entries(fields)
      .map(([name, { expects }]) => `"${name}" (${expects})`)
      .join(' and ')}`,
    accepts: (value) =>
      typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      Object.entries(value).every(
        ([name, field]) =>
          Object.hasOwn(fields, name) && (field === undefined || fields[name]!.accepts(field)),
      ),
  }),
  named: (expects, ...methods) => ({
    expects,
    accepts: (value) =>
      typeof value === 'object' &&
      value !== null &&
      typeof (value as { name?: unknown }).name === 'string' &&
      methods.every((method) => typeof (value as Record<string, unknown>)[method] === 'function'),
  }),
}

/**
 * Throws a `TypeError` unless every own property of `options` is known and acceptable. `undefined` means the default.
 * @param where names the function called, for the message.
 */
export function checkOptions(
  options: object,
  checks: Readonly<Record<string, OptionCheck>>,
  where: string,
): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new TypeError(`${where}: expected the options to be an object, found ${describe(options)}`)
  }
  for (const [name, value] of Object.entries(options)) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined
    if (check === undefined)
      throw new TypeError(`${where}: unknown option "${name}"${suggestion(name, Object.keys(checks))}`)
    if (value !== undefined && !check.accepts(value)) {
      throw new TypeError(
        `${where}: expected the "${name}" option to be ${check.expects}, found ${describe(value)}`,
      )
    }
  }
}

/** Names listed at most. */
const MOST_KNOWN = 60

/** `; did you mean "b"?`, or all there are to choose from if none is near; of many, none. */
export function suggestion(wrong: string, known: readonly string[]): string {
  const { closest, distance } = createRequire(import.meta.url)(
    'fastest-levenshtein',
  ) as typeof import('fastest-levenshtein')
  const nearest = closest(
    wrong.toLowerCase(),
    known.map((name) => name.toLowerCase()),
  )
  if (distance(wrong.toLowerCase(), nearest) > Math.max(2, wrong.length / 3))
    return known.length > MOST_KNOWN ? '' : `; known are ${known.join(', ')}`
  return `; did you mean "${known.find((name) => name.toLowerCase() === nearest)}"?`
}

/** An object of data: `{ … }`, of whatever realm, and no proxy. */
export function isPlainObject(value: object): boolean {
  if (types.isProxy(value)) return false
  const above: object | null = Object.getPrototypeOf(value)
  return above === null || Object.getPrototypeOf(above) === null
}

function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object'
  return typeof value === 'bigint' ? `${value}n` : String(value)
}

/** Whether a variable of the environment says yes. */
export function isSwitchedOn(name: 'PERMAFROST_DISABLE' | 'PERMAFROST_REPORT'): boolean {
  const said = process.env[name]
  return said !== undefined && /^(?:1|true|yes|on)$/i.test(said)
}

const MILLISECONDS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}
const BYTES: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
}

/** `'7d'` to milliseconds. Throws a `RangeError` for anything that is not a duration. */
export function milliseconds(duration: Duration, what = 'duration'): number {
  const parsed = durationOf(duration)
  if (parsed === undefined)
    throw new RangeError(`${what}: expected ${is.duration.expects}, found ${describe(duration)}`)
  return parsed
}

/** `'10GiB'` to bytes. Throws a `RangeError` for anything that is not a size. */
export function bytes(size: ByteSize, what = 'size'): number {
  const parsed = sizeOf(size)
  if (parsed === undefined)
    throw new RangeError(`${what}: expected ${is.size.expects}, found ${describe(size)}`)
  return parsed
}

const durationOf = (value: unknown): number | undefined => quantity(value, MILLISECONDS)
const sizeOf = (value: unknown): number | undefined => {
  const found = quantity(value, BYTES)
  return found === undefined ? undefined : Math.floor(found)
}

function quantity(value: unknown, units: Readonly<Record<string, number>>): number | undefined {
  if (typeof value === 'number') return value > 0 && Number.isFinite(value) ? value : undefined
  if (typeof value !== 'string') return undefined
  const match = /^(\d+(?:\.\d+)?)([a-zA-Z]+)$/.exec(value)
  if (match === null) return undefined
  const unit = Object.hasOwn(units, match[2]!) ? units[match[2]!]! : undefined
  const amount = unit === undefined ? 0 : Number(match[1]) * unit
  return amount > 0 && Number.isFinite(amount) ? amount : undefined
}
