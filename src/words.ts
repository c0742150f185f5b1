/**
 * Numbers and values as people read them. Runs no code of the values'.
 */
import { inspect } from 'node:util'
import prettyBytes from 'pretty-bytes'
import prettyMilliseconds from 'pretty-ms'

/** Milliseconds as `1.2 s`, `3m 4s`, `12 µs`. */
export function time(milliseconds: number): string {
  if (milliseconds > 0 && milliseconds < 0.1) return `${Math.max(1, Math.round(milliseconds * 1000))}µs`
  return prettyMilliseconds(milliseconds, {
    millisecondsDecimalDigits: milliseconds < 10 ? 1 : 0,
    secondsDecimalDigits: 1,
  })
}

/** Bytes as `1.2 kB`. */
export const size = (bytes: number): string => prettyBytes(bytes)

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
