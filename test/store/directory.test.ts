import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import * as nodeFs from 'node:fs'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { StoreError, type StoreErrorCode } from '#src/errors.js'
import type { FileSystem } from '#src/store/files.js'
import { bytesOf, get, keyOf, LARGE, put, roomFor, SMALL } from './harness.js'

const failing =
  (code: StoreErrorCode, ...words: string[]) =>
  (error: unknown): boolean =>
    error instanceof StoreError && error.code === code && words.every((word) => error.message.includes(word))

test('a new directory is marked as a cache that git and backups skip', (t) => {
  const room = roomFor(t)
  room.open().close()
  assert.deepEqual(readdirSync(room.directory).sort(), [
    '.gitignore',
    'CACHEDIR.TAG',
    'index.sqlite',
    'permafrost.json',
    'tmp',
  ])
  assert.equal(readFileSync(join(room.directory, '.gitignore'), 'utf8'), '*\n')
  assert.match(
    readFileSync(join(room.directory, 'CACHEDIR.TAG'), 'utf8'),
    /^Signature: 8a477f597d28d172789f06886806bc55\n/,
  )
  assert.equal(JSON.parse(readFileSync(join(room.directory, 'permafrost.json'), 'utf8')).format, 1)
  assert.deepEqual(readdirSync(join(room.directory, 'tmp')), [])
})

test('a directory with files of others is refused and left alone', (t) => {
  for (const [name, contents] of [
    ['thesis.tex', 'text'],
    ['objects/pack/one', 'git'],
    ['tmp/session', 'x'],
  ] as const) {
    const room = roomFor(t)
    const path = join(room.directory, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, contents)
    for (const readonly of [true, false]) {
      assert.throws(
        () => room.open({ readonly }),
        failing('ERR_STORE_FOREIGN', room.directory, name.split('/')[1] ?? name),
      )
    }
    assert.deepEqual(readdirSync(room.directory), [name.split('/')[0]])
  }
})

test('an empty directory, or one with dotfiles only, becomes a store', (t) => {
  const room = roomFor(t)
  mkdirSync(room.directory)
  writeFileSync(join(room.directory, '.DS_Store'), '')
  put(room.open(), 1, SMALL)
})

test('foreign files beside a marker are tolerated, and kept when a temporary store goes', (t) => {
  const room = roomFor(t)
  room.open().close()
  writeFileSync(join(room.directory, 'notes.txt'), 'mine')
  put(room.open({ temporary: true }), 1, LARGE)
  room.open().close()
  room.open({ temporary: true }).close()
  assert.deepEqual(readdirSync(room.directory), ['notes.txt'])
})

test('a path that is a file is refused by name', (t) => {
  const room = roomFor(t)
  writeFileSync(room.directory, '')
  assert.throws(() => room.open(), failing('ERR_STORE_FOREIGN', room.directory, 'is a file'))
})

test('a relative directory is a mistake of the caller', (t) => {
  assert.throws(() => roomFor(t).open({ directory: 'cache' }), TypeError)
})

test('a newer format is refused, with what was found and what to do', (t) => {
  const room = roomFor(t)
  const store = room.open()
  put(store, 1, LARGE)
  store.close()
  writeFileSync(join(room.directory, 'permafrost.json'), '{"format":7}')
  const before = snapshot(room.directory)
  for (const readonly of [true, false]) {
    assert.throws(
      () => room.open({ readonly }),
      failing('ERR_STORE_FORMAT', 'format 7', 'format 1', 'Update permafrost'),
    )
  }
  assert.deepEqual(snapshot(room.directory), before)
})

for (const damage of ['', 'garbage', '{"format":"x"}', 'null', '{"format":9,"digest":"xxh128","check":1}']) {
  test(`a marker damaged to '${damage}' is repaired`, (t) => {
    const room = roomFor(t)
    const store = room.open()
    put(store, 1, LARGE)
    store.close()
    const path = join(room.directory, 'permafrost.json')
    const marker = readFileSync(path, 'utf8')
    writeFileSync(path, damage)
    assert.deepEqual(get(room.open(), 1), bytesOf(1, LARGE))
    assert.equal(readFileSync(path, 'utf8'), marker)
  })
}

test('a marker that was deleted is made again', (t) => {
  const room = roomFor(t)
  const store = room.open()
  put(store, 1, SMALL)
  store.close()
  rmSync(join(room.directory, 'permafrost.json'))
  assert.deepEqual(get(room.open(), 1), bytesOf(1, SMALL))
})

test('a moved directory works', (t) => {
  const room = roomFor(t)
  const store = room.open()
  put(store, 1, LARGE)
  put(store, 2, SMALL)
  store.close()
  const moved = `${room.directory}-moved`
  cpSync(room.directory, moved, { recursive: true })
  const again = room.open({ directory: moved })
  assert.deepEqual([get(again, 1), get(again, 2)], [bytesOf(1, LARGE), bytesOf(2, SMALL)])
})

/** Path, size and time of change of everything below. */
function snapshot(directory: string): string[] {
  const names = ['.', ...readdirSync(directory, { recursive: true, encoding: 'utf8' })].sort()
  return names.map((name) => {
    const { size, mtimeNs, ctimeNs } = statSync(join(directory, name), { bigint: true })
    return `${name} ${size} ${mtimeNs} ${ctimeNs}`
  })
}

test('read-only, results are found and nothing in the directory changes', async (t) => {
  const room = roomFor(t)
  const store = room.open()
  put(store, 1, LARGE)
  put(store, 2, SMALL)
  store.close()
  const before = snapshot(room.directory)
  const reader = room.open({ readonly: true })
  assert.equal(reader.readonly, true)
  assert.deepEqual([get(reader, 1), get(reader, 2)], [bytesOf(1, LARGE), bytesOf(2, SMALL)])
  reader.count('f', { hits: 1, timeSaved: 5 }, keyOf(1).digest)
  assert.equal(reader.usage().f?.hits, 1)
  assert.equal(put(reader, 3, SMALL), undefined)
  for (const write of [() => reader.drop(keyOf(1).digest), () => reader.clear(), () => reader.resetUsage()]) {
    assert.throws(write, failing('ERR_STORE_READONLY', room.directory))
  }
  await assert.rejects(() => reader.gc(), failing('ERR_STORE_READONLY'))
  await assert.rejects(() => reader.verify({ repair: true }), failing('ERR_STORE_READONLY'))
  assert.deepEqual((await reader.verify()).problems, [])
  reader.flush()
  reader.commit()
  reader.close()
  assert.deepEqual(snapshot(room.directory), before)
})

test('read-only, a damaged object is a miss and stays where it is', (t) => {
  const room = roomFor(t)
  const store = room.open()
  put(store, 1, LARGE)
  store.close()
  for (const name of readdirSync(join(room.directory, 'objects'), { recursive: true, encoding: 'utf8' })) {
    const path = join(room.directory, 'objects', name)
    if (statSync(path).isFile()) writeFileSync(path, 'short')
  }
  const before = snapshot(room.directory)
  const reader = room.open({ readonly: true })
  assert.equal(get(reader, 1), undefined)
  assert.equal(reader.has(reader.find(keyOf(1).digest)!), false)
  reader.close()
  assert.deepEqual(snapshot(room.directory), before)
})

test('read-only beside a writer at work, its results are seen', (t) => {
  const room = roomFor(t)
  const writer = room.open()
  put(writer, 1, LARGE)
  const reader = room.open({ readonly: true })
  put(writer, 2, SMALL)
  assert.deepEqual([get(reader, 1), get(reader, 2)], [bytesOf(1, LARGE), bytesOf(2, SMALL)])
})

test('read-only, a log without its lock file is read from a copy', (t) => {
  const room = roomFor(t)
  const writer = room.open()
  put(writer, 1, SMALL)
  const moved = `${room.directory}-copy`
  cpSync(room.directory, moved, { recursive: true })
  rmSync(join(moved, 'index.sqlite-shm'))
  const before = snapshot(moved)
  const reader = room.open({ directory: moved, readonly: true })
  assert.deepEqual(get(reader, 1), bytesOf(1, SMALL))
  reader.close()
  assert.deepEqual(snapshot(moved), before)
})

test('a directory can be moved and copied', async (t) => {
  const room = roomFor(t)
  const store = room.open()
  for (let n = 0; n < 4; n++) put(store, n, n % 2 === 0 ? LARGE : SMALL)
  const copy = `${room.directory}-copy`
  // as it is, with its log: all that was put before is in the copy, too
  cpSync(room.directory, copy, { recursive: true })
  store.close()
  const moved = `${room.directory}-moved`
  renameSync(room.directory, moved)
  for (const directory of [copy, moved]) {
    const there = room.open({ directory })
    for (let n = 0; n < 4; n++) assert.deepEqual(get(there, n), bytesOf(n, n % 2 === 0 ? LARGE : SMALL))
    assert.deepEqual((await there.verify()).problems, [])
  }
})

test('a directory on a network file system works, with one warning', async (t) => {
  if (process.platform !== 'linux') return t.skip('only Linux tells')
  const warnings: (Error & { code?: string })[] = []
  const listen = (warning: Error): void => void warnings.push(warning)
  process.on('warning', listen)
  t.after(() => process.off('warning', listen))
  for (const type of [0x6969, 0xfe534d42, -28095166, 0x65735546, 0xef53]) {
    const room = roomFor(t)
    const fs = { ...nodeFs, statfsSync: () => ({ type }) } as unknown as FileSystem
    for (let round = 0; round < 2; round++) room.open({}, fs).close()
    put(room.open({}, fs), 1, SMALL)
  }
  const failing = (): never => {
    throw new Error('no statfs here')
  }
  roomFor(t).open({}, { ...nodeFs, statfsSync: failing } as unknown as FileSystem)
  await new Promise(setImmediate)
  assert.deepEqual(
    warnings.map(({ code, message }) => [code, /\((.*)\)/.exec(message)?.[1]]),
    ['NFS', 'SMB', 'SMB', 'FUSE'].map((kind) => ['WARN_NETWORK_DIRECTORY', kind]),
  )
})

test('read-only, without an index, what the objects tell is found', (t) => {
  const room = roomFor(t)
  const store = room.open()
  put(store, 1, LARGE)
  store.close()
  for (const contents of [undefined, 'garbage']) {
    rmSync(join(room.directory, 'index.sqlite'))
    if (contents !== undefined) writeFileSync(join(room.directory, 'index.sqlite'), contents)
    const before = snapshot(room.directory)
    const reader = room.open({ readonly: true })
    assert.deepEqual(get(reader, 1), bytesOf(1, LARGE))
    reader.close()
    assert.deepEqual(snapshot(room.directory), before)
    if (contents === undefined) writeFileSync(join(room.directory, 'index.sqlite'), '')
  }
})

test('read-only, a directory that is not there is an empty store', (t) => {
  const room = roomFor(t)
  const reader = room.open({ readonly: true })
  assert.equal(reader.find(keyOf(1).digest), undefined)
  reader.close()
  assert.equal(existsSync(room.directory), false)
})

test('a directory that may not be written to is read-only, and says so', (t) => {
  const room = roomFor(t)
  const store = room.open()
  put(store, 1, LARGE)
  store.close()
  chmodSync(dirname(room.directory), 0o755)
  const all = ['.', ...readdirSync(room.directory, { recursive: true, encoding: 'utf8' })]
  for (const name of all) {
    const path = join(room.directory, name)
    chmodSync(path, statSync(path).isDirectory() ? 0o555 : 0o444)
  }
  const before = snapshot(room.directory)
  const program = `
    import { roomIn, get, put } from ${JSON.stringify(new URL('./harness.js', import.meta.url).href)}
    import ${JSON.stringify(new URL('./preload.js', import.meta.url).href)}
    const room = roomIn(${JSON.stringify(room.directory)})
    if (process.getuid?.() === 0) { process.setgid(65534); process.setuid(65534) }
    const store = room.open()
    console.log(JSON.stringify([store.readonly, get(store, 1)?.length, put(store, 2, 10) ?? null, room.failures.map((e) => e.code)]))
    store.close()`
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
  for (const name of all) chmodSync(join(room.directory, name), 0o755)
  assert.deepEqual(JSON.parse(out), [true, LARGE, null, ['ERR_STORE_READONLY']])
  for (const name of all) {
    const path = join(room.directory, name)
    assert.ok(statSync(path))
  }
  const contents = (lines: string[]): string[] => lines.map((line) => line.split(' ').slice(0, 3).join(' '))
  assert.deepEqual(contents(snapshot(room.directory)), contents(before))
})
