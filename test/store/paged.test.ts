/** Tables that are read a page at a time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { paged } from '#src/store/paged.js'

const same = <T>(row: T): T => row

test('law: all rows come, in their order, whatever the size of a page', () => {
  const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 1000 }))
  fc.assert(
    fc.property(numbers, fc.integer({ min: 1, max: 9 }), (rows, size) => {
      const up = rows.toSorted((a, b) => a - b)
      const down = up.toReversed()
      const behind = (from: number) => up.filter((row) => row > from).slice(0, size)
      const before = (from: number) => down.filter((row) => row < from).slice(0, size)
      assert.deepEqual([...paged(0, behind, same)], up)
      assert.deepEqual([...paged(1001, before, same, 'down')], down)
      const blob = (row: number): Buffer => Buffer.from([row >> 8, row & 255])
      const blobs = (from: Buffer): Buffer[] =>
        behind(from.byteLength === 0 ? 0 : from.readUInt16BE()).map(blob)
      assert.deepEqual([...paged(Buffer.alloc(0), blobs, same)], up.map(blob))
    }),
  )
})

test('a tree that leads in a circle is damaged, and what it gave until then was given', () => {
  for (const [direction, pages] of [
    ['up', [[1, 2], [1, 2], []]],
    ['up', [[1, 2], [2], []]],
    ['down', [[2, 1], [3], []]],
  ] as const) {
    const rows: number[] = []
    const next = pages.values()
    const walk = (): void => {
      const start = direction === 'up' ? 0 : 9
      for (const row of paged<number, number>(start, () => next.next().value!, same, direction))
        rows.push(row)
    }
    assert.throws(walk, { code: 'ERR_STORE_CORRUPT' })
    assert.deepEqual(rows, [...pages[0], ...pages[1]])
  }
})
