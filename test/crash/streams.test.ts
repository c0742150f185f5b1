/** Streams that several processes record at once, some of which are killed: what is kept is whole, and nothing is left behind. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { MemoizedGroup } from 'permafrost'
import { project } from '../support/project.js'

const program = `import { MemoizedGroup } from 'permafrost'
const group = new MemoizedGroup({ directory: process.argv[2] })
const f = group.memoize(function* (n) {
  for (let i = 0; i < 30; i++) yield Buffer.alloc(10_000, n + i)
}, { version: 1, name: 'f' })
const expected = [...f.fn(1)].map(String).join()
console.log('ready')
for (let round = 0; round < Number(process.argv[3]); round++) {
  if (round % 3 === 0) f.forget(1)
  const seen = []
  for (const one of round % 2 === 0 ? f.refresh(1) : f(1)) {
    seen.push(String(one))
    if (seen.length === 15) console.log('half')
  }
  if (seen.join() !== expected) throw new Error('another stream')
}
console.log('done')
`

test('several processes record one call, and some are killed half-way', async (t) => {
  const user = project(t, { 'package.json': '{ "type": "module" }', 'main.js': program })
  const directory = join(user.directory, 'cache')
  const start = (rounds: number) => {
    const { NODE_OPTIONS, NODE_TEST_CONTEXT, ...env } = process.env
    const child = spawn(process.execPath, [join(user.directory, 'main.js'), directory, String(rounds)], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    t.after(() => child.kill('SIGKILL'))
    const said: string[] = []
    createInterface({ input: child.stderr }).on('line', (line) => said.push(line))
    const lines = createInterface({ input: child.stdout })
    return { child, closed: once(child, 'close'), lines, said }
  }
  const steady = [start(60), start(60)]
  for (let killed = 0; killed < 6; killed++) {
    const { child, closed, lines } = start(1000)
    let halves = 0
    for await (const line of lines) {
      if (line === 'half' && halves++ === killed) break
    }
    child.kill('SIGKILL')
    await closed
  }
  for (const { closed, said } of steady) {
    assert.deepEqual(await closed, [0, null], said.join('\n'))
    assert.deepEqual(said, [])
  }
  const failures: unknown[] = []
  const group = new MemoizedGroup({ directory, onError: (error) => void failures.push(error) })
  t.after(() => group.close())
  assert.deepEqual((await group.verify()).problems, [])
  const f = group.memoize(
    function* (n: number) {
      for (let i = 0; i < 30; i++) yield Buffer.alloc(10_000, n + i)
    },
    { version: 1, name: 'f' },
  )
  for (const taken of [[...f(1)], [...f(1)]]) assert.deepEqual(taken, [...f.fn(1)])
  assert.ok(f.stats().hits >= 1)
  await group.gc()
  const left = readdirSync(join(directory, 'tmp')).filter((name) => name.endsWith('.draft'))
  assert.deepEqual(left, [])
  const objects = readdirSync(join(directory, 'objects'), { recursive: true, withFileTypes: true })
  assert.equal(objects.filter((one) => one.isFile()).length, 1)
  assert.deepEqual(failures, [])
})
