/** The directory of blobs: between processes, after a kill, and when somebody lays hands on it. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { type BlobStore, openBlobStore } from 'permafrost/blob'
import { temporaryFolder } from '../support/temporary.js'

async function fresh(t: TestContext): Promise<{ folder: string; uri: string; store: BlobStore }> {
  const folder = temporaryFolder(t)
  const uri = pathToFileURL(folder).href
  const store = await openBlobStore(uri)
  t.after(() => store.close())
  return { folder, uri, store }
}

/** Runs a child and returns the lines it printed; `enough` says when to kill it. */
async function child(uri: string, work: string, enough?: (lines: string[]) => boolean): Promise<string[]> {
  const process_ = spawn(process.execPath, [join(import.meta.dirname, 'child.js'), uri, work], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  process_.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
    if (enough?.(text.trim().split('\n'))) process_.kill('SIGKILL')
  })
  const [code] = await once(process_, 'close')
  if (enough === undefined) assert.equal(code, 0)
  return text.split('\n').slice(0, -1)
}

const textOf = async (store: BlobStore, key: string): Promise<string> =>
  String(Buffer.from((await (await store.get(key))?.bytes()) ?? []))

test('among processes that create the same blobs each is created once', async (t) => {
  const { uri, store } = await fresh(t)
  const created = (await Promise.all([1, 2, 3].map(() => child(uri, 'create')))).flat()
  assert.equal(created.length, 40)
  assert.equal(new Set(created).size, 40)
  const listed: string[] = []
  for await (const { key } of store.list('created/')) listed.push(key)
  assert.deepEqual(listed, created.sort())
})

test('processes that swap a counter lose no step, whenever they are killed', async (t) => {
  const { folder, uri, store } = await fresh(t)
  await store.put('counter', Buffer.from('0'))
  const counts = await Promise.all(
    [5, 9, 20, 40].map((many) => child(uri, 'count', (lines) => lines.length >= many)),
  )
  const seen = counts.flat().map(Number)
  assert.equal(new Set(seen).size, seen.length, 'two processes took the same step')
  const last = Number(await textOf(store, 'counter'))
  // a killed process may have taken a last step that it could not tell
  assert.ok(last >= seen.length && last <= seen.length + 4, `${last} for ${seen.length} steps`)
  // and a draft it was writing
  assert.ok(readdirSync(join(folder, '++')).length <= 1 + 4)
})

test('what was left half-written is removed a day later', async (t) => {
  const { folder, uri, store } = await fresh(t)
  await store.put('a', Buffer.from('a'))
  const [old, young] = ['old', 'young'].map((name) => join(folder, '++', name)) as [string, string]
  for (const path of [old, young]) writeFileSync(path, 'half')
  utimesSync(old, new Date(), new Date(Date.now() - 90_000_000))
  await (await openBlobStore(uri)).close()
  assert.deepEqual(readdirSync(join(folder, '++')).sort(), ['lock', 'young'])
  assert.equal(await textOf(store, 'a'), 'a')
})

test('what cannot be removed keeps no store from opening', async (t) => {
  const { folder, uri, store } = await fresh(t)
  await store.put('a', Buffer.from('a'))
  const odd = join(folder, '++', 'folder')
  mkdirSync(odd)
  utimesSync(odd, new Date(), new Date(Date.now() - 90_000_000))
  assert.equal(await textOf(await openBlobStore(uri), 'a'), 'a')
})

test('a blob is a file of its own that ends with its bytes', async (t) => {
  const { folder, store } = await fresh(t)
  await store.put('Fit/a.1', Buffer.from('the bytes'))
  const path = join(folder, '+fit', 'a.1+')
  assert.match(readFileSync(path, 'latin1'), /^permafrost-blob 1 [-0-9a-f]{36} [0-9a-f]{64} +9\nthe bytes$/)
  assert.equal(statSync(path).nlink, 1)
})

test('altered, cut and foreign files are never read as blobs', async (t) => {
  const { folder, store } = await fresh(t)
  const path = join(folder, 'a+')
  const damaged = { code: 'ERR_BLOB_DAMAGED' }
  for (const harm of ['byte', 'cut', 'header', 'emptied', 'longer']) {
    const etag = (await store.put('a', Buffer.from('0123456789'))) ?? ''
    const bytes = readFileSync(path)
    if (harm === 'byte') bytes[bytes.length - 1]! ^= 1
    if (harm === 'header') bytes[0]! ^= 1
    writeFileSync(path, harm === 'longer' ? Buffer.concat([bytes, bytes]) : bytes)
    if (harm === 'cut') truncateSync(path, bytes.length - 1)
    if (harm === 'emptied') truncateSync(path, 0)
    await assert.rejects(async () => (await store.get('a'))?.bytes(), damaged, harm)
    if (harm !== 'byte') {
      await assert.rejects(store.head('a'), damaged, harm)
      const { value: found } = await store.list('').next()
      assert.deepEqual([found?.key, found?.etag], ['a', undefined])
    }
    await assert.rejects(store.put('a', Buffer.from(''), { ifAbsent: true }), {
      code: 'ERR_BLOB_PRECONDITION',
    })
    if (harm === 'header' || harm === 'emptied')
      await assert.rejects(store.delete('a', { ifMatch: etag }), { code: 'ERR_BLOB_PRECONDITION' })
  }
  await store.put('a', Buffer.from('healed'))
  mkdirSync(join(folder, 'b+'))
  for (const name of ['notes.txt', '.hidden', 'A+', 'a b+', '+1+'])
    writeFileSync(join(folder, name), 'foreign')
  const keys: string[] = []
  for await (const { key } of store.list('')) keys.push(key)
  assert.deepEqual(keys, ['a'])
  assert.equal(await textOf(store, 'a'), 'healed')
})

test('a place that cannot be written says so, and that nothing was done', async (t) => {
  const { folder } = await fresh(t)
  writeFileSync(join(folder, 'file'), '')
  const store = await openBlobStore(pathToFileURL(join(folder, 'file')).href, { retries: 0 })
  assert.equal(await store.get('a'), undefined)
  await assert.rejects(store.put('a', Buffer.from('a')), { code: 'ERR_BLOB_UNREACHABLE', undone: true })
})
