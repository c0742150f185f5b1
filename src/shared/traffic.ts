/** What goes to and fro between a tier and its callers. */
import type { BlobStore } from '../blob/blob-store.ts'
import type { PermafrostError } from '../errors.ts'
import type { About, Header, SigningKey } from './parcel.ts'
import type { Place } from './place.ts'

export type Mode = 'read' | 'write' | 'read-write'

export interface TierOptions {
  /** Opens the store, once, at the first use. */
  readonly open: () => Promise<BlobStore>
  readonly mode: Mode
  readonly signingKey: SigningKey
  /** Milliseconds that a look-up may take until its first byte. */
  readonly patience: number
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number
  readonly report: (error: PermafrostError) => void
}

/** A result that somebody has put there. Times are of our own clock. */
export interface Fetched {
  readonly header: Header
  readonly bytes: Uint8Array
  readonly leaves: readonly Uint8Array[]
  readonly createdAt: number
  readonly expiresAt: number | undefined
  /** Bytes that came over the wire. */
  readonly size: number
  /** Its version. */
  readonly over: string | true
}

/** What is not there, or of no use: then which version is to be replaced. */
export interface Missing {
  readonly over?: string | true
  /** Nobody was asked, or nobody answered. */
  readonly isUnknown?: boolean
  /** When the store was asked, in milliseconds of the clock that never goes back. */
  readonly askedAt?: number
}

/** A result that is to be forgotten there. */
export interface Removal {
  readonly place: Place
}

/** A result on its way. */
export interface Upload {
  readonly place: Place
  readonly facts: Pick<Header, 'codec' | 'async' | 'threw' | 'computeTime' | 'createdAt' | 'expiresAt'>
  readonly about: About
  /** Bytes that it takes in memory while it is sent, roughly. */
  readonly size: number
  /** What is to be sent, as it is when its turn comes; undefined if it is gone. */
  readonly read: () => { readonly bytes: Uint8Array; readonly leaves: readonly Uint8Array[] } | undefined
  /** Which version is replaced: that of this etag, or any (true). Otherwise what is there stays. */
  readonly over?: string | true | undefined
  /** Somebody else was first. */
  readonly adopt: (theirs: Fetched) => void
  /** It is there now, or will never be. */
  readonly done: (came: 'sent' | 'present' | 'failed') => void
}

export interface PushReport {
  readonly sent: number
  /** Somebody else was first. */
  readonly present: number
  readonly failed: number
  /** Still waiting, since the store does not answer. */
  readonly left: number
}
