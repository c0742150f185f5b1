/** What is counted of functions, added up. */
import type { Counts } from './contract.ts'

/** What is not there is 0. */
export const sumOf = (one?: Partial<Counts>, other?: Partial<Counts>): Counts => ({
  hits: (one?.hits ?? 0) + (other?.hits ?? 0),
  misses: (one?.misses ?? 0) + (other?.misses ?? 0),
  timeSaved: (one?.timeSaved ?? 0) + (other?.timeSaved ?? 0),
  timeSpent: (one?.timeSpent ?? 0) + (other?.timeSpent ?? 0),
  overhead: (one?.overhead ?? 0) + (other?.overhead ?? 0),
})

/** One that is added to. */
export type Sum = { -readonly [Name in keyof Counts]: Counts[Name] }

/** Adds to the sum of that name, and gives it: nothing is made anew for each hit. */
export function addUnder(sums: Map<string, Sum>, name: string, what: Partial<Counts>): Sum {
  let sum = sums.get(name)
  if (sum === undefined) {
    sum = sumOf()
    sums.set(name, sum)
  }
  const { hits = 0, misses = 0, overhead = 0, timeSaved = 0, timeSpent = 0 } = what
  sum.hits += hits
  sum.misses += misses
  sum.overhead += overhead
  sum.timeSaved += timeSaved
  sum.timeSpent += timeSpent
  return sum
}
