/**
 * Keys of calls made lately, by what was given. Knows how to tell arguments apart, not what their keys are made of.
 */
import type { Parts } from './freeze/records.ts'
import { Recent } from './recent.ts'
import type { CallKey, Digest } from './types.ts'

/** What is remembered of a function while its code is that. */
export interface Known {
  readonly code: Digest
  /** By what a few primitives are. */
  readonly keys: Recent<string | number, CallKey>
  /** By the hash of what the arguments are; see records.ts. */
  readonly alike: Recent<number, Alike>
}

export interface Alike {
  readonly parts: Parts
  readonly key: CallKey
}

// Keys of a function's calls that are remembered, and what all arguments among them may have.
const MOST_KNOWN = 4096
const MOST_PARTS = 16 * MOST_KNOWN
// Characters of an argument that is remembered.
const LONGEST = 64

/** @param owner stands for the function and its options */
export function knownOf(owner: object, code: Digest): Known {
  let of = known.get(owner)
  if (of?.code !== code) {
    of = {
      code,
      keys: new Recent(MOST_KNOWN, () => 1),
      alike: new Recent(MOST_PARTS, ({ parts }) => parts.length),
    }
    known.set(owner, of)
  }
  return of
}

const known = new WeakMap<object, Known>()

/** Equal for equal arguments only; undefined for what is not worth to be remembered, or is not a primitive. */
export function idOf(args: readonly unknown[]): string | number | undefined {
  if (args.length === 1 && typeof args[0] === 'number') return Object.is(args[0], -0) ? undefined : args[0]
  let id = ''
  for (const given of args) {
    if (typeof given === 'string' && given.length <= LONGEST) id += `${given.length}:${given}`
    else if (typeof given === 'number' && !Object.is(given, -0)) id += `n${given},`
    else if (typeof given === 'boolean') id += given ? 't' : 'f'
    else return undefined
  }
  return id
}
