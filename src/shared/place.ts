/**
 * Where in a blob store the results of a call are: its memospace. Names to keys of blobs and back; knows nothing of what
 * is kept there.
 *
 *   <storage root>/permafrost-1/<pipeline id>/<function id>@<logic key>/<what is given>/result
 *                                                                                       /attempts/<attempt id>
 *
 * The logic key is `v=` and the version that the user gave, or else the digest of the code (SHA-256, base64url).
 */
import { createHash } from 'node:crypto'
import type { Digest } from '../types.ts'

/** Begins all keys of calls. The number is that of the layout. */
export const RUNNER = 'permafrost-1'
/** Begins the keys of large memory, by its digest. */
export const OBJECTS = 'permafrost-objects'

/** A call in a blob store. */
export interface Place {
  /** Of the function: the key of a folder, so to speak. */
  readonly memospace: string
  /** Of the call. */
  readonly memo: string
}

export interface PlaceNames {
  /** May have parts, with `/` in between. */
  readonly pipelineId: string
  readonly functionId: string
  readonly version: string | number | undefined
  /** SHA-256 in hex, of the code and of what is given. */
  readonly code: Digest
  readonly given: Digest
  /** In the place of pipeline, function and code: a memospace as `memospaceOf` gives it. */
  readonly memospace?: string | undefined
}

export function placeOf(names: PlaceNames): Place {
  const memospace = names.memospace ?? memospaceOf(names)
  return { memospace, memo: `${memospace}/${short(names.given)}` }
}

function memospaceOf({ code, functionId, pipelineId, version }: PlaceNames): string {
  const logic = version === undefined ? short(code) : `v=${written(String(version), 40)}`
  return [RUNNER, ...pipelineParts(pipelineId), `${written(functionId, 50)}@${logic}`].join('/')
}

const pipelineParts = (id: string): readonly string[] => id.split('/').map((part) => written(part, 90))

/** 32 bytes in hex as 43 characters. */
const short = (digest: string): string => Buffer.from(digest, 'hex').toString('base64url')

/**
 * A name as a part of a key: letters, digits, `_`, `-` and dots inside stay; all other bytes are `=` and two hex digits. Different names
 * are written differently; long ones are cut and end with a digest.
 */
function written(name: string, most: number): string {
  const plain = Array.from(Buffer.from(name), (byte) => {
    const letter = String.fromCharCode(byte)
    return /[\w-]/.test(letter) ? letter : letter === '.' ? '.' : `=${byte.toString(16).padStart(2, '0')}`
  }).join('')
  const safe = plain === '' ? '=' : plain.replace(/\.$/, '=2e')
  if (safe.length <= most) return safe
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 16)
  return `${safe.slice(0, most - 18).replace(/=[0-9a-f]?$/, '')}==${digest}`
}

/** A part of a key as a name. */
export const unwritten = (part: string): string =>
  part
    .replace(/==[0-9a-f]{16}$/, '=e2=80=a6')
    .replace(/(?:=[0-9a-f]{2})+/g, (bytes) => Buffer.from(bytes.replaceAll('=', ''), 'hex').toString())

export const resultOf = ({ memo }: Place): string => `${memo}/result`
/** Of a computation that failed; stays when a value takes the place of its result. */
export const attemptOf = ({ memo }: Place, attempt: string): string => `${memo}/attempts/${attempt}`
export const leaseOf = ({ memo }: Place): string => `${memo}/lease`
/** Of large memory, by its SHA-256 in hex. */
export const objectKey = (sha256: string): string => `${OBJECTS}/${sha256.slice(0, 2)}/${sha256}`

/** What is at a key below `permafrost-1/`. */
export interface Stored {
  readonly kind: 'result' | 'lease' | 'attempt'
  readonly memospace: string
  readonly memo: string
}

/** Undefined for a key that none of ours is: whatever is there is left alone. */
export function storedAt(key: string): Stored | undefined {
  const match = /^(permafrost-1\/.+)\/([\w-]{43})\/(result|lease|attempts\/.+)$/.exec(key)
  if (match === null) return undefined
  const [, memospace = '', given = '', name = ''] = match
  const kind = name === 'result' || name === 'lease' ? name : 'attempt'
  return { kind, memospace, memo: `${memospace}/${given}` }
}

/** The SHA-256 in the key of large memory; undefined for other keys. */
export function objectAt(key: string): string | undefined {
  const sha256 = key.slice(-64)
  return /^[0-9a-f]{64}$/.test(sha256) && key === objectKey(sha256) ? sha256 : undefined
}

/** Begins the keys of all calls of a pipeline, and of those below it; of all pipelines, if none is meant. */
export const callsOf = (pipelineId: string | undefined): string =>
  `${[RUNNER, ...(pipelineId === undefined ? [] : pipelineParts(pipelineId))].join('/')}/`

/** A memo URI taken apart. */
export interface Memo {
  readonly root: string
  readonly pipelineId: string
  readonly functionId: string
  /** `v=` and a version, or a digest. */
  readonly logicKey: string
  /** Undefined for the URI of a memospace. */
  readonly given: string | undefined
}

/** Undefined for what is no URI of a memo or a memospace. */
export function parseMemoUri(uri: string): Memo | undefined {
  const match = /^(.*?)\/?permafrost-1\/(.+)\/([^/@]+)@([^/@]+)(?:\/([\w-]{43})(?:\/[\w/-]+)?)?\/?$/.exec(uri)
  if (match === null) return undefined
  const [, root = '', pipeline = '', name = '', logicKey = '', given] = match
  return {
    root,
    pipelineId: pipeline.split('/').map(unwritten).join('/'),
    functionId: unwritten(name),
    logicKey: logicKey.startsWith('v=') ? `v=${unwritten(logicKey.slice(2))}` : logicKey,
    given,
  }
}
