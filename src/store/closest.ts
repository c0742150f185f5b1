/**
 * The entry most like a call that missed, so that somebody can say what has changed. Looks at recent entries only:
 * an explanation must stay cheap.
 */
import type { CallKey, Entry } from '../types.ts'
import type { EntryIndex } from './entry-index.ts'

const RECENT_ENTRIES = 1000
const RECENT_VERSIONS = 16

/** Among the recent entries of the same name, the one that shares most with `key`; of several, the newest. */
export function closestTo(key: CallKey, index: EntryIndex): Entry | undefined {
  let best: Entry | undefined
  let bestLikeness = -1
  for (const { id } of index.versions(key.name).slice(0, RECENT_VERSIONS)) {
    for (const { entry } of index.recent(id, RECENT_ENTRIES)) {
      const likeness = likenessOf(entry.key, key)
      const newer = best === undefined || entry.createdAt > best.createdAt
      if (likeness > bestLikeness || (likeness === bestLikeness && newer)) {
        best = entry
        bestLikeness = likeness
      }
    }
  }
  return best
}

/** Equal arguments count most: a miss is best explained by the same call on another day. */
function likenessOf(a: CallKey, b: CallKey): number {
  return (
    (a.args === b.args ? 8 : 0) +
    (a.code === b.code ? 4 : 0) +
    (a.inputs === b.inputs ? 2 : 0) +
    (a.state === b.state ? 1 : 0)
  )
}
