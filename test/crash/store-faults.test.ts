/** Fails the n-th call of the file system, for n = 1, 2, 3 … until a run completes without reaching it. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { roomFor } from '../store/harness.js'
import { failingFiles, isSoak } from './faults.js'
import { afterwards, life } from './life.js'

async function loopFiles(t: TestContext, codes: readonly string[]): Promise<void> {
  for (let n = 1; ; n++) {
    const code = codes[n % codes.length]!
    const room = roomFor(t)
    const { fs, reached } = failingFiles(n, code)
    const acknowledged = await life(room, fs)
    await afterwards(room, acknowledged, `file-system call ${n} fails with ${code}`)
    rmSync(room.directory, { recursive: true })
    if (reached()) continue
    assert.ok(n > 80, 'the run made enough calls to mean something')
    return
  }
}

const PAIRS = [
  ['EIO', 'EACCES'],
  ['ENOSPC', 'EMFILE'],
  ['EACCES', 'ENOSPC'],
  ['EMFILE', 'EIO'],
]

for (const codes of isSoak ? PAIRS : PAIRS.slice(0, 2)) {
  test(`whichever file-system call fails with ${codes.join(' or ')}, nothing wrong is returned and nothing acknowledged is lost`, async (t) =>
    loopFiles(t, codes))
}
