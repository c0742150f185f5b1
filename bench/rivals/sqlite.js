/** What one writes in an hour: one table in WAL mode, values as CBOR. It asks neither for the code nor for other processes. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { decode, encode } from 'cbor-x'
import { typedKey } from './typed-key.js'

export function open(directory) {
  mkdirSync(directory, { recursive: true })
  const db = new Database(join(directory, 'cache.sqlite'), { timeout: 10_000 })
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = NORMAL')
  db.exec('CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY, key BLOB UNIQUE, value BLOB)')
  const get = db.prepare('SELECT value FROM entry WHERE key = ?').pluck()
  const put = db.prepare('INSERT OR REPLACE INTO entry (key, value) VALUES (?, ?)')
  const count = db.prepare('SELECT count(*) FROM entry').pluck()
  const evict = db.prepare('DELETE FROM entry WHERE id IN (SELECT id FROM entry ORDER BY id LIMIT ?)')
  return {
    memoize:
      (fn) =>
      (...args) => {
        const key = typedKey(fn, args)
        const bytes = get.get(key)
        if (bytes !== undefined) return decode(bytes)
        const value = fn(...args)
        put.run(key, encode(value))
        return value
      },
    close: () => void db.close(),
    entries: () => count.get(),
    evict(most) {
      const began = performance.now()
      const { changes } = evict.run(most)
      return { evicted: changes, time: performance.now() - began }
    },
  }
}
