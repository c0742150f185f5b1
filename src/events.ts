/**
 * What happens inside, told to whoever listens: `DEBUG=permafrost:*` prints it, `node:diagnostics_channel`
 * delivers it (`permafrost:hit`, `permafrost:miss`, …), and what a user must know becomes one process warning.
 * Silence costs nothing: `debug` is loaded only when DEBUG is set, and messages are built only for listeners.
 */
import { channel } from 'node:diagnostics_channel'
import { createRequire } from 'node:module'
import type { PermafrostError } from './errors.ts'

export type EventName =
  | 'hit'
  | 'miss'
  | 'put'
  | 'evicted'
  | 'expired'
  | 'forgotten'
  | 'impure'
  | 'lost'
  | 'stale'
  | 'tooLarge'
  | 'uncached'
  | 'unsound'
  | 'impure'
  | 'store'

type Details = Readonly<Record<string, unknown>>

const channels = new Map<EventName, ReturnType<typeof channel>>()
const loggers = new Map<EventName, (format: string, details: Details) => void>()
const debugging = process.env.DEBUG !== undefined && process.env.DEBUG !== ''

/** Tell listeners of `name`. `details` is called only if there is one. */
export function emit(name: EventName, details: () => Details): void {
  let subscribers = channels.get(name)
  if (subscribers === undefined) {
    subscribers = channel(`permafrost:${name}`)
    channels.set(name, subscribers)
  }
  if (!subscribers.hasSubscribers && !debugging) return
  const event = details()
  if (debugging) logger(name)('%o', event)
  try {
    subscribers.publish(event)
  } catch {
    // a listener's failure is not the caller's: node reports it through 'uncaughtException' by itself
  }
}

function logger(name: EventName): (format: string, details: Details) => void {
  let log = loggers.get(name)
  if (log === undefined) {
    const debug = createRequire(import.meta.url)('debug') as typeof import('debug')
    log = debug(`permafrost:${name}`)
    loggers.set(name, log)
  }
  return log
}

const warned = new Set<string>()

/** What a failure means for the call, and what can be done. */
const CONSEQUENCES: Readonly<Record<string, string>> = {
  ERR_UNFREEZABLE:
    '; the call runs uncached. Leave it out with the "ignore" or "cacheKey" option or ignore(), give its object a [frozenState]() method, or identify the function by the "version" option',
  ERR_UNENCODABLE:
    '; the value is returned and not kept. registerClass() makes instances of a class storable',
  ERR_OPTION: '; the call runs uncached',
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
