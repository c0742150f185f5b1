/** Real processes that share a directory of blobs compute each result once, also when one is killed. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { temporaryFolder } from '../support/temporary.js'

interface Room {
  /** `skew` of its clock and duration of its leases in milliseconds. */
  start(skew: number, duration: number, where: 'alone' | 'together', ...keys: string[]): ChildProcess
  /** What was computed: key, pid and token. */
  computed(): string[][]
}

function room(t: TestContext): Room {
  const folder = temporaryFolder(t)
  const log = join(folder, 'log')
  return {
    start(skew, duration, where, ...keys) {
      const uri = pathToFileURL(join(folder, 'store')).href
      const args = [join(import.meta.dirname, 'shared-leases-child.js'), uri, log]
      const child = spawn(process.execPath, [...args, `${skew}`, `${duration}`, where, ...keys], {
        stdio: 'inherit',
      })
      t.after(() => child.kill('SIGKILL'))
      return child
    },
    computed: () =>
      existsSync(log)
        ? readFileSync(log, 'utf8')
            .trim()
            .split('\n')
            .map((line) => line.split(' '))
        : [],
  }
}

const ended = async (child: ChildProcess): Promise<void> =>
  assert.deepEqual(await once(child, 'exit'), [0, null])
const MINUTES = 60_000

test('sixteen processes, whose clocks differ by minutes, compute each of 15 results once', async (t) => {
  const { start, computed } = room(t)
  const keys = Array.from({ length: 15 }, (_, index) => `k${index}`)
  const all = Array.from({ length: 16 }, (_, index) => start((index - 8) * MINUTES, 60_000, 'alone', ...keys))
  await Promise.all(all.map(ended))
  assert.deepEqual(
    computed()
      .map(([key]) => key)
      .sort(),
    keys.sort(),
  )
})

test('what a process held that was killed is another one’s at once on the same machine', async (t) => {
  const { start, computed } = room(t)
  const first = start(5 * MINUTES, 60_000, 'together', 'dies')
  while (computed().length === 0) await pause(5)
  first.kill('SIGKILL')
  await once(first, 'exit')
  const began = performance.now()
  await ended(start(-5 * MINUTES, 60_000, 'together', 'dies'))
  t.diagnostic(`${Math.round(performance.now() - began)} ms, of which most are the start of a process`)
  assert.deepEqual(
    computed().map(([key, , token]) => [key, token]),
    [
      ['dies', '1'],
      ['dies', '2'],
    ],
  )
})

test('on another machine it is so when it has been unchanged for as long as it lasts', async (t) => {
  const { start, computed } = room(t)
  const first = start(30 * MINUTES, 3000, 'alone', 'dies')
  while (computed().length === 0) await pause(5)
  const others = [start(-30 * MINUTES, 3000, 'alone', 'dies'), start(0, 3000, 'alone', 'dies')]
  first.kill('SIGKILL')
  const killed = performance.now()
  await Promise.all(others.map(ended))
  assert.ok(performance.now() - killed > 2000, 'it was taken over while it could have been held')
  assert.equal(computed().length, 2)
})
