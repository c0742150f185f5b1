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
