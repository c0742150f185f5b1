/** What a store of small results could be at least: one table of SQLite, by hand. */
import { join } from 'node:path'
import Database from 'better-sqlite3'

export function bareTable(directory) {
  const db = new Database(join(directory, 'bare.sqlite'))
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = NORMAL')
  db.exec('CREATE TABLE entry (id INTEGER PRIMARY KEY, key BLOB UNIQUE, value BLOB)')
  const get = db.prepare('SELECT value FROM entry WHERE key = ?').pluck()
  const put = db.prepare('INSERT INTO entry (key, value) VALUES (?, ?)')
  return { db, get, put }
}
