/**
 * Who is writing, and what it has in flight. Each open store that writes files owns one slot file `tmp/<id>.slot`
 * holding the name of the object it wrote last; if its process dies between renaming the object and naming it in the
 * index, whoever opens the directory next finds that one object by the slot, without listing the tree.
 * Promises never to call a living writer dead; a dead one whose pid was given away is found by age instead.
 */
import { join } from 'node:path'
import { threadId } from 'node:worker_threads'
import type { Digest } from '../types.ts'
import { type FileSystem, namesIn, removeFile } from './files.ts'
import { hex, identity, isGone } from './process.ts'

/** A name nobody else has: host, boot, process, and a random number for this store. */
export function newWriterId(): string {
  const { host, boot } = identity()
  const random = hex(`${Math.random()} ${process.hrtime.bigint()} ${process.pid} ${threadId}`)
  return `${host}-${boot}-${process.pid}-${random}`
}

const WRITER = /^([0-9a-f]{8})-([0-9a-f]{8})-(\d{1,10})-[0-9a-f]{8}$/

/** Whether a name in tmp/ is one that a writer of ours makes. */
export const isWriterFile = (name: string): boolean => WRITER.test(name.split('.')[0] ?? '')

/** Whether the writer of this id has certainly ended. */
export function isDead(id: string): boolean {
  const match = WRITER.exec(id)
  if (match === null) return false
  const { host, boot } = identity()
  if (match[1] !== host) return false
  return match[2] !== boot || isGone(Number(match[3]))
}

/** The slot of one writer. Opened at its first object. */
export class Slot {
  readonly id: string = newWriterId()
  readonly #fs: FileSystem
  readonly #path: string
  #fd: number | undefined

  constructor(fs: FileSystem, directory: string) {
    this.#fs = fs
    this.#path = join(directory, `${this.id}.slot`)
  }

  /** Says which object is about to appear. An overwrite in place: about 6 µs. */
  announce(file: Digest): void {
    this.#fd ??= this.#fs.openSync(this.#path, 'w')
    this.#fs.writeSync(this.#fd, Buffer.from(file, 'latin1'), 0, file.length, 0)
  }

  close(): void {
    if (this.#fd === undefined) return
    const fd = this.#fd
    this.#fd = undefined
    this.#fs.closeSync(fd)
    removeFile(this.#fs, this.#path)
  }
}

/** What is in `tmp/`: half-written objects and slots, by writer. */
export interface Leftover {
  readonly name: string
  readonly writer: string
  readonly dead: boolean
  /** The object this slot names; undefined for a half-written object. */
  readonly announces: Digest | undefined
}

export function leftovers(fs: FileSystem, directory: string): Leftover[] {
  const found: Leftover[] = []
  for (const name of namesIn(fs, directory)) {
    const [writer = '', kind = ''] = name.split('.')
    if (!WRITER.test(writer)) continue
    let announces: Digest | undefined
    if (kind === 'slot') {
      const text = textOf(fs, join(directory, name))
      if (/^[0-9a-f]{32}$/.test(text)) announces = text as Digest
    }
    found.push({ name, writer, dead: isDead(writer), announces })
  }
  return found
}

/** A slot may vanish between two looks. */
function textOf(fs: FileSystem, path: string): string {
  try {
    return fs.readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
