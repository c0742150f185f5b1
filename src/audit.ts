/**
 * Looking whether a function is what memoizing takes it for: whether a hit is what it would return now, and whether it
 * leaves its arguments and what it captures as they were. What is found is told, never acted on.
 */
import { types } from 'node:util'
import { emit, warn } from './events.ts'
import { traceValue } from './freeze/freeze.ts'
import { changesBetween, type Line } from './freeze/trace.ts'
import { attempt } from './guard.ts'
import { type Keyed, keyOf, type Told, tellCall, tellCode } from './key.ts'
import type { Memo } from './memo.ts'

/** What a call was, in words, before it ran. */
export interface Before {
  readonly told: Told | undefined
  readonly code: readonly Line[] | undefined
}

/** To be asked before a call of a function with `audit: 'mutation'`. */
export const before = (memo: Memo, self: unknown, args: readonly unknown[]): Before => ({
  told: attempt(() => tellCall(memo, self, args)),
  code: attempt(() => tellCode(memo)),
})

/** And after it: tells what it changed. */
export function lookForMutation(
  memo: Memo,
  self: unknown,
  args: readonly unknown[],
  { key }: Keyed,
  { code, told }: Before,
): void {
  const now = attempt(() => keyOf(memo, self, args).key)
  if (now === undefined || now.digest === key.digest) return
  if (now.args !== key.args) {
    const what = attempt(() => changesBetween(told?.args ?? [], tellCall(memo, self, args).args))
    tell(memo, `it changes its arguments${since(what)}`)
  }
  if (now.code !== key.code) {
    const what = attempt(() => changesBetween(code ?? [], tellCode(memo)))
    tell(memo, `it changes what it captures${since(what)}`)
  }
}

/** Compares a kept value with one computed now. */
export function compare(memo: Memo, kept: unknown, computed: unknown): void {
  const [old, now] = [kept, computed].map((value) => attempt(() => traceValue(value, 'result', memo.walk)))
  if (old === undefined || now === undefined) return
  const what = changesBetween(old.lines, now.lines)
  if (what !== '') tell(memo, `it does not return what was kept: ${what}`)
}

/** Runs the function once more, and compares. Its own failures are not the caller's. */
export function recompute(
  memo: Memo,
  self: unknown,
  args: readonly unknown[],
  kept: unknown,
): void | Promise<void> {
  const failed = (): void => tell(memo, 'it throws, where it returned a value before')
  let computed: unknown
  try {
    computed = Reflect.apply(memo.fn, self, args)
  } catch {
    return failed()
  }
  if (!types.isPromise(computed)) return compare(memo, kept, computed)
  return computed.then((value) => compare(memo, kept, value), failed)
}

const since = (what: string | undefined): string => (what === undefined || what === '' ? '' : `: ${what}`)

function tell({ name }: Memo, what: string): void {
  emit('impure', () => ({ name, what }))
  warn('WARN_IMPURE', `${name} ${what}`, `${name} is not a function of its arguments and captures: ${what}`)
}
