/**
 * Abort signals among the arguments. They are no part of the key: who gives up does so for himself, and a call that was
 * given up leaves nothing behind.
 */
import { isPlainObject } from './options.ts'

/** The signals among the arguments, or in an object of options: `f(x, signal)`, `f(x, { signal })`. */
export function signalsIn(args: readonly unknown[]): readonly AbortSignal[] {
  const signals: AbortSignal[] = []
  for (const argument of args) {
    if (typeof argument !== 'object' || argument === null) continue
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
      for (const signal of signals) signal.removeEventListener('abort', give)
    }
    const give = (): void => {
      stop()
      reject(signals.find(({ aborted }) => aborted)?.reason)
    }
    for (const signal of signals) signal.addEventListener('abort', give)
    if (isAborted(signals)) give()
    promise.then(resolve, reject).finally(stop)
  })
}
