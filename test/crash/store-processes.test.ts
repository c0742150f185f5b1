/** Many processes, one directory; some are killed. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { bytesOf, get, getWhole, leavesOf, parseKey, parseOf, roomFor, whole } from '../store/harness.js'

const program = new URL('../store/child.js', import.meta.url).pathname
const sizeOf = (n: number): number => (n % 4 === 0 ? 70_000 + (n % 100) : 50 + (n % 3000))

interface Child {
  readonly process: ChildProcess
  readonly ended: Promise<{ readonly lines: string[]; readonly errors: string; readonly code: number | null }>
}

function start(...args: string[]): Child {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  const ended = once(child, 'close').then(([code]) => ({
    // a line cut short by the kill was not acknowledged
    lines: out.split('\n').slice(0, -1),
    errors,
    code: code as number | null,
  }))
  return { process: child, ended }
}

test('eight processes open a new directory at once, and each keeps its result', async (t) => {
  const room = roomFor(t)
  for (let round = 0; round < 3; round++) {
    const children = Array.from({ length: 8 }, (_, n) => start('open', room.directory, String(n)))
    for (const { ended } of children) {
      const { code, errors } = await ended
      assert.deepEqual([code, errors], [0, ''])
    }
    const store = room.open()
    for (let n = 0; n < 8; n++) assert.deepEqual(get(store, n), bytesOf(n, sizeOf(n)))
    assert.deepEqual((await store.verify()).problems, [])
    store.close()
    rmSync(room.directory, { recursive: true })
  }
})

test('eight processes lose their index while nobody looks, and all find the large results again', async (t) => {
  const room = roomFor(t)
  await Promise.all(Array.from({ length: 4 }, (_, n) => start('open', room.directory, String(n * 4)).ended))
  rmSync(join(room.directory, 'index.sqlite'))
  const children = Array.from({ length: 8 }, (_, n) => start('open', room.directory, String(100 + n)))
  for (const { ended } of children) {
    const { code, errors } = await ended
    assert.deepEqual([code, errors], [0, ''])
  }
  const store = room.open()
  for (let n = 0; n < 4; n++) assert.deepEqual(get(store, n * 4), bytesOf(n * 4, sizeOf(n * 4)))
  for (let n = 100; n < 108; n++) assert.deepEqual(get(store, n), bytesOf(n, sizeOf(n)))
})

test('what was acknowledged before kill -9 is there afterwards', async (t) => {
  const room = roomFor(t)
  for (let round = 0; round < 6; round++) {
    const children = [0, 1].map((n) => start('put', room.directory, String(round * 2 + n)))
    await Promise.all(children.map((child) => once(child.process.stdout!, 'data')))
    await pause(20 + Math.random() * 150)
    for (const { process: child } of children) child.kill('SIGKILL')
    for (const { ended } of children) {
      const { lines, errors } = await ended
      assert.equal(errors, '')
      const store = room.open()
      for (const line of lines) {
        if (!line.startsWith('put ')) continue
        const n = Number(line.slice(4))
        assert.deepEqual(get(store, n), bytesOf(n, sizeOf(n)), `acknowledged ${n}`)
      }
      store.close()
    }
    const store = room.open()
    assert.deepEqual((await store.verify()).problems, [])
    assert.deepEqual(room.failures, [])
    store.close()
  }
  assert.deepEqual(readdirSync(join(room.directory, 'tmp')), [])
})

test('leaves that processes share are lost to none of them, whoever drops them or is killed', async (t) => {
  const room = roomFor(t)
  const acknowledged = new Set<number>()
  for (let round = 0; round < 8; round++) {
    const children = [0, 1, 2].map((n) => start('leaves', room.directory, String(1 + round * 3 + n)))
    await Promise.all(children.map((child) => once(child.process.stdout!, 'data')))
    const collector = room.open()
    for (const { process: child } of children) {
      await pause(30 + Math.random() * 200)
      await collector.gc()
      child.kill('SIGKILL')
    }
    collector.close()
    for (const { ended } of children) {
      const { lines, errors } = await ended
      assert.equal(errors, '')
      for (const line of lines) {
        const [deed, n] = line.split(' ')
        if (deed === 'put') acknowledged.add(Number(n))
        if (deed === 'drop') acknowledged.delete(Number(n))
      }
    }
    const store = room.open()
    for (const n of acknowledged) assert.ok(getWhole(store, n)?.equals(whole(n, leavesOf(n))), `lost ${n}`)
    assert.deepEqual((await store.verify()).problems, [])
    assert.deepEqual(room.failures, [])
    store.close()
  }
  const store = room.open()
  store.clear()
  room.now += 7_200_000
  await store.gc()
  const left = readdirSync(room.directory, { recursive: true, encoding: 'utf8' })
  assert.deepEqual(
    left.filter((name) => /[0-9a-f]{30}$/.test(name)),
    [],
  )
})

test('what processes read out of texts is right, or not there, even if they are killed while writing it', async (t) => {
  const room = roomFor(t)
  for (let round = 0; round < 5; round++) {
    const children = [0, 1].map((n) => start('parse', room.directory, String(round * 2 + n)))
    await Promise.all(children.map((child) => once(child.process.stdout!, 'data')))
    await pause(50 + Math.random() * 150)
    for (const { process: child } of children) child.kill('SIGKILL')
    for (const { ended } of children) assert.equal((await ended).errors, '')
  }
  const store = room.open()
  let found = 0
  for (let n = 0; n < 2000; n++) {
    const text = store.parses.get(parseKey(n))
    if (text === undefined) continue
    assert.equal(text, parseOf(n))
    found++
  }
  assert.ok(found > 20, `${found} are left`)
  const { checked, problems } = await store.verify()
  assert.deepEqual([problems, checked['parsed']], [[], found])
})

test('processes that hit, miss, evict and collect side by side disturb nobody, even if some are killed', async (t) => {
  const room = roomFor(t)
  const children = Array.from({ length: 6 }, (_, n) => start('mix', room.directory, String(n), '1500000'))
  const victims = [
    start('mix', room.directory, '98', '1500000'),
    start('put', room.directory, '99', '1500000'),
  ]
  await pause(500)
  for (const { process: child } of victims) child.kill('SIGKILL')
  for (const { ended } of victims) assert.equal((await ended).errors, '')
  for (const { ended } of children) {
    const { code, errors, lines } = await ended
    assert.deepEqual([code, errors, lines.at(-1)], [0, '', 'done'])
  }
  const store = room.open({ maxSize: 1_500_000 })
  assert.ok(store.totals().size <= 1_500_000)
  assert.deepEqual((await store.verify()).problems, [])
  for (let n = 0; n < 200; n++) {
    const bytes = get(store, n)
    if (bytes !== undefined) assert.deepEqual(bytes, bytesOf(n, sizeOf(n)))
  }
})

test('worker threads share a directory as processes do', async (t) => {
  const room = roomFor(t)
  const workers = Array.from(
    { length: 3 },
    (_, n) => new Worker(program, { argv: ['mix', room.directory, String(n), '1500000'], stdout: true }),
  )
  const codes = await Promise.all(workers.map((worker) => once(worker, 'exit')))
  assert.deepEqual(codes, [[0], [0], [0]])
  const store = room.open()
  assert.deepEqual((await store.verify()).problems, [])
  assert.ok(store.totals().entries > 0)
})
