/**
 * How much of one text is in another: the part of its runs of words that both have, estimated from a sample.
 * After Broder (1997), "On the resemblance and containment of documents".
 */

/** Runs of this many words are seldom the same by chance. */
const RUN = 8

/** One run in this many is kept, chosen by its hash, so that every text keeps the same ones. */
const SAMPLE = 8

/** The hashes of a sample of all runs of words. */
export function fingerprintsOf(text) {
  const prints = new Set()
  const run = []
  for (const [word] of text.matchAll(/\w+/g)) {
    run.push(word)
    if (run.length > RUN) run.shift()
    const print = hash(run.join(' '))
    if (print % SAMPLE === 0) prints.add(print)
  }
  return prints
}

/** The part of one sample that is also in the other, 0 to 1. */
export function sharedPart(one, other) {
  let both = 0
  for (const print of one) if (other.has(print)) both++
  return one.size === 0 ? 0 : both / one.size
}

/** FNV-1a, 32 bits. */
function hash(text) {
  let state = 0x811c9dc5
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193)
  return state >>> 0
}
