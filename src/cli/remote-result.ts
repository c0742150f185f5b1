/** One result in a blob store, looked at closely: `show` of a memo URI, or of its three words. */
import type { Command } from 'commander'
import type { BlobStore } from '../blob/blob-store.ts'
import { previewOfParts } from '../preview.ts'
import { type Header, headLength, isPiece, isSealed, type Piece } from '../shared/parcel.ts'
import { objectKey, parseMemoUri, RUNNER } from '../shared/place.ts'
import { type Described, headOf, type ListedCall, listResults } from '../shared/survey.ts'
import type { Preview } from '../types.ts'
import { answer, EXIT, Failure, Misuse } from './common.ts'
import { isWords, wordsOf } from './digest-words.ts'
import { moment, resultFacts, shownOf } from './result.ts'
import { signingKeyOf, storeUriOf, uriOf, withBlobStore } from './stores.ts'
import { counted, facts, plain, size, styled, time } from './words.ts'

/** A result there as JSON tells of it. */
export interface RemoteEntry {
  readonly memo: string
  readonly words: string
  readonly pipeline: string
  readonly function: string
  /** `v=` and a version, or a digest. */
  readonly code: string
  readonly size: number
  readonly modified?: number
  readonly header?: Omit<Header, 'memo'>
}

export function remoteEntry(store: BlobStore, one: ListedCall & Partial<Described>): RemoteEntry {
  const { functionId, header, logicKey, memo, modified, pipelineId, size: bytes } = one
  const { memo: _, ...told } = header ?? ({} as Partial<Header>)
  return {
    memo: uriOf(store, memo),
    words: wordsOf(memo),
    pipeline: pipelineId,
    function: functionId,
    code: logicKey,
    size: bytes,
    ...(modified !== undefined && { modified }),
    ...(header !== undefined && { header: told as Omit<Header, 'memo'> }),
  }
}

/** What a header says may be anything. */
const told = (fact: unknown): string | undefined =>
  fact === undefined ? undefined : plain(typeof fact === 'string' ? fact : JSON.stringify(fact))

/** Who computed it: `ada@tower 4711`. */
export const aboutOf = ({ about: { by, host, pid } }: Pick<Header, 'about'>): string =>
  `${told(by) ?? 'somebody'}@${told(host) ?? 'somewhere'} ${told(pid) ?? ''}`.trimEnd()

const BEGIN = new RegExp(`(^|/)${RUNNER}/`)

/** Whether it names a result in a blob store. */
export const isRemote = (text: string): boolean => BEGIN.test(text) || isWords(text)

/** Bytes that are read for a preview. */
const MOST = 64 << 20

export async function showRemote(text: string, full: boolean, of: Command): Promise<void> {
  const named = isWords(text) ? undefined : parseMemoUri(text)
  if (!isWords(text) && named?.given === undefined)
    throw new Misuse(
      `"${text}" is not the URI of a memo; permafrost remote ls --json tells those of all results`,
    )
  await withBlobStore(named?.root || storeUriOf(of), async (store) => {
    const memo = named === undefined ? await memoOf(store, text) : keyOf(text)
    const key = `${memo}/result`
    const there = await store.head(key)
    if (there === undefined)
      throw new Failure(`nothing is kept at ${uriOf(store, memo)}; permafrost remote ls lists what is`)
    const head = await headOf(store, there)
    if (head.is !== 'result')
      throw new Failure(
        `what is at ${uriOf(store, memo)} is no result that can be read; permafrost remote verify tells more`,
      )
    const { blob, header } = head
    const preview = await previewOf(store, key, blob, header, full)
    const { functionId = '', logicKey = '', pipelineId = '' } = parseMemoUri(memo) ?? {}
    const one = { ...there, kind: 'result', memo, memospace: '', functionId, logicKey, pipelineId } as const
    const entry = remoteEntry(store, { ...one, header })
    const { value, written } = shownOf(preview, full)
    answer(of, { entry, result: value }, () =>
      [
        styled('bold', `${told(header.about.name) ?? plain(functionId)}(…)`),
        facts([...factsOf(entry, header, sealOf(blob, header, memo)), ...resultFacts(preview)]),
        '',
        written ?? '',
      ]
        .join('\n')
        .trimEnd(),
    )
    if (preview.kind === 'unreadable') process.exitCode = EXIT.wrong
  })
}

/** From a URI to a key; whatever of a memo it names, the memo is meant. */
const keyOf = (uri: string): string =>
  uri
    .slice(uri.search(BEGIN))
    .replace(/^\//, '')
    .replace(/(\/[\w-]{43})\/.*$/, '$1')
    .replace(/\/$/, '')

/** The one result that is called so, among all of the store. */
async function memoOf(store: BlobStore, words: string): Promise<string> {
  const found: string[] = []
  for await (const { memo } of listResults(store)) if (wordsOf(memo) === words) found.push(memo)
  if (found.length === 1) return found[0]!
  if (found.length === 0)
    throw new Failure(`no result in ${store.uri} is called ${words}; permafrost remote ls lists them`)
  throw new Misuse(
    `several results are called ${words}: ${found.slice(0, 4).join(', ')}; give the URI of one`,
  )
}

async function previewOf(
  store: BlobStore,
  key: string,
  head: Buffer,
  { codec, leaves, payload }: Header,
  full: boolean,
): Promise<Preview> {
  const bytes = leaves.reduce((sum, leaf) => sum + leaf.size, payload.size)
  if (bytes > MOST && !full) return unreadable(`it takes ${size(bytes)}; --full reads it all the same`)
  const found = await store.get(key)
  const whole = found && Buffer.from((await found.bytes()).buffer)
  const parts = { bytes: whole?.subarray(headLength(head)) ?? Buffer.alloc(0), leaves: [] as Uint8Array[] }
  if (!isPiece(parts.bytes, payload)) return unreadable('its payload has other bytes than were written')
  for (const leaf of leaves) {
    const object = await objectOf(store, leaf)
    if (object === undefined) return unreadable(`its object ${leaf.sha256} is missing or damaged`)
    parts.leaves.push(object)
  }
  return previewOfParts(codec, parts)
}

async function objectOf(store: BlobStore, leaf: Piece): Promise<Uint8Array | undefined> {
  const found = await store.get(objectKey(leaf.sha256))
  const bytes = await found?.bytes()
  return bytes !== undefined && isPiece(bytes, leaf) ? bytes : undefined
}

const unreadable = (why: string): Preview => ({ kind: 'unreadable', why, reads: [], outputs: [] })

function sealOf(blob: Buffer, header: Header, memo: string): string {
  if (header.memo !== memo) return `of another call, ${plain(header.memo)}`
  const key = signingKeyOf()
  if (key !== undefined && isSealed(blob, key)) return 'signed with PERMAFROST_SIGNING_KEY'
  if (isSealed(blob, undefined)) return 'whole, and not signed'
  return 'does not match: damaged, or signed with another key than PERMAFROST_SIGNING_KEY'
}

function factsOf(entry: RemoteEntry, header: Header, seal: string): [string, string | undefined][] {
  const { about, async, codec, computeTime, createdAt, expiresAt, leaves, sentAt } = header
  const large = leaves.reduce((sum, leaf) => sum + leaf.size, 0)
  const packages = Object.entries(about.packages ?? {}).map(([name, version]) => `${name} ${told(version)}`)
  const isOver = expiresAt !== null && expiresAt <= Date.now()
  return [
    ['memo', plain(entry.memo)],
    ['words', entry.words],
    ['pipeline', plain(entry.pipeline)],
    ['code', told(about.code)],
    ['size', size(entry.size)],
    ['leaves', leaves.length === 0 ? undefined : `${counted(leaves.length, 'object')} of ${size(large)}`],
    ['took', time(computeTime)],
    ['computed', momentOf(createdAt)],
    ['sent', momentOf(sentAt)],
    ['expires', expiresAt === null ? 'never' : `${momentOf(expiresAt)}${isOver ? ', which is over' : ''}`],
    ['by', aboutOf(header)],
    ['run', told(about.run)],
    ['attempt', told(about.attempt)],
    ['commit', told(about.commit)],
    ['node', told(about.node)],
    ['permafrost', told(about.permafrost)],
    ['packages', packages.length === 0 ? undefined : plain(packages.join(', '))],
    ['seal', seal],
    ['codec', `${plain(codec)}${async ? ', of a promise' : ''}`],
  ]
}

/** Anybody may have written it. */
const momentOf = (at: number): string => (Math.abs(at) <= 8.64e15 ? moment(at) : 'nobody knows')
