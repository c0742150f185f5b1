/**
 * Whether results in a blob store are what was put there: each one's seal, its payload, its large memory. Holds no result in
 * memory. What is damaged is a miss to all who ask for it; repairing removes it.
 */
import { createHash } from 'node:crypto'
import type { BlobFacts, BlobStore } from '../blob/blob-store.ts'
import { BlobError } from '../errors.ts'
import { Recent } from '../recent.ts'
import type { Problem, Watch } from '../types.ts'
import { each, unlessStopped } from './flow.ts'
import { headLength, isPiece, isSealed, type Piece, type SigningKey } from './parcel.ts'
import { objectKey } from './place.ts'
import { countOf, type Head, headOf, type ListedCall, listResults, type Where } from './survey.ts'
import { removeVersion } from './upkeep.ts'

export interface VerifyOptions extends Watch, Where {
  /** Remove what is damaged: results, and objects with other bytes than their names say. */
  readonly repair?: boolean
  readonly signingKey?: SigningKey
}

export interface SharedVerifyReport {
  readonly results: number
  readonly objects: number
  readonly problems: readonly Problem[]
}

/** Objects of which it is remembered how they are, since results share them. */
const MOST_KNOWN = 100_000

/** How an object is; if it is damaged, which version of it. */
type Health = { readonly is: 'sound' | 'missing' } | { readonly is: 'damaged'; readonly version: Version }
type Version = Pick<BlobFacts, 'etag' | 'key'>

interface Finding extends Omit<Problem, 'repaired'> {
  /** Nobody can use it. */
  readonly isDamage: boolean
  readonly object?: Version
}

/** Reads all results that are meant, and their objects. Stopped, it tells what it has found. Throws a `BlobError`. */
export async function verifyResults(
  store: BlobStore,
  { onProgress, repair = false, signal, signingKey, ...where }: VerifyOptions = {},
): Promise<SharedVerifyReport> {
  const report = { results: 0, objects: 0, problems: [] as Problem[] }
  const known = new Recent<string, Promise<Health>>(MOST_KNOWN, () => 1)
  const healthOf = (piece: Piece): Promise<Health> => {
    const before = known.get(piece.sha256)
    if (before !== undefined) return before
    const found = objectHealth(store, piece, signal)
    found.then(
      (health) => {
        if (health.is !== 'missing') report.objects += 1
      },
      () => undefined,
    )
    known.set(piece.sha256, found)
    return found
  }
  const look = async (one: ListedCall): Promise<Problem | undefined> => {
    const found = await findingOf(store, one, signingKey, healthOf, signal)
    if (found === undefined) return undefined
    const { code, isDamage, message, object } = found
    if (!repair || !isDamage) return { code, message, repaired: false }
    const repaired = await removeVersion(store, one)
    // after the result that names it
    if (object !== undefined) await removeVersion(store, object)
    return { code, message, repaired }
  }
  await unlessStopped(signal, async () => {
    const total = onProgress === undefined ? 0 : await countOf(listResults(store, { ...where, signal }))
    for await (const problem of each(listResults(store, { ...where, signal }), look)) {
      report.results += 1
      if (problem !== undefined) report.problems.push(problem)
      onProgress?.(report.results, Math.max(report.results, total))
    }
  })
  return report
}

async function findingOf(
  store: BlobStore,
  one: ListedCall,
  key: SigningKey,
  healthOf: (piece: Piece) => Promise<Health>,
  signal: AbortSignal | undefined,
): Promise<Finding | undefined> {
  const { memo } = one
  const damaged = (code: string, what: string, object?: Version): Finding => ({
    code,
    message: `${memo}: ${what}`,
    isDamage: true,
    ...(object && { object }),
  })
  const head = await headOf(store, one, signal)
  if (head.is === 'gone') return undefined
  if (head.is === 'foreign')
    return { code: 'foreign', message: `${memo}: permafrost did not write what is there`, isDamage: false }
  if (head.is === 'damaged') return damaged('damaged', 'its header cannot be read')
  const { blob, header } = head
  if (!isSealed(blob, key)) {
    if (key === undefined) return { code: 'seal', message: `${memo}: ${SEAL}`, isDamage: false }
    if (isSealed(blob, undefined))
      return { code: 'unsigned', message: `${memo}: it is not signed`, isDamage: false }
    return damaged('seal', 'its seal does not match')
  }
  if (header.memo !== memo) return damaged('misplaced', `it is the result of ${header.memo}`)
  if (!(await hasPayload(store, head, signal)))
    return damaged('damaged', 'its payload has other bytes than were written')
  for (const leaf of header.leaves) {
    const health = await healthOf(leaf)
    if (health.is === 'missing') return damaged('object-missing', `its object ${leaf.sha256} is missing`)
    if (health.is === 'damaged')
      return damaged(
        'object-damaged',
        `its object ${leaf.sha256} has other bytes than were written`,
        health.version,
      )
  }
  return undefined
}

const SEAL = 'its seal does not match; it is damaged, or signed with a key that was not given'

/** Whether the payload is the one that the header tells of; also if somebody has put another result there since. */
async function hasPayload(
  store: BlobStore,
  { blob, facts, header }: Extract<Head, { is: 'result' }>,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const start = headLength(blob)!
  const { payload } = header
  if (facts.size !== start + payload.size) return false
  if (blob.length === facts.size) return isPiece(blob.subarray(start), payload)
  try {
    const found = await store.get(facts.key, { range: { start }, ...(signal && { signal }) })
    if (found === undefined) return true
    if (found.etag !== facts.etag || found.modified !== facts.modified) {
      await found.cancel()
      return true
    }
    return await isStreamOf(found.body, payload)
  } catch (error) {
    if (isDamage(error)) return false
    throw error
  }
}

async function objectHealth(
  store: BlobStore,
  piece: Piece,
  signal: AbortSignal | undefined,
): Promise<Health> {
  const key = objectKey(piece.sha256)
  try {
    const found = await store.get(key, signal && { signal })
    if (found === undefined) return { is: 'missing' }
    if (await isStreamOf(found.body, piece)) return { is: 'sound' }
    return { is: 'damaged', version: found }
  } catch (error) {
    if (isDamage(error)) return { is: 'damaged', version: { key, etag: undefined } }
    throw error
  }
}

const isDamage = (error: unknown): boolean => error instanceof BlobError && error.code === 'ERR_BLOB_DAMAGED'

async function isStreamOf(body: ReadableStream<Uint8Array>, piece: Piece): Promise<boolean> {
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of body) {
    hash.update(chunk)
    size += chunk.length
  }
  return size === piece.size && hash.digest('hex') === piece.sha256
}
