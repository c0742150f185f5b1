/** Reads a directory by hand, following docs/format.md and using nothing of the store. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { bytesOf, digest, keyOf, LARGE, put, roomFor, SMALL } from './harness.js'

interface Row {
  readonly [column: string]: unknown
  readonly key: Buffer
  readonly object: Buffer
  readonly file: Buffer | null
  readonly bytes: Buffer | null
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
    .prepare(`SELECT e.*, v.name, v.code AS version_code, coalesce(e.inputs, v.inputs) AS all_inputs
      FROM entry e JOIN version v ON v.id = e.version ORDER BY e.id`)
    .all()
  const [total] = index.prepare('SELECT * FROM total').all()
  index.close()

  assert.deepEqual({ entries: total!.entries, size: total!.size }, expected)
  assert.equal(rows.length, 2)
  for (const [n, row] of rows.entries()) {
    const key = keyOf(n + 1)
    const hex = (blob: unknown): string => (blob as Buffer).toString('hex')
    assert.deepEqual(
      [hex(row.key), row.name, hex(row.version_code), hex(row.args), hex(row.all_inputs)],
      [key.digest, key.name, key.code, key.args, key.inputs],
    )
    const sealed = [
      hex(row.key),
      hex(row.object),
      row.file === null ? '' : hex(row.file),
      row.size,
      row.created_at,
      row.expires_at ?? '',
      row.codec,
      row.async,
      row.tags ?? '',
    ]
    assert.equal(row.seal, crc32(sealed.join(' ')))
    const wanted = bytesOf(n + 1, n === 0 ? SMALL : LARGE)
    if (row.file === null) {
      assert.deepEqual(row.bytes, wanted)
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
