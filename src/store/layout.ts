/**
 * What is where in a store's directory, and whether a directory is one. Promises to touch nothing in a directory
 * that is not ours, and to make concurrent openers agree. Knows nothing of rows and objects.
 */
import { basename, dirname, isAbsolute, join } from 'node:path'
import { crc32 } from 'node:zlib'
import { StoreError } from '../errors.ts'
import { isRefusal } from './failure.ts'
import { errnoOf, type FileSystem, namesIn } from './files.ts'
import { FORMAT } from './schema.ts'
import { isWriterFile, newWriterId } from './writer.ts'

const MARKER = 'permafrost.json'
const INDEX = 'index.sqlite'
const TAG = 'CACHEDIR.TAG'
const TAG_TEXT = `Signature: 8a477f597d28d172789f06886806bc55
# This directory is a cache made by permafrost. Backups may skip it; see https://bford.info/cachedir/
`
// The check tells a newer format from a damaged digit.
const checkOf = (format: number): number => crc32(`permafrost ${format}`)
const MARKER_TEXT = `${JSON.stringify({ format: FORMAT, digest: 'xxh128', check: checkOf(FORMAT) })}\n`

const FOLDERS = ['objects', 'leaves', 'tmp', 'runs']

export interface Layout {
  readonly directory: string
  readonly index: string
  readonly objects: string
  readonly leaves: string
  readonly tmp: string
  /** What processes did, a file each. */
  readonly runs: string
}

export function layoutOf(directory: string): Layout {
  return {
    directory,
    index: join(directory, INDEX),
    objects: join(directory, 'objects'),
    leaves: join(directory, 'leaves'),
    tmp: join(directory, 'tmp'),
    runs: join(directory, 'runs'),
  }
}

/** Whether a name in the directory is one we make. */
export function isOurs(name: string): boolean {
  return (
    name === MARKER ||
    name.startsWith(`${MARKER}.`) ||
    name === TAG ||
    FOLDERS.includes(name) ||
    name.startsWith(INDEX)
  )
}

/** What no store makes, dotfiles aside: those come from the user's tools. */
export function foreignNames(fs: FileSystem, directory: string): string[] {
  return namesIn(fs, directory).filter((name) => !isOurs(name) && !name.startsWith('.'))
}

/**
 * Makes the directory a store, or finds that it is one. Throws a `StoreError` if it is something else or of a newer
 * format. Returns false if it cannot be written to.
 */
export function prepareDirectory(fs: FileSystem, layout: Layout, readonly: boolean): boolean {
  const { directory } = layout
  if (!isAbsolute(directory)) throw new TypeError(`expected an absolute directory, found "${directory}"`)
  const stat = fs.statSync(directory, { throwIfNoEntry: false })
  if (stat !== undefined && !stat.isDirectory()) {
    throw new StoreError(
      'ERR_STORE_FOREIGN',
      `${directory} is a file; permafrost needs a directory of its own`,
    )
  }
  const marked = readMarker(fs, directory)
  if (marked === 'absent') refuseForeign(fs, layout)
  if (readonly) return false
  try {
    makeDirectory(fs, layout.tmp)
    fs.accessSync(directory, 2)
    if (marked !== 'ours') {
      // The marker comes first: whatever has one is a store, however little else there is.
      replaceFile(fs, join(directory, MARKER), MARKER_TEXT)
      replaceFile(fs, join(directory, '.gitignore'), '*\n')
      replaceFile(fs, join(directory, TAG), TAG_TEXT)
    }
    return true
  } catch (error) {
    // Somewhere to read from is worth having; somewhere to write to was asked for in vain.
    if (marked === 'ours' && isRefusal(errnoOf(error))) return false
    throw error
  }
}

/** One level at a time: Node's own recursive way never ends where the system refuses with ENOENT, as in /proc. */
function makeDirectory(fs: FileSystem, path: string): void {
  try {
    fs.mkdirSync(path)
  } catch (error) {
    const code = errnoOf(error)
    if (code === 'EEXIST') return
    const parent = dirname(path)
    if (code !== 'ENOENT' || parent === path) throw error
    if (fs.statSync(parent, { throwIfNoEntry: false }) === undefined) {
      makeDirectory(fs, parent)
      return makeDirectory(fs, path)
    }
    // another process has just made the parent, or the system refuses in a strange way
    try {
      fs.mkdirSync(path)
    } catch (second) {
      if (errnoOf(second) !== 'EEXIST') throw error
    }
  }
}

function readMarker(fs: FileSystem, directory: string): 'absent' | 'damaged' | 'ours' {
  let text: string
  try {
    text = fs.readFileSync(join(directory, MARKER), 'utf8')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 'absent'
    throw error
  }
  let marker: { readonly format?: unknown; readonly check?: unknown } | null
  try {
    marker = JSON.parse(text)
  } catch {
    return 'damaged'
  }
  const format = marker?.format
  if (typeof format !== 'number' || !Number.isSafeInteger(format) || format < 1) return 'damaged'
  if (marker?.check !== undefined && marker.check !== checkOf(format)) return 'damaged'
  if (format > FORMAT) throw newerFormat(directory, format)
  return 'ours'
}

export function newerFormat(directory: string, found: number): StoreError {
  return new StoreError(
    'ERR_STORE_FORMAT',
    `${directory} has format ${found}, written by a newer permafrost; this one knows format ${FORMAT}. ` +
      'Update permafrost, or choose another directory',
  )
}

function refuseForeign(fs: FileSystem, layout: Layout): void {
  const { directory } = layout
  const names = namesIn(fs, directory).filter((name) => !name.startsWith('.'))
  const foreign = names.find((name) => !isOurs(name))
  if (foreign !== undefined) throw notOurs(directory, foreign)
  // Our folders have common names; they are ours only beside something that is nobody else's.
  const known = names.some((name) => !FOLDERS.includes(name))
  const trees = [layout.objects, layout.leaves]
  if (known || trees.some((tree) => namesIn(fs, tree).includes('xxh128'))) return
  const [stranger] = [
    ...trees.flatMap((tree) => namesIn(fs, tree).map((name) => join(basename(tree), name))),
    // Another process may be making this directory a store right now.
    ...namesIn(fs, layout.tmp)
      .filter((name) => !isWriterFile(name))
      .map((name) => join('tmp', name)),
    // that of a run has nothing that makes it ours
    ...namesIn(fs, layout.runs).map((name) => join('runs', name)),
  ]
  if (stranger !== undefined) throw notOurs(directory, stranger)
}

function notOurs(directory: string, name: string): StoreError {
  return new StoreError(
    'ERR_STORE_FOREIGN',
    `${directory} is not a permafrost directory: it contains "${name}". Choose an empty or a new directory`,
  )
}

function replaceFile(fs: FileSystem, path: string, text: string): void {
  const partial = `${join(path, '..', 'tmp', newWriterId())}.text`
  try {
    fs.writeFileSync(partial, text, { flag: 'wx' })
    fs.renameSync(partial, path)
  } catch (error) {
    fs.rmSync(partial, { force: true })
    throw error
  }
}

/** Removes what we made, and the directory if nothing else is in it. */
export function removeStore(fs: FileSystem, layout: Layout): void {
  for (const name of namesIn(fs, layout.directory)) {
    if (isOurs(name) || name === '.gitignore') {
      fs.rmSync(join(layout.directory, name), { recursive: true, force: true })
    }
  }
  try {
    fs.rmdirSync(layout.directory)
  } catch (error) {
    const code = errnoOf(error)
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'ENOENT') throw error
  }
}
