/** However a program ends, what it computed is kept, and it ends as it would have. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { MemoizedGroup } from 'permafrost'
import { project } from '../support/project.js'

const program = `import { memoize } from 'permafrost'
const end = process.argv[2]
const f = memoize((x) => ({ x }), { name: 'f' })
f(1); f(1); f(2)
if (end === 'handled') process.on('SIGTERM', () => { console.log('handled'); process.exit(6) })
console.log('ready')
if (end === 'throw') throw new Error('as it would')
if (end === 'reject') await Promise.reject(new Error('as it would'))
if (end === 'exit') process.exit(3)
if (end === 'inside') memoize(() => process.exit(4), { name: 'g' })()
if (end === 'code') process.exitCode = 5
if (end === 'wait' || end === 'handled') setInterval(() => {}, 1000)
if (end === 'busy') for (;;);
`

const ends: readonly (readonly [end: string, signal: NodeJS.Signals | undefined, code: number | null])[] = [
  ['return', undefined, 0],
  ['throw', undefined, 1],
  ['reject', undefined, 1],
  ['exit', undefined, 3],
  ['inside', undefined, 4],
  ['code', undefined, 5],
  ['wait', 'SIGINT', null],
  ['wait', 'SIGTERM', null],
  // a listener of ours would keep a synchronous computation from being interrupted
  ['busy', 'SIGINT', null],
  ['handled', 'SIGTERM', 6],
]

describe('a program that ends by', () => {
  for (const [end, signal, code] of ends) {
    test(`${end}${signal === undefined ? '' : `, ${signal}`}`, async (t) => {
      const user = project(t, { 'main.mjs': program })
      const directory = join(user.directory, 'cache')
      const { NODE_OPTIONS, NODE_TEST_CONTEXT, ...env } = process.env
      const child = spawn(process.execPath, [join(user.directory, 'main.mjs'), end], {
        env: { ...env, PERMAFROST_DIR: directory },
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      t.after(() => child.kill('SIGKILL'))
      const closed = once(child, 'close')
      await once(child.stdout, 'data')
      if (signal !== undefined) child.kill(signal)
      assert.deepEqual(await closed, [code, code === null ? signal : null])
      const group = new MemoizedGroup({ directory })
      t.after(() => group.close())
      const own = [...group.entries({ name: 'f' })]
      assert.equal(own.length, 2)
      // of what was only counted, a signal may take the last batch
      if (signal === undefined) assert.equal(group.stats().functions['f']!.hits, 1)
      assert.deepEqual((await group.verify()).problems, [])
    })
  }
})
