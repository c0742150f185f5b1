/** Whether a value came back as it was, and as what it came back if not. */
import { deepStrictEqual } from 'node:assert/strict'

/** Thrown where a rival gives back another value; such a one is marked, not ranked. */
export class WrongValue extends Error {}

export function same(actual, expected) {
  try {
    deepStrictEqual(actual, expected)
  } catch {
    const [back, was] = [kindOf(actual), kindOf(expected)]
    throw new WrongValue(
      back === was ? `gives back another value than it was given` : `gives back ${back} for ${was}`,
    )
  }
}

/** For values that have a random number in them: whether they are of the same kind and size. */
export function sameKind(actual, like) {
  const [back, was] = [kindOf(actual), kindOf(like)]
  if (back !== was && typeof like === 'object') throw new WrongValue(`gives back ${back} for ${was}`)
  if (actual?.length !== like?.length)
    throw new WrongValue(`gives back ${actual?.length} for ${like?.length} elements`)
}

function kindOf(value) {
  if (value === null || typeof value !== 'object') return String(value).slice(0, 20)
  const name = value.constructor?.name
  return name === undefined || name === 'Object' ? 'an object' : `a ${name}`
}
