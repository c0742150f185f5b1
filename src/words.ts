/**
 * Numbers and values as people read them. Runs no code of the values'.
 */
import { inspect } from 'node:util'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const LONG: readonly (readonly [unit: string, milliseconds: number])[] = [
  ['y', 365 * DAY],
  ['d', DAY],
  ['h', HOUR],
  ['m', MINUTE],
]

/** Milliseconds as `1.2s`, `3m 4s`, `12µs`. */
export function time(milliseconds: number): string {
  if (milliseconds < 0) return `-${time(-milliseconds)}`
  if (milliseconds === 0 || !Number.isFinite(milliseconds)) return `${milliseconds}ms`
  if (milliseconds < 0.1) return `${Math.max(1, Math.round(milliseconds * 1000))}µs`
  if (milliseconds < 10) return `${milliseconds.toFixed(1)}ms`
  if (milliseconds < SECOND) return `${Math.min(Math.round(milliseconds), 999)}ms`
  const parts: string[] = []
  let left = milliseconds
  for (const [unit, length] of LONG) {
    const count = Math.floor(left / length)
    left -= count * length
    if (count > 0) parts.push(`${count}${unit}`)
  }
  // what is not over yet does not count; but 1.1 s is not 1.0999… s
  const seconds = Math.floor(left / 100 + 1e-7) / 10
  if (seconds > 0) parts.push(`${seconds}s`)
  return parts.join(' ')
}

const BYTES = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB']

/** Bytes as `1.2 kB`, with three digits. */
export function size(bytes: number): string {
  let [shown, unit] = [Math.abs(bytes), 0]
  for (; shown >= 999.5 && unit < BYTES.length - 1; unit++) shown /= 1000
  return `${bytes < 0 ? '-' : ''}${Number(shown.toPrecision(3))} ${BYTES[unit]}`
}

const LONGEST = 80

/** Arguments in one short line, without the parentheses. Getters, proxies and methods of theirs are not run. */
export function shortened(args: readonly unknown[], longest: number = LONGEST): string {
  let text = ''
  for (const [index, arg] of args.entries()) {
    text += (index === 0 ? '' : ', ') + oneLine(arg)
    if (text.length > longest) return `${text.slice(0, longest - 1)}…`
  }
  return text
}

function oneLine(value: unknown): string {
  try {
    return inspect(value, {
      depth: 1,
      maxArrayLength: 3,
      maxStringLength: 40,
      breakLength: Number.POSITIVE_INFINITY,
      customInspect: false,
      showProxy: true,
    })
  } catch {
    // whatever it is, it has a type
    return typeof value
  }
}
