/**
 * What happens inside, told to whoever listens on `node:diagnostics_channel`, and printed for people with `DEBUG`:
 * `permafrost:ops` is what becomes of calls and entries, each event also on a channel of its own (`permafrost:hit`);
 * `permafrost:perf` how long the steps of each call took; `permafrost:freeze` what was walked to identify functions.
 * What a user must know becomes one process warning. Silence costs nothing: `debug` is loaded only when DEBUG is set,
 * and messages are made only for listeners.
 */
import { channel } from 'node:diagnostics_channel'
import { createRequire } from 'node:module'
import type { PermafrostError } from './errors.ts'
import { size, time } from './words.ts'

export type EventName =
  | 'hit'
  | 'miss'
  | 'stored'
  | 'stale'
  | 'failed'
  | 'evicted'
  | 'expired'
  | 'forgotten'
  | 'lost'
  | 'orphan'
  | 'adopted'
  | 'recovered'
  | 'tooLarge'
  | 'lease'
  | 'impure'
  | 'unsound'
  | 'uncacheable'
  | 'thrashing'
  | 'network'
  | 'pushed'
  | 'refused'
  | 'unreachable'

type Topic = 'ops' | 'perf' | 'freeze'

type Details = Readonly<Record<string, unknown>>

type Channel = ReturnType<typeof channel>

const topics: Readonly<Record<Topic, Channel>> = {
  ops: channel('permafrost:ops'),
  perf: channel('permafrost:perf'),
  freeze: channel('permafrost:freeze'),
}
const channels = new Map<EventName, Channel>()
const loggers = new Map<Topic, ReturnType<typeof import('debug')>>()
const debugging = process.env.DEBUG !== undefined && process.env.DEBUG !== ''

/** Tell of an event on `permafrost:ops` and on its own channel. `details` is called only if somebody listens. */
export function emit(name: EventName, details: () => Details): void {
  let own = channels.get(name)
  if (own === undefined) {
    own = channel(`permafrost:${name}`)
    channels.set(name, own)
  }
  if (!own.hasSubscribers && !listens('ops')) return
  publish('ops', () => ({ event: name, ...details() }), own)
}

/** Whether anybody wants to know. */
export const listens = (topic: Topic): boolean =>
  topics[topic].hasSubscribers || (debugging && logger(topic).enabled)

/** Tell of something else than an event. `details` is called only if somebody listens. */
export function tell(topic: Exclude<Topic, 'ops'>, details: () => Details): void {
  if (listens(topic)) publish(topic, details)
}

function publish(topic: Topic, details: () => Details, own?: Channel): void {
  try {
    const told = details()
    if (debugging) logger(topic)('%s', lineOf(told))
    topics[topic].publish(told)
    own?.publish(told)
  } catch {
    // telling must not become the caller's failure; what a listener throws node reports by itself
  }
}

function logger(topic: Topic): ReturnType<typeof import('debug')> {
  let log = loggers.get(topic)
  if (log === undefined) {
    const debug = createRequire(import.meta.url)('debug') as typeof import('debug')
    log = debug(`permafrost:${topic}`)
    loggers.set(topic, log)
  }
  return log
}

const BYTES: ReadonlySet<string> = new Set(['size', 'maxSize', 'bytesFreed'])
const MILLISECONDS: ReadonlySet<string> = new Set([
  'computeTime',
  'timeSaved',
  'overhead',
  'took',
  'waited',
  'total',
])

/** `hit src/fit.ts#fit(3, 'a') [3fa1bc09d2e4] size 1.2 kB, timeSaved 3.4 s` */
export function lineOf({ event, name, args, key, steps, ...rest }: Details): string {
  const call = name === undefined ? '' : `${name}${args === undefined ? '' : `(${args})`}`
  const times = Object.entries((steps ?? {}) as Record<string, number>)
  const facts = [
    ...times.map(([step, took]) => `${step} ${time(took)}`),
    ...Object.entries(rest)
      .filter(([, value]) => value !== undefined)
      .map(([what, value]) => `${what} ${withUnit(what, value)}`),
  ]
  const parts = [event, call, key === undefined ? '' : `[${String(key).slice(0, 12)}]`, facts.join(', ')]
  return parts.filter((part) => part !== undefined && part !== '').join(' ')
}

function withUnit(what: string, value: unknown): string {
  if (typeof value === 'number') {
    if (BYTES.has(what)) return size(value)
    return MILLISECONDS.has(what) ? time(value) : `${value}`
  }
  if (value instanceof Error) return value.message
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

const warned = new Set<string>()

/** What a failure means for the call, and what can be done. */
const CONSEQUENCES: Readonly<Record<string, string>> = {
  ERR_UNFREEZABLE:
    '; the call runs uncached. Leave it out with the "ignore" or "cacheKey" option or ignore(), give its object a [frozenState]() method, or identify the function by the "version" option',
  ERR_UNENCODABLE:
    '; the value is returned and not kept. registerClass() makes instances of a class storable',
  ERR_OPTION: '; the call runs uncached',
  ERR_CONFIGURATION: '; functions run uncached. permafrost config checks it',
}

/** One process warning for each error code and subject; `subject` is a function's name or a directory. */
export function warnOnce(error: PermafrostError, subject: string): void {
  warn(error.code, subject, `${subject}: ${error.message}${CONSEQUENCES[error.code] ?? ''}`)
}

/** One process warning for each code and subject. */
export function warn(code: `ERR_${string}` | `WARN_${string}`, subject: string, message: string): void {
  const once = `${code} ${subject}`
  if (warned.has(once)) return
  warned.add(once)
  process.emitWarning(message, { type: 'PermafrostWarning', code })
}
