/** One computation per key across callers, threads and processes; whoever computes may die. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { type Project, project } from '../support/project.js'

/** `work` tells the log when it begins and ends; what it is asked for comes on the command line. */
const common = `
import { appendFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { MemoizedGroup } from 'permafrost'
export const group = new MemoizedGroup({ directory: join(process.env.HERE, 'cache') })
const told = (what) => appendFileSync(join(process.env.HERE, 'log'), what + '\\n')
const sleep = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const waitsFor = (name) => { while (!existsSync(join(process.env.HERE, name))) sleep(5) }
export const kinds = {
  sync: (x) => { told('begin ' + x); sleep(100); told('end ' + x); return { x } },
  async: async (x) => { told('begin ' + x); await later(100); told('end ' + x); return { x } },
  promising: (x) => { told('begin ' + x); return later(100).then(() => { told('end ' + x); return { x } }) },
  throws: (x) => { told('begin ' + x); sleep(50); throw new Error('no ' + x) },
  hangs: (x) => { told('begin ' + x); sleep(x === 'die' && !existsSync(join(process.env.HERE, 'dead')) ? 600_000 : 1); return { x } },
  waits: (x) => { told('begin ' + x); waitsFor('go'); told('end ' + x); return { x } },
}
`
const main = `
import { group, kinds } from './common.mjs'
const [, , kind, options, ...args] = process.argv
const work = group.memoize(kinds[kind], JSON.parse(options))
for (const x of args) {
  try { console.log(JSON.stringify(await work(x))) } catch (error) { console.log(error.message) }
}
`
const workers = `
import { Worker, isMainThread, workerData } from 'node:worker_threads'
import { group, kinds } from './common.mjs'
if (isMainThread) {
  const [, , kind, , ...args] = process.argv
  const all = [0, 1, 2, 3, 4].map((n) => new Worker(new URL(import.meta.url), { workerData: { kind, args: args.filter((_, i) => i !== n) } }))
  await Promise.all(all.map((worker) => new Promise((resolve) => worker.on('exit', resolve))))
} else {
  const work = group.memoize(kinds[workerData.kind])
  for (const x of workerData.args) console.log(JSON.stringify(await work(x)))
  group.close()
}
`
const files = { 'common.mjs': common, 'main.mjs': main, 'workers.mjs': workers }

interface Running {
  readonly child: ChildProcess
  readonly printed: Promise<string[]>
}

function start(
  t: TestContext,
  user: Project,
  file: string,
  kind: string,
  options: object,
  ...args: string[]
): Running {
  const { NODE_OPTIONS, NODE_TEST_CONTEXT, ...env } = process.env
  const child = spawn(
    process.execPath,
    [join(user.directory, file), kind, JSON.stringify(options), ...args],
    {
      env: { ...env, HERE: user.directory },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  t.after(() => child.kill('SIGKILL'))
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  return { child, printed: once(child, 'close').then(() => out.split('\n').filter((line) => line !== '')) }
}

const logOf = (user: Project): string[] => {
  const log = join(user.directory, 'log')
  return existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []
}
const begun = (user: Project): string[] => logOf(user).filter((line) => line.startsWith('begin'))

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await pause(5)
}

const unique = ['a', 'b', 'c', 'd', 'e']

for (const kind of ['sync', 'async', 'promising']) {
  describe(`a ${kind} function computes each result once`, () => {
    test('in five processes with overlapping arguments', async (t) => {
      const user = project(t, files)
      const all = unique.map((left) =>
        start(t, user, 'main.mjs', kind, {}, ...unique.filter((x) => x !== left)),
      )
      for (const [n, { printed }] of all.entries()) {
        const expected = unique.filter((_, i) => i !== n).map((x) => JSON.stringify({ x }))
        assert.deepEqual(await printed, expected)
      }
      assert.deepEqual(
        begun(user).sort(),
        unique.map((x) => `begin ${x}`),
      )
    })

    test('in five worker threads', async (t) => {
      const user = project(t, files)
      const printed = await start(t, user, 'workers.mjs', kind, {}, ...unique).printed
      assert.equal(printed.length, 20)
      assert.deepEqual(
        begun(user).sort(),
        unique.map((x) => `begin ${x}`),
      )
    })
  })
}

test('the next one computes at once when the one at it is killed', async (t) => {
  const user = project(t, files)
  const first = start(t, user, 'main.mjs', 'hangs', {}, 'die')
  await until(() => begun(user).length === 1)
  const second = start(t, user, 'main.mjs', 'hangs', {}, 'die')
  await pause(200)
  assert.equal(begun(user).length, 1)
  user.write({ dead: '' })
  first.child.kill('SIGKILL')
  assert.deepEqual(await second.printed, ['{"x":"die"}'])
})

test('what throws is not waited for in vain: each caller has an error of its own', async (t) => {
  const user = project(t, files)
  const all = [1, 2, 3].map(() => start(t, user, 'main.mjs', 'throws', {}, 'a'))
  for (const { printed } of all) assert.deepEqual(await printed, ['no a'])
  assert.equal(begun(user).length, 3)
})

test('whoever has waited long enough computes, and so does whoever takes no leases', async (t) => {
  const user = project(t, files)
  const first = start(t, user, 'main.mjs', 'waits', {}, 'a')
  await until(() => begun(user).length === 1)
  const patient = start(t, user, 'main.mjs', 'waits', {}, 'a')
  const hasty = start(t, user, 'main.mjs', 'waits', { lease: { wait: '50ms' } }, 'a')
  await until(() => begun(user).length === 2)
  const alone = start(t, user, 'main.mjs', 'waits', { lease: false }, 'a')
  await until(() => begun(user).length === 3)
  user.write({ go: '' })
  for (const { printed } of [first, patient, hasty, alone]) assert.deepEqual(await printed, ['{"x":"a"}'])
  assert.equal(begun(user).length, 3)
})
