/** Directories that earlier versions wrote are kept in fixtures/, and must open: every answer is what was put. */
import assert from 'node:assert/strict'
import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { digestBytes } from '#src/freeze/digest.js'
import { root } from '../support/project.js'
import { roomFor } from './harness.js'

interface Kept {
  readonly key: string
  readonly name: string
  readonly object: string
  readonly size: number
  readonly async: boolean
  readonly tags: readonly string[]
  readonly codec: string
  readonly expiresAt: number | null
  readonly leaves: number
}

const fixtures = join(root, 'test', 'store', 'fixtures')

for (const format of ['format-1']) {
  for (const without of ['nothing', 'the index']) {
    test(`a directory of ${format}, without ${without}`, async (t) => {
      const room = roomFor(t, { digest: digestBytes })
      cpSync(join(fixtures, format), room.directory, {
        recursive: true,
        filter: (path) => without === 'nothing' || !path.includes('index.sqlite'),
      })
      const store = room.open()
      const all = JSON.parse(readFileSync(join(fixtures, `${format}.json`), 'utf8')) as Kept[]
      // what lay in its row went with the index
      const kept = without === 'nothing' ? all : all.filter(({ leaves, size }) => leaves > 0 || size > 65_536)
      assert.equal([...store.entries()].length, kept.length)
      for (const { key, leaves, ...facts } of kept) {
        const entry = store.find(key as never)
        assert.ok(entry !== undefined, key)
        const { async, codec, expiresAt = null, object, size, tags } = entry
        const found = { name: entry.key.name, object, size, async, tags: [...tags], codec, expiresAt }
        assert.deepEqual(found, facts)
        const stored = store.read(entry)
        assert.equal(stored?.leaves.length, leaves)
      }
      if (without === 'nothing') assert.equal(store.usage()['f']?.hits, 2)
      assert.deepEqual((await store.verify()).problems, [])
      assert.deepEqual(room.failures, [])
    })
  }
}
