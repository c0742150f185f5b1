/**
 * Machines that share a blob store and are killed while they compute, send and get: the store has only whole results, those who live
 * are given what is right, and nobody waits for the dead. Programs end by themselves, however they end.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { openBlobStore } from 'permafrost/blob'
import { type Header, headerIn, open } from '#src/shared/parcel.js'
import { httpStore } from '../blob/http-server.js'
import { type Project, project } from '../support/project.js'
import { temporaryFolder } from '../support/temporary.js'

const program = `
import { MemoizedGroup } from 'permafrost'
const [, , directory, blobStore, end, from, to] = process.argv
const group = new MemoizedGroup({ directory, blobStore, lease: { duration: '2s' }, onError: (error) => console.error(error) })
const work = group.memoize(async (x) => {
  await new Promise((resolve) => setTimeout(resolve, 5))
  return { x, rows: new Float64Array(9000).fill(x) }
}, { name: 'work', version: 1 })
process.on('unhandledRejection', (error) => { console.error(error); process.exit(9) })
console.log('ready')
for (let x = Number(from); x < Number(to); x++) {
  const { rows, x: mine } = await work(x)
  if (mine !== x || rows.length !== 9000 || rows.some((row) => row !== x)) { console.error('wrong', x); process.exit(8) }
}
console.log('done')
if (end === 'exit') process.exit(0)
if (end === 'close') group.close()
if (end === 'dispose') await group[Symbol.asyncDispose]()
if (end === 'twice') { group.close(); group.close(); await group[Symbol.asyncDispose]() }
`

// "dispose" is what a block with "await using" does at its end, which not every Node can read
const files = { 'program.mjs': program }
const server = await httpStore()
after(() => server.close())

interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<{ readonly out: string; readonly wrong: string; readonly status: number | null }>
}

function start(t: TestContext, user: Project, ...args: (string | number)[]): Running {
  const { NODE_OPTIONS, NODE_TEST_CONTEXT, ...env } = process.env
  const child = spawn(process.execPath, [`${user.directory}/program.mjs`, ...args.map(String)], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.after(() => child.kill('SIGKILL'))
  const said = { out: '', wrong: '' }
  child.stdout.on('data', (text) => {
    said.out += text
  })
  child.stderr.on('data', (text) => {
    said.wrong += text
  })
  return { child, ended: once(child, 'close').then(([status]) => ({ ...said, status })) }
}

/** That all results of a store are whole, and what they are made of is there. How many there are. */
async function checked(uri: string, keys: readonly string[]): Promise<number> {
  const store = await openBlobStore(uri)
  let count = 0
  for (const key of keys) {
    const found = await store.get(key)
    if (found === undefined) continue
    count++
    const blob = Buffer.from(await found.bytes())
    const opened = open(blob, key.replace(/\/result$/, ''), undefined)
    assert.equal(typeof opened, 'object', `${key}: ${opened}`)
    for (const { sha256, size } of (headerIn(blob, undefined) as Header).leaves) {
      const leaf = await store.head(`permafrost-objects/${sha256.slice(0, 2)}/${sha256}`)
      assert.equal(leaf?.size, size)
    }
  }
  await store.close()
  return count
}

async function keysOf(uri: string): Promise<string[]> {
  const store = await openBlobStore(uri)
  const keys: string[] = []
  for await (const { key } of store.list('')) if (key.endsWith('/result')) keys.push(key)
  await store.close()
  return keys
}

const MANY = 60

for (const kind of ['file', 'http'])
  test(`${kind}: machines that are killed at any moment leave what is whole, and nobody waiting`, async (t) => {
    const user = project(t, files)
    const folder = temporaryFolder(t)
    const uri = kind === 'file' ? `file://${folder}/store` : `${server.url}/${kind}`
    const [a, b] = [`${folder}/a`, `${folder}/b`]
    for (let round = 0; round < 5; round++) {
      const [one, other] = [start(t, user, a, uri, 'none', 0, MANY), start(t, user, b, uri, 'none', 0, MANY)]
      await Promise.all(
        [one, other].map(({ child, ended }) => Promise.race([once(child.stdout!, 'data'), ended])),
      )
      await pause(Math.random() * 150)
      one.child.kill('SIGKILL')
      if (round % 2 === 0) {
        await pause(Math.random() * 100)
        other.child.kill('SIGKILL')
      }
      for (const { ended } of [one, other]) {
        const { status, wrong } = await ended
        assert.equal(wrong, '')
        assert.ok(status === null || status === 0, `status ${status}`)
      }
    }
    const began = performance.now()
    const last = await start(t, user, `${folder}/c`, uri, 'dispose', 0, MANY).ended
    assert.deepEqual(last, { out: 'ready\ndone\n', wrong: '', status: 0 })
    assert.ok(performance.now() - began < 20_000, 'nobody waits for the dead')
    if (kind === 'file') assert.equal(await checked(uri, await keysOf(uri)), MANY)
    // and another one finds all of it, in the shape it was made
    const again = await start(t, user, `${folder}/d`, uri, 'dispose', 0, MANY).ended
    assert.deepEqual(again, { out: 'ready\ndone\n', wrong: '', status: 0 })
  })

test('programs end by themselves, whatever they do at last', async (t) => {
  const user = project(t, files)
  const folder = temporaryFolder(t)
  const uri = `file://${folder}/store`
  await Promise.all(
    ['none', 'exit', 'close', 'dispose', 'twice'].map(async (end, index) => {
      const from = 100 * index
      const ended = await start(t, user, `${folder}/${end}`, uri, end, from, from + 20).ended
      assert.deepEqual(ended, { out: 'ready\ndone\n', wrong: '', status: 0 }, end)
    }),
  )
  const keys = await keysOf(uri)
  assert.equal(await checked(uri, keys), keys.length)
  // who ends by himself, or waits, has sent all
  assert.ok(keys.length >= 40, `${keys.length} were sent`)
})

test('a program ends though its store says nothing, or is gone', async (t) => {
  const user = project(t, files)
  const folder = temporaryFolder(t)
  const began = performance.now()
  const ended = await Promise.all(
    ['none', 'close', 'dispose'].map(
      (end) => start(t, user, `${folder}/${end}`, 'http://127.0.0.1:1/cache', end, 0, 3).ended,
    ),
  )
  for (const { out, status } of ended) assert.deepEqual([out, status], ['ready\ndone\n', 0])
  assert.ok(performance.now() - began < 20_000)
})
