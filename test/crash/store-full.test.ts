/** A disk that is full, as the kernel tells it: to SQLite as well, which no injected file system reaches. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { bytesOf, get, roomFor } from '../store/harness.js'

const sizeOf = (n: number): number => (n % 4 === 0 ? 70_000 : 3000)

test('where files cannot grow, results are refused, none acknowledged is lost, and room makes it work again', async (t) => {
  if (process.platform === 'win32') return t.skip('no limit on file sizes')
  const room = roomFor(t)
  room.open().close()
  const program = `
    import { roomIn, put, get, bytesOf } from ${JSON.stringify(new URL('../store/harness.js', import.meta.url).href)}
    import { StoreError } from ${JSON.stringify(import.meta.resolve('#src/errors.js'))}
    const room = roomIn(${JSON.stringify(room.directory)})
    const store = room.open()
    const done = [], refused = new Set()
    for (let n = 0; n < 600; n++) {
      try {
        if (put(store, n, n % 4 === 0 ? 70000 : 3000)) done.push(n)
      } catch (error) {
        if (!(error instanceof StoreError)) throw error
        refused.add(error.code)
      }
    }
    for (const n of done) if (!get(store, n)?.equals(bytesOf(n, n % 4 === 0 ? 70000 : 3000))) throw new Error('lost ' + n)
    store.close()
    console.log(JSON.stringify({ done, refused: [...refused] }))`
  // In units of 512 or 1024 bytes: a log of one or three MiB at most.
  const { stdout, stderr } = spawnSync(
    'sh',
    ['-c', 'ulimit -f 3000; exec "$0" --input-type=module -e "$1"', process.execPath, program],
    {
      encoding: 'utf8',
    },
  )
  assert.equal(stderr, '')
  const { done, refused } = JSON.parse(stdout) as { done: number[]; refused: string[] }
  assert.deepEqual(refused, ['ERR_STORE_IO'])
  assert.ok(done.length > 10)
  const store = room.open()
  for (const n of done) assert.deepEqual(get(store, n), bytesOf(n, sizeOf(n)), `result ${n}`)
  assert.deepEqual(
    (await store.verify({ repair: true })).problems.filter(({ repaired }) => !repaired),
    [],
  )
  assert.deepEqual((await store.verify()).problems, [])
})
