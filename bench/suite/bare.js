/**
 * What each case is compared with: the least that could be done by hand, without asking what the call is or whether the
 * bytes are right. Each takes a directory and gives a call to time.
 */
import { mkdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { decode, encode } from 'cbor-x'

const { XXHash128 } = createRequire(import.meta.url)('xxhash-addon')

/** The bytes of memory, uncopied. */
const bytesOf = (memory) => new Uint8Array(memory.buffer, memory.byteOffset, memory.byteLength)

function table(directory) {
  mkdirSync(directory, { recursive: true })
  const db = new Database(join(directory, 'bare.sqlite'))
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = NORMAL')
  db.exec('CREATE TABLE entry (id INTEGER PRIMARY KEY, key BLOB UNIQUE, value BLOB)')
  const put = db.prepare('INSERT INTO entry (key, value) VALUES (?, ?)')
  const get = db.prepare('SELECT value FROM entry WHERE key = ?').pluck()
  return { put, get, keyOf: (n) => XXHash128.hash(Buffer.from(`${n}`)) }
}

/** One of a thousand rows, by a key that is known. */
export const get = (value) => (directory) => {
  const { get, keyOf, put } = table(directory)
  for (let n = 0; n < 1000; n++) put.run(keyOf(n), encode(value))
  const key = keyOf(500)
  return () => decode(get.get(key))
}

export const insert = (value) => (directory) => {
  const { keyOf, put } = table(directory)
  let next = 0
  return () => put.run(keyOf(next++), encode(value))
}

export const stringify = (value) => () => () => JSON.stringify(value)

export const hash = (memory) => () => () => XXHash128.hash(bytesOf(memory))

export const readAndHash = (memory) => (directory) => {
  mkdirSync(directory, { recursive: true })
  const path = join(directory, 'bare.bin')
  writeFileSync(path, bytesOf(memory))
  return () => XXHash128.hash(readFileSync(path))
}

/** Each to a file of its own; of the ones before, the last ten stay. */
export const hashAndWrite = (memory) => (directory) => {
  mkdirSync(directory, { recursive: true })
  let next = 0
  return () => {
    const path = join(directory, `bare-${next++}`)
    XXHash128.hash(bytesOf(memory))
    writeFileSync(`${path}.tmp`, bytesOf(memory))
    renameSync(`${path}.tmp`, path)
    if (next > 10) unlinkSync(join(directory, `bare-${next - 10}`))
  }
}
