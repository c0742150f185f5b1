/** Fails the n-th call of SQLite, for n = 1, 2, 3 … until a run completes without reaching it. */
import assert from 'node:assert/strict'
import { existsSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type Sqlite from 'better-sqlite3'
import { StoreError } from '#src/errors.js'
import { roomFor } from '../store/harness.js'
import { isSoak, withFailingSqlite } from './faults.js'
import { afterwards, life } from './life.js'

const CODES = ['IOERR', 'FULL', 'BUSY', 'CORRUPT', 'READONLY', 'CANTOPEN'].map((name) => `SQLITE_${name}`)

async function loop(t: TestContext, code: string): Promise<void> {
  for (let n = 1; ; n++) {
    if (!isSoak && (n + CODES.indexOf(code)) % 3 !== 0) continue
    const room = roomFor(t)
    let acknowledged: ReadonlyMap<number, Buffer> = new Map()
    const reached = await withFailingSqlite(n, code, async () => {
      acknowledged = await life(room)
    })
    await afterwards(room, acknowledged, `SQLite's call ${n} fails with ${code}`)
    rmSync(room.directory, { recursive: true })
    if (reached) continue
    assert.ok(n > 150, 'the run made enough calls to mean something')
    return
  }
}

for (const code of CODES) {
  test(`whichever of SQLite's calls fails with ${code}, nothing wrong is returned and nothing acknowledged is lost`, async (t) =>
    loop(t, code))
}

test('whichever of its calls fails, a fresh index has all of its tables or none', async (t) => {
  const Database = createRequire(import.meta.url)('better-sqlite3') as typeof Sqlite
  const tablesOf = (directory: string): unknown[] => {
    const path = join(directory, 'index.sqlite')
    if (!existsSync(path)) return []
    const index = new Database(path)
    const names = index.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all()
    index.close()
    return names
  }
  const whole = roomFor(t)
  whole.open().close()
  const all = tablesOf(whole.directory)
  for (let n = 1; ; n++) {
    const room = roomFor(t)
    const reached = await withFailingSqlite(n, 'SQLITE_FULL', async () => {
      try {
        room.open()
      } catch (error) {
        assert.ok(error instanceof StoreError)
      }
    })
    const tables = tablesOf(room.directory)
    if (tables.length > 0) assert.deepEqual(tables, all, `call ${n} fails`)
    if (reached) continue
    assert.ok(n > 10)
    return
  }
})
