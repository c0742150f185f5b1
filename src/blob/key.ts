/**
 * What a key may be: alike in every store, and narrow enough that none has to escape, fold or reorder anything
 * unasked. The order of keys is that of their bytes.
 */
import { BlobError } from '../errors.ts'

const LONGEST = 512
const LONGEST_SEGMENT = 100
const SEGMENT = /^[A-Za-z0-9._=@-]+$/

/**
 * Segments parted by `/`, of ASCII letters, digits and `. _ = @ -`; none is empty, ends with a dot or is longer than
 * 100 characters; 512 in all. Letters of either case are different letters everywhere.
 * @throws BlobError `ERR_BLOB_KEY`
 */
export function checkKey(key: string): void {
  const wrong = wrongIn(key)
  if (wrong !== undefined) throw new BlobError('ERR_BLOB_KEY', `${shown(key)} cannot be a key: ${wrong}`)
}

/** What a prefix may be: the beginning of a key, or nothing. */
export function checkPrefix(prefix: string): void {
  if (prefix === '') return
  const wrong = wrongIn(`${prefix}0`)
  if (wrong !== undefined)
    throw new BlobError('ERR_BLOB_KEY', `${shown(prefix)} cannot be the beginning of a key: ${wrong}`)
}

function wrongIn(key: unknown): string | undefined {
  if (typeof key !== 'string') return 'it is no string'
  if (key.length > LONGEST) return `it is longer than ${LONGEST} characters`
  for (const segment of key.split('/')) {
    if (segment === '') return 'a segment is empty'
    if (!SEGMENT.test(segment)) return 'it may hold ASCII letters, digits and . _ = @ - only'
    if (segment.endsWith('.')) return 'a segment ends with a dot'
    if (segment.length > LONGEST_SEGMENT) return `a segment is longer than ${LONGEST_SEGMENT} characters`
  }
  return undefined
}

function shown(key: unknown): string {
  const text = typeof key === 'string' ? JSON.stringify(key) : typeof key
  return text.length > 60 ? `${text.slice(0, 59)}…` : text
}
