/**
 * What is in a blob store, by its keys alone: which results of which functions, how many bytes they take. Only who asks for
 * more than that has the first bytes of each result read. Everything comes in the order of the keys, a page at a time.
 */
import type { BlobFacts, BlobStore } from '../blob/blob-store.ts'
import { BlobError } from '../errors.ts'
import type { Watch } from '../types.ts'
import { each } from './flow.ts'
import { claimedIn, type Header, headLength, LONGEST_HEAD } from './parcel.ts'
import { callsOf, OBJECTS, objectAt, parseMemoUri, RUNNER, type Stored, storedAt } from './place.ts'

/** Which calls are meant. */
export interface Where {
  /** Those of this pipeline, and of the ones below it. */
  readonly pipelineId?: string | undefined
  /** `*` stands for any characters. */
  readonly functionId?: string | undefined
}

export interface ListedCall extends Stored, BlobFacts {
  readonly pipelineId: string
  readonly functionId: string
  /** `v=` and a version, or a digest. */
  readonly logicKey: string
}

type Names = Pick<ListedCall, 'pipelineId' | 'functionId' | 'logicKey'>

export interface ListOptions extends Where {
  /** Begin at this key. */
  readonly startAt?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/** All that is kept of calls: results, leases, attempts. Other blobs are passed over. Throws a `BlobError`. */
export async function* listCalls(
  store: BlobStore,
  { signal, startAt, ...where }: ListOptions = {},
): AsyncGenerator<ListedCall, void, undefined> {
  const isMeant = meant(where)
  // the same for all calls of a function, which come one after the other
  let last: { memospace: string; names: Names } | undefined
  for await (const facts of store.list(callsOf(where.pipelineId), {
    ...(signal && { signal }),
    ...(startAt !== undefined && { startAt }),
  })) {
    const stored = storedAt(facts.key)
    if (stored === undefined) continue
    if (last?.memospace !== stored.memospace)
      last = { memospace: stored.memospace, names: namesOf(stored.memospace) }
    const one = { ...facts, ...stored, ...last.names }
    if (isMeant(one)) yield one
  }
}

/** The same, results only. */
export async function* listResults(
  store: BlobStore,
  options: ListOptions = {},
): AsyncGenerator<ListedCall, void, undefined> {
  for await (const one of listCalls(store, options)) if (one.kind === 'result') yield one
}

export interface ListedObject extends BlobFacts {
  readonly sha256: string
}

/** Large memory of results. */
export async function* listObjects(
  store: BlobStore,
  { signal, startAt }: Pick<ListOptions, 'signal' | 'startAt'> = {},
): AsyncGenerator<ListedObject, void, undefined> {
  const options = { ...(signal && { signal }), ...(startAt !== undefined && { startAt }) }
  for await (const facts of store.list(`${OBJECTS}/`, options)) {
    const sha256 = objectAt(facts.key)
    if (sha256 !== undefined) yield { ...facts, sha256 }
  }
}

/** A memospace that somebody named otherwise is its own name. */
function namesOf(memospace: string): Names {
  const { functionId, logicKey, pipelineId } = parseMemoUri(memospace) ?? {
    pipelineId: memospace.slice(RUNNER.length + 1),
    functionId: '',
    logicKey: '',
  }
  return { functionId, logicKey, pipelineId }
}

/** Whether a call is one of these. */
export function meant({ functionId, pipelineId }: Where): (one: ListedCall) => boolean {
  const [prefix, isNamed] = [callsOf(pipelineId), matching(functionId)]
  return (one) => one.key.startsWith(prefix) && isNamed(one.functionId)
}

function matching(pattern: string | undefined): (name: string) => boolean {
  if (pattern === undefined) return () => true
  if (!pattern.includes('*')) return (name) => name === pattern
  const parts = pattern.split(/\*+/).map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  const whole = new RegExp(`^${parts.join('.*')}$`, 's')
  return (name) => whole.test(name)
}

/** How many blobs are listed: what a bar counts up to. */
export async function countOf(things: AsyncIterable<unknown>): Promise<number> {
  let count = 0
  for await (const _ of things) count += 1
  return count
}

// headers ----------------------------------------------------------------------------------------------------------

/** Bytes that are enough for the header of nearly every result. */
const FIRST = 4096

export type Head =
  | { readonly is: 'result'; readonly header: Header; readonly blob: Buffer; readonly facts: BlobFacts }
  | { readonly is: 'gone' }
  /** Not made by permafrost. */
  | { readonly is: 'foreign' }
  /** Made by it, and not to be understood. */
  | { readonly is: 'damaged' }

/** The first bytes of a result, as far as its header goes, whoever sealed it. */
export async function headOf(
  store: BlobStore,
  { key, size }: Pick<BlobFacts, 'key' | 'size'>,
  signal?: AbortSignal,
): Promise<Head> {
  // of a blob without bytes there is no range
  if (size === 0) return { is: 'foreign' }
  const first = await firstBytes(store, key, FIRST, signal)
  if (typeof first === 'string') return { is: first }
  let { blob, facts } = first
  if (!isOurs(blob)) return { is: 'foreign' }
  const length = headLength(blob)
  if (length === undefined || length > LONGEST_HEAD || length > facts.size) return { is: 'damaged' }
  if (length > blob.length) {
    const more = await firstBytes(store, key, length, signal)
    if (typeof more === 'string') return { is: more }
    ;({ blob, facts } = more)
  }
  const header = claimedIn(blob)
  return header === undefined ? { is: 'damaged' } : { is: 'result', header, blob, facts }
}

/** So begin all results of permafrost, of later versions, too. */
const BEGINNING = Buffer.from('permafrost-res')

/** Whether a blob may have been made by permafrost. */
export const isOurs = (blob: Buffer): boolean => blob.subarray(0, BEGINNING.length).equals(BEGINNING)

async function firstBytes(
  store: BlobStore,
  key: string,
  most: number,
  signal: AbortSignal | undefined,
): Promise<{ blob: Buffer; facts: BlobFacts } | 'gone' | 'damaged'> {
  try {
    const found = await store.get(key, { range: { start: 0, end: most }, ...(signal && { signal }) })
    if (found === undefined) return 'gone'
    return { blob: Buffer.from((await found.bytes()).buffer), facts: found }
  } catch (error) {
    if (error instanceof BlobError && error.code === 'ERR_BLOB_DAMAGED') return 'damaged'
    throw error
  }
}

export interface Described extends ListedCall {
  /** Undefined for what is no result, or a damaged one. */
  readonly header: Header | undefined
}

/** Results with what their headers say. */
export async function* describe(
  store: BlobStore,
  options: ListOptions,
): AsyncGenerator<Described, void, undefined> {
  yield* each(listResults(store, options), async (one) => {
    const head = await headOf(store, one, options.signal)
    return { ...one, header: head.is === 'result' ? head.header : undefined }
  })
}

// sums -------------------------------------------------------------------------------------------------------------

export interface FunctionSum extends Pick<ListedCall, 'pipelineId' | 'functionId'> {
  readonly results: number
  readonly bytes: number
  /** Versions of its code that have results. */
  readonly versions: number
  readonly leases: number
}

export interface StoreSum {
  readonly functions: readonly FunctionSum[]
  readonly results: number
  readonly bytes: number
  readonly leases: number
  /** Large memory of all results, those that are not meant included. */
  readonly objects: number
  readonly objectBytes: number
}

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] }

/** By listing alone. Stopped, it tells of what it has seen. */
export async function sumUp(
  store: BlobStore,
  { onProgress, signal, ...where }: Where & Watch = {},
): Promise<StoreSum> {
  const functions = new Map<string, Mutable<FunctionSum>>()
  const sum = { results: 0, bytes: 0, leases: 0, objects: 0, objectBytes: 0 }
  let seen = 0
  let last: string | undefined
  const tell = (): void => {
    seen += 1
    if (seen % 100 === 0) onProgress?.(seen, seen)
  }
  for await (const one of listCalls(store, { ...where, signal })) {
    const name = `${one.pipelineId}\n${one.functionId}`
    const known = functions.get(name) ?? {
      pipelineId: one.pipelineId,
      functionId: one.functionId,
      results: 0,
      bytes: 0,
      versions: 0,
      leases: 0,
    }
    functions.set(name, known)
    if (one.kind === 'result') {
      if (last !== one.memospace) known.versions += 1
      last = one.memospace
      known.results += 1
      known.bytes += one.size
      sum.results += 1
      sum.bytes += one.size
    } else if (one.kind === 'lease') {
      known.leases += 1
      sum.leases += 1
    }
    tell()
  }
  for await (const { size } of listObjects(store, { signal })) {
    sum.objects += 1
    sum.objectBytes += size
    tell()
  }
  return { functions: [...functions.values()], ...sum }
}
