/**
 * Abort signals among the arguments. They are no part of the key: who gives up does so for himself, and a call that was
 * given up leaves nothing behind.
 */
import { types } from 'node:util'
import { isPlainObject } from './options.ts'

/** The signals among the arguments, or in an object of options: `f(x, signal)`, `f(x, { signal })`. */
export function signalsIn(args: readonly unknown[]): readonly AbortSignal[] {
  const signals: AbortSignal[] = []
  for (const argument of args) {
    // to ask a proxy is to run whatever it likes
    if (typeof argument !== 'object' || argument === null || types.isProxy(argument)) continue
    if (argument instanceof AbortSignal) signals.push(argument)
    else if (isPlainObject(argument)) {
      const signal: unknown = Object.getOwnPropertyDescriptor(argument, 'signal')?.value
      if (signal instanceof AbortSignal) signals.push(signal)
    }
  }
  return signals
}

/** Whether any of them says so. */
export const isAborted = (signals: readonly AbortSignal[]): boolean => signals.some(({ aborted }) => aborted)

/** The promise, or a rejection with the reason as soon as one of the signals says so. */
export async function unlessAborted<T>(promise: Promise<T>, signals: readonly AbortSignal[]): Promise<T> {
  if (signals.length === 0) return promise
  return new Promise<T>((resolve, reject) => {
    const stop = (): void => {
      for (const signal of signals) leave(signal, give)
    }
    const give = (): void => {
      stop()
      reject(signals.find(({ aborted }) => aborted)?.reason)
    }
    for (const signal of signals) listen(signal, give)
    if (isAborted(signals)) give()
    promise.then(resolve, reject).finally(stop)
  })
}

/** Who waits for a signal: a single listener for all, since Node warns of many. */
const waiting = new WeakMap<AbortSignal, { readonly all: Set<() => void>; readonly tell: () => void }>()

function listen(signal: AbortSignal, give: () => void): void {
  let here = waiting.get(signal)
  if (here === undefined) {
    const all = new Set<() => void>()
    here = { all, tell: () => [...all].forEach((one) => void one()) }
    waiting.set(signal, here)
    signal.addEventListener('abort', here.tell)
  }
  here.all.add(give)
}

function leave(signal: AbortSignal, give: () => void): void {
  const here = waiting.get(signal)
  if (here?.all.delete(give) !== true || here.all.size > 0) return
  signal.removeEventListener('abort', here.tell)
  waiting.delete(signal)
}
