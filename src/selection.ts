/**
 * Which entries somebody means, in the words of the store: what is checked, and how long ago becomes when.
 */
import { bytes, checkOptions, is, milliseconds, type OptionCheck } from './options.ts'
import type { Selection } from './store/contract.ts'
import type { Duration, EntryFilter, EntryOrder, EvictOptions, Listing, Watch } from './types.ts'

const MOMENT: OptionCheck = {
  expects: "a Date, milliseconds ago or a duration such as '7d'",
  accepts: (value) => (value instanceof Date && !Number.isNaN(value.getTime())) || is.duration.accepts(value),
}

/** Whether a digest may begin so. */
export const isPrefix = (value: unknown): boolean =>
  typeof value === 'string' && /^[0-9a-f]{1,32}$/.test(value)

const PREFIX: OptionCheck = { expects: 'the first hexadecimal digits of a digest', accepts: isPrefix }

const filterChecks: Readonly<Record<keyof EntryFilter, OptionCheck>> = {
  name: is.string,
  tag: is.string,
  code: PREFIX,
  since: MOMENT,
  before: MOMENT,
  usedBefore: MOMENT,
  largerThan: is.size,
}

export const ORDERS: readonly EntryOrder[] = ['used', 'created', 'size', 'time', 'hits', 'name']

const listingChecks: Readonly<Record<keyof Listing, OptionCheck>> = {
  ...filterChecks,
  sort: is.oneOf(...ORDERS),
  reverse: is.boolean,
  limit: is.count,
}

const watchChecks: Readonly<Record<keyof Watch, OptionCheck>> = {
  signal: { expects: 'an AbortSignal', accepts: (value) => value instanceof AbortSignal },
  onProgress: is.function,
}

const evictChecks: Readonly<Record<keyof EvictOptions, OptionCheck>> = {
  ...watchChecks,
  maxSize: is.size,
  maxEntries: is.count,
  filter: is.record(filterChecks),
}

/** Throws a `TypeError` that names the mistake. */
export function checkListing(listing: Listing): void {
  checkOptions(listing, listingChecks, 'entries')
}

/** Throws a `TypeError` for what no digest begins with. */
export function checkPrefix(prefix: string, where: string): void {
  if (!isPrefix(prefix))
    throw new TypeError(`${where}: expected ${PREFIX.expects}, found ${JSON.stringify(prefix)}`)
}

/** Throws a `TypeError` that names the mistake. */
export function checkEviction(options: EvictOptions): void {
  checkOptions(options, evictChecks, 'evict')
  const { filter, maxEntries, maxSize } = options
  if (filter === undefined && maxEntries === undefined && maxSize === undefined)
    throw new TypeError('evict: expected "maxSize", "maxEntries" or "filter"')
}

/** Throws a `TypeError` that names the mistake and `where`. */
export function selectionOf(filter: EntryFilter, now: number, where: string): Selection {
  checkOptions(filter, filterChecks, where)
  const { before, code, largerThan, name, since, tag, usedBefore } = filter
  const moment = (given: Date | Duration, what: string): number =>
    given instanceof Date ? given.getTime() : now - milliseconds(given, what)
  return {
    ...(name !== undefined && (name.includes('*') ? { pattern: name } : { name })),
    ...(tag !== undefined && { tag }),
    ...(code !== undefined && { code }),
    ...(since !== undefined && { since: moment(since, 'since') }),
    ...(before !== undefined && { before: moment(before, 'before') }),
    ...(usedBefore !== undefined && { usedBefore: moment(usedBefore, 'usedBefore') }),
    ...(largerThan !== undefined && { largerThan: bytes(largerThan, 'largerThan') }),
  }
}
