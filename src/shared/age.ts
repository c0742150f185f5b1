/**
 * How old a result is that comes from elsewhere, so that it expires here when it should. Clocks are never compared where that can be
 * avoided: how long it lay with whoever sent it is told by that one's clock, how long it was away by the store's.
 */
import type { BlobFacts } from '../blob/blob-store.ts'
import type { Header } from './parcel.ts'

/** The last moment that has a date, in milliseconds since the epoch. */
const LAST = 8.64e15

export interface Times {
  /** By our own clock. */
  readonly createdAt: number
  readonly expiresAt: number | undefined
}

export function timesOf(
  { createdAt, expiresAt, sentAt }: Pick<Header, 'createdAt' | 'expiresAt' | 'sentAt'>,
  { asOf, modified }: Pick<BlobFacts, 'asOf' | 'modified'>,
  now: number,
): Times {
  const age = Math.max(0, sentAt - createdAt)
  // a store that answers before it was written has more clocks than one
  const isTold = asOf !== undefined && modified !== undefined && asOf >= modified
  const away = Math.max(0, isTold ? asOf - modified : now - sentAt)
  const made = Math.max(0, now - age - away)
  return {
    createdAt: made,
    expiresAt: expiresAt === null ? undefined : Math.min(LAST, made + (expiresAt - createdAt)),
  }
}
