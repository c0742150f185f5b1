/** Fails the n-th call of SQLite, for n = 1, 2, 3 … until a run completes without reaching it. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
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
