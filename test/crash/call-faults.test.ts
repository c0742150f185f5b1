/**
 * A memoized function in a directory where the n-th call of the file system or of SQLite fails: each call returns its
 * value, and nothing wrong is found afterwards.
 */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Memoized, MemoizedGroup, StoreError } from 'permafrost'
import { isSoak, withFailingFiles, withFailingSqlite } from './faults.js'

const small = (n: number): string => `small ${n}`
const large = (n: number): string => `${n} large `.repeat(12_000)
const typed = (n: number): Float64Array => new Float64Array(9000).fill(n % 2)
const later = async (n: number): Promise<number[]> => [n, n + 1]

/** A process's worth of calls; each must return what the function returns, whatever fails. */
async function calls(directory: string): Promise<void> {
  let group: MemoizedGroup
  const untold: unknown[] = []
  try {
    group = new MemoizedGroup({
      directory,
      maxSize: '450KB',
      onError: (error) => error instanceof Error || untold.push(error),
    })
  } catch (error) {
    assert.ok(error instanceof StoreError, `opening: ${error}`)
    return
  }
  const functions = {
    small: group.memoize(small, { name: 'small' }),
    large: group.memoize(large, { name: 'large' }),
    typed: group.memoize(typed, { name: 'typed' }),
    later: group.memoize(later, { name: 'later' }),
  }
  for (const n of [1, 2, 3, 1, 2, 3]) {
    assert.equal(functions.small(n), small(n))
    assert.equal(functions.large(n), large(n))
    assert.deepEqual(functions.typed(n), typed(n))
    assert.deepEqual(await functions.later(n), [n, n + 1])
  }
  quietly(() => group.commit())
  quietly(() => (functions.large as Memoized<typeof large>).forget(2))
  quietly(() => group.stats())
  assert.equal(functions.large(2), large(2))
  group.close()
  assert.deepEqual(untold, [])
}

/** What is asked of the cache itself may fail, with a StoreError. */
function quietly(work: () => unknown): void {
  try {
    work()
  } catch (error) {
    assert.ok(error instanceof StoreError, String(error))
  }
}

async function loop(
  t: TestContext,
  fails: (n: number, directory: string, work: () => Promise<void>) => Promise<boolean>,
): Promise<void> {
  const parent = mkdtempSync(join(tmpdir(), 'permafrost-calls-'))
  t.after(() => rmSync(parent, { recursive: true, force: true }))
  for (let n = 1; ; n++) {
    const directory = join(parent, String(n), 'cache')
    mkdirSync(directory, { recursive: true })
    const reached = await fails(n, directory, () => calls(directory))
    await calls(directory)
    const group = new MemoizedGroup({ directory })
    const { problems } = await group.verify({ repair: true })
    assert.deepEqual(
      problems.filter(({ repaired }) => !repaired),
      [],
      `call ${n}`,
    )
    assert.deepEqual((await group.verify()).problems, [], `call ${n}`)
    group.close()
    await calls(directory)
    rmSync(directory, { recursive: true })
    if (reached) continue
    assert.ok(n > 40, 'the run made enough calls to mean something')
    return
  }
}

const SQLITE = ['IOERR', 'FULL', 'BUSY', 'CORRUPT', 'READONLY', 'CANTOPEN'].map((name) => `SQLITE_${name}`)
const FILES = ['EIO', 'ENOSPC', 'EMFILE', 'EACCES']

test("a memoized function returns its value whichever of SQLite's calls fails", async (t) => {
  for (const shift of isSoak ? [0, 1, 2, 3, 4, 5] : [0]) {
    await loop(t, (n, _, work) => withFailingSqlite(n, SQLITE[(n + shift) % SQLITE.length]!, work))
  }
})

test('a memoized function returns its value whichever file-system call fails', async (t) => {
  for (const shift of isSoak ? [0, 1, 2, 3] : [0]) {
    await loop(t, (n, directory, work) =>
      withFailingFiles(n, FILES[(n + shift) % FILES.length]!, directory, work),
    )
  }
})
