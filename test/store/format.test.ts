/** Reads a directory by hand, following docs/format.md and using nothing of the store. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { bytesOf, digest, keyOf, LARGE, leafOf, put, putLeaves, roomFor, SMALL } from './harness.js'

interface Row {
  readonly [column: string]: unknown
  readonly key: Buffer
  readonly file: Buffer | null
  readonly sealed: Buffer
}

const Database = createRequire(import.meta.url)('better-sqlite3') as new (
  path: string,
  options: object,
) => { prepare(sql: string): { all(): Row[] }; pragma(text: string, options: object): unknown; close(): void }

test('docs/format.md is enough to read a directory', (t) => {
  const room = roomFor(t)
  const store = room.open()
  put(store, 1, SMALL, { tags: ['x'] })
  put(store, 2, LARGE, { expiresAt: room.now + 1000, async: true })
  const expected = store.totals()
  store.close()

  const marker = JSON.parse(readFileSync(join(room.directory, 'permafrost.json'), 'utf8'))
  assert.deepEqual(marker, { format: 1, digest: 'xxh128', check: crc32('permafrost 1') })

  const index = new Database(join(room.directory, 'index.sqlite'), { readonly: true })
  assert.equal(index.pragma('application_id', { simple: true }), 0x70667274)
  assert.equal(index.pragma('user_version', { simple: true }), 1)
  const rows = index
    .prepare(
      `SELECT e.*, v.name, v.code, v.inputs, v.state FROM entry e JOIN version v ON v.id = e.version ORDER BY e.id`,
    )
    .all()
  const [total] = index
    .prepare(`SELECT entries + (SELECT count(*) FROM entry WHERE id > total.booked) AS entries,
      size + (SELECT coalesce(sum(footprint), 0) FROM entry WHERE id > total.booked) AS size FROM total`)
    .all()
  index.close()

  assert.deepEqual({ entries: total!.entries, size: total!.size }, expected)
  assert.equal(rows.length, 2)
  for (const [n, row] of rows.entries()) {
    const key = keyOf(n + 1)
    const { sealed } = row
    const hex = (blob: unknown): string => (blob as Buffer).toString('hex')
    assert.deepEqual(
      [hex(row.key), row.name, hex(row.code), hex(row.inputs), hex(row.state)],
      [key.digest, key.name, key.code, key.inputs, key.state],
    )
    assert.equal(hex(sealed.subarray(0, 16)), digest(Buffer.concat([row.key, sealed.subarray(16)])))
    const wanted = bytesOf(n + 1, n === 0 ? SMALL : LARGE)
    assert.equal(hex(sealed.subarray(16, 32)), key.args)
    assert.equal(hex(sealed.subarray(32, 48)), digest(wanted))
    assert.deepEqual(
      [48, 56, 64, 72, 80].map((at) => sealed.readDoubleLE(at)),
      [wanted.byteLength, 100, room.now, room.now, n === 0 ? Number.POSITIVE_INFINITY : room.now + 1000],
    )
    const [version, hits, flags, codecLength, tagsLength] = [88, 92, 96, 100, 104].map((at) =>
      sealed.readUInt32LE(at),
    ) as [number, number, number, number, number]
    assert.deepEqual([version, hits, flags], [row.version, 0, n === 0 ? 0 : 4 + 8])
    let at = 108
    const next = (length: number): Buffer => {
      at += length
      return sealed.subarray(at - length, at)
    }
    if (n === 1) assert.deepEqual(next(16), row.file)
    assert.equal(next(codecLength).toString(), 'raw')
    assert.equal(next(tagsLength).toString(), n === 0 ? '["x"]' : '')
    const rest = sealed.subarray(Math.ceil(at / 8) * 8)
    if (row.file === null) {
      assert.deepEqual(rest, wanted)
      continue
    }
    const name = hex(row.file)
    const file = readFileSync(join(room.directory, 'objects', 'xxh128', name.slice(0, 2), name.slice(2)))
    assert.equal(file.toString('latin1', 0, 16), 'permafrost-obj\x01\n')
    const start = 20 + file.readUInt32LE(16)
    assert.equal(start % 64, 0)
    const head = file.subarray(20, start)
    assert.equal(digest(head), name)
    const { serial, ...header } = JSON.parse(head.toString('utf8'))
    assert.match(serial, /^[0-9a-f]{8}-[0-9a-f]{8}-\d+-[0-9a-f]{8}\.1$/)
    assert.deepEqual(header, {
      key,
      object: digest(wanted),
      size: LARGE,
      computeTime: 100,
      createdAt: room.now,
      expiresAt: room.now + 1000,
      codec: 'raw',
      async: true,
      tags: [],
    })
    assert.deepEqual(file.subarray(start), wanted)
  }
  assert.deepEqual(readdirSync(join(room.directory, 'tmp')), [])
})

test('docs/format.md is enough to read leaves', (t) => {
  const room = roomFor(t)
  const store = room.open()
  putLeaves(store, 1, [5, 6, 5])
  const { size } = store.totals()
  store.close()
  const index = new Database(join(room.directory, 'index.sqlite'), { readonly: true })
  const [row] = index.prepare('SELECT * FROM entry').all()
  const named = index.prepare('SELECT * FROM leaf ORDER BY entry, place').all()
  const chores = index.prepare('SELECT what FROM chore').all()
  index.close()
  const { file, sealed } = row!
  const hex = (blob: unknown): string => (blob as Buffer).toString('hex')
  assert.equal(sealed.readUInt32LE(96), 4 + 16)
  let at = Math.ceil((108 + 16 + sealed.readUInt32LE(100)) / 8) * 8
  const count = sealed.readDoubleLE(at)
  at += 8
  const leaves = Array.from({ length: count }, (_, n) => ({
    file: hex(sealed.subarray(at + 24 * n, at + 24 * n + 16)),
    size: sealed.readDoubleLE(at + 24 * n + 16),
  }))
  assert.deepEqual(
    leaves.map((leaf) => leaf.file),
    [5, 6, 5].map((n) => digest(leafOf(n))),
  )
  assert.deepEqual(
    named.map((one) => [one.entry, one.place, hex(one.file), one.size]),
    leaves.map((leaf, place) => [row!.id, place, leaf.file, leaf.size]),
  )
  assert.deepEqual(chores, [{ what: 'sync' }])
  const payload = sealed.subarray(at + 24 * count)
  assert.deepEqual(payload, bytesOf(1, SMALL))
  const contentOf = (tree: string, name: string): Buffer =>
    readFileSync(join(room.directory, tree, 'xxh128', name.slice(0, 2), name.slice(2)))
  for (const leaf of leaves) assert.equal(digest(contentOf('leaves', leaf.file)), leaf.file)
  const object = contentOf('objects', hex(file))
  const start = 20 + object.readUInt32LE(16)
  assert.equal(digest(object.subarray(20, start)), hex(file))
  const header = JSON.parse(object.toString('utf8', 20, start))
  assert.deepEqual(header.leaves, leaves)
  assert.deepEqual(object.subarray(start), payload)
  assert.equal(header.size, payload.byteLength + leaves.reduce((sum, leaf) => sum + leaf.size, 0))
  const parts = [digest(payload), ...leaves.map((leaf) => leaf.file)].join('')
  assert.equal(header.object, digest(Buffer.from(parts, 'hex')))
  assert.equal(header.object, hex(sealed.subarray(32, 48)))
  const blocks = (bytes: number): number => Math.ceil(bytes / 4096) * 4096
  const onDisk = leaves.reduce((sum, leaf) => sum + blocks(leaf.size), blocks(object.byteLength))
  assert.equal(size, onDisk + 256 + 'raw'.length)
})
