/** Digests as three words, which people can compare, say and remember: `coast-oil-asset`. */
import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'

/** Bits that a word stands for. */
const BITS = 11n

/** 33 bits of the SHA-256 of a text. They name a thing among some ten thousands, and prove nothing. */
export function wordsOf(text: string): string {
  const { wordlist } = createRequire(import.meta.url)(
    '@scure/bip39/wordlists/english.js',
  ) as typeof import('@scure/bip39/wordlists/english.js')
  const bits = createHash('sha256').update(text).digest().readBigUInt64BE() >> 31n
  const word = (shift: bigint): string => wordlist[Number((bits >> shift) & ((1n << BITS) - 1n))]!
  return [2n * BITS, BITS, 0n].map(word).join('-')
}

export const isWords = (text: string): boolean => /^[a-z]+-[a-z]+-[a-z]+$/.test(text)
