/**
 * Calls of a group that are running: whom others may join, and whose result is not to be kept, since somebody forgets it or wants
 * it computed anew.
 */
import type { Memo, Room } from './memo.ts'
import type { Selection } from './store/contract.ts'
import type { CallKey, Digest } from './types.ts'

export interface Running {
  readonly digest: Digest
  readonly code: Digest
  readonly name: string
  readonly tags: readonly string[]
  /** Whether it began before somebody said that its result is not to be kept. */
  isOutdated: boolean
}

type Runs = Pick<Room, 'flights' | 'running'>

export const runningOf = ({ name, tags }: Memo, { code, digest }: CallKey): Running => ({
  digest,
  code,
  name,
  tags,
  isOutdated: false,
})

/** What runs of this call, or of these, is not to be kept, and not to be joined. */
export function outdate({ flights, running }: Runs, which: Selection | { readonly digest: Digest }): void {
  for (const one of [...flights.values(), ...running])
    if ('digest' in which ? one.digest === which.digest : isMeant(one, which)) one.isOutdated = true
}

function isMeant({ code, name, tags }: Running, which: Selection): boolean {
  // those of an age or a size are there already
  if (which.before !== undefined || which.usedBefore !== undefined || which.largerThan !== undefined)
    return false
  return (
    (which.name === undefined || which.name === name) &&
    (which.pattern === undefined || fits(name, which.pattern)) &&
    (which.tag === undefined || tags.includes(which.tag)) &&
    (which.code === undefined || code.startsWith(which.code))
  )
}

/** Whether a name is one of a pattern, in which `*` stands for any characters. */
function fits(name: string, pattern: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[\\^$.+?()[\]{}|]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`, 's').test(name)
}
