/** Leases as they are stored: small JSON, which people may read and anybody may have written. */
import { hostname, userInfo } from 'node:os'
import type { Lease } from './lease-protocol.ts'

const FORMAT = 1
/** Of a text in a lease. */
const LONGEST = 200
/** Milliseconds: a lease that says more is none, or a slip would block a call for years. */
export const LONGEST_DURATION = 86_400_000
/** So that many more can be counted. */
const BIGGEST_COUNT = 1e15

/** `at`: when it was written, by a clock that nobody should compare with another. */
export const textOf = (lease: Lease, at: number): string =>
  JSON.stringify({ format: FORMAT, ...lease, at: new Date(at).toISOString() })

/** `undefined` unless it is a lease as we write them. */
export function leaseOf(text: string): Lease | undefined {
  let found: unknown
  try {
    found = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof found !== 'object' || found === null) return undefined
  const { format, owner, by, nonce, beat, token, duration, free } = found as Record<string, unknown>
  if (format !== FORMAT || !isText(owner) || !isText(by) || !isText(nonce) || typeof free !== 'boolean')
    return undefined
  if (!isCount(beat, 0) || !isCount(token, 1) || !isDuration(duration)) return undefined
  return { owner, by: plain(by), nonce, beat, token, duration, free }
}

const isText = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && value.length <= LONGEST

const isCount = (value: unknown, least: number): value is number =>
  Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= BIGGEST_COUNT

/** What a lease may last, in milliseconds. */
export const isDuration = (value: unknown): value is number =>
  typeof value === 'number' && value > 0 && value <= LONGEST_DURATION

/** What is shown on terminals has no control characters. */
const plain = (text: string): string => text.replaceAll(/\p{C}/gu, '?')

/** This process for people: `ada@tower 4711`. */
export function personal(): string {
  let user = 'somebody'
  try {
    user = userInfo().username
  } catch {
    // not every process has a user with a name
  }
  return plain(`${user}@${hostname()} ${process.pid}`).slice(0, LONGEST)
}
