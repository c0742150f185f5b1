/**
 * Where results are required, a call that would have to compute throws instead: for those who only evaluate what others
 * have computed, and for builds that must not.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { ResultRequiredError } from './errors.ts'
import { checkOptions, is } from './options.ts'

export interface RequireOptions {
  /** What to tell whoever meets it: how to get the results. */
  readonly message?: string
  /** The name of an environment variable that lifts it, if it is set and not empty. */
  readonly unless?: string
}

interface Requirement {
  readonly message: string | undefined
}

const scoped = new AsyncLocalStorage<Requirement>()
const standing: Requirement[] = []

/**
 * From now on, or while `work` runs and all that it starts, memoized functions do not compute: a call that finds no result throws
 * (rejects with) a `ResultRequiredError`. Returns what `work` returns; without one, what lifts it again.
 * Throws a `TypeError` for a wrong option.
 */
export function requireAllResults(options?: RequireOptions): Disposable
export function requireAllResults<T>(options: RequireOptions, work: () => T): T
export function requireAllResults<T>(options: RequireOptions = {}, work?: () => T): T | Disposable {
  checkOptions(options, { message: is.string, unless: is.string }, 'requireAllResults')
  const { message, unless } = options
  const isLifted = unless !== undefined && (process.env[unless] ?? '') !== ''
  const requirement: Requirement = { message }
  if (work !== undefined) return isLifted ? work() : scoped.run(requirement, work)
  if (!isLifted) standing.push(requirement)
  return {
    [Symbol.dispose]: () => {
      const at = standing.indexOf(requirement)
      if (at >= 0) standing.splice(at, 1)
    },
  }
}

/** Why this function must not be run, if it must not. `call` says which, in words. */
export function whyRequired(resultsOnly: boolean, call: () => string): ResultRequiredError | undefined {
  const requirement = scoped.getStore() ?? standing[0]
  if (requirement === undefined && !resultsOnly) return undefined
  return new ResultRequiredError(call(), requirement?.message)
}
