/** Results with large typed arrays: faithful, each caller's own, and stored once where they are equal. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, rmSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { MemoizedGroup } from 'permafrost'
import { temporaryGroup } from './support/temporary.js'

const COUNT = 20_000

const leavesIn = ({ directory }: MemoizedGroup): string[] => {
  const top = join(directory, 'leaves', 'xxh128')
  if (!existsSync(top)) return []
  return readdirSync(top).flatMap((shard) =>
    readdirSync(join(top, shard)).map((name) => join(top, shard, name)),
  )
}

interface Table {
  readonly name: string
  readonly a: Float64Array
  readonly b: Float64Array
  readonly again: Float64Array
  readonly view: Uint8Array
}

function table(x: number): Table {
  const a = Float64Array.from({ length: COUNT }, (_, i) => i + x)
  return { name: 'table', a, b: a.slice(), again: a, view: new Uint8Array(a.buffer, 8, 16) }
}

test('a hit gives what was computed, with memory of its own, and what is shared in a value stays so', (t) => {
  const { group } = temporaryGroup(t)
  let runs = 0
  const count = () => void runs++
  const f = group.memoize(
    (x: number) => {
      count()
      return table(x)
    },
    { name: 'f', version: 1 },
  )
  const computed = f(1)
  const [one, two] = [f(1), f(1)]
  assert.equal(runs, 1)
  for (const got of [computed, one, two]) {
    assert.deepEqual(got, table(1))
    assert.equal(got.again, got.a)
    assert.equal(got.view.buffer, got.a.buffer)
    assert.notEqual(got.b.buffer, got.a.buffer)
  }
  assert.equal(leavesIn(group).length, 1, 'equal leaves are one file')
  for (const array of [computed.a, one.a, one.b]) array.fill(-1)
  assert.deepEqual(two, table(1))
  assert.deepEqual(f(1), table(1))
  const found = f.lookup(1)
  assert.ok(found.hit)
  assert.deepEqual(found.value, table(1))
  assert.ok(found.entry.size > 2 * 8 * COUNT)
})

test('equal arrays of different functions are stored once, and compressed results have none apart', (t) => {
  const { group } = temporaryGroup(t)
  const make = (n: number) => new Float32Array(COUNT).fill(n % 2)
  const one = group.memoize((n: number) => make(n), { name: 'one' })
  const other = group.memoize((n: number) => ({ n, made: make(n) }), { name: 'other' })
  for (const n of [1, 2, 3, 4]) {
    one(n)
    other(n)
  }
  assert.equal(leavesIn(group).length, 2)
  const packed = group.memoize((n: number) => make(n + 7), { name: 'packed', compress: 'gzip' })
  assert.deepEqual(packed(1), packed(1))
  assert.equal(leavesIn(group).length, 2)
  assert.equal(group.clear({ name: 'one' }), 4)
  assert.equal(leavesIn(group).length, 2)
  assert.equal(group.clear({ name: 'other' }), 4)
  assert.equal(leavesIn(group).length, 0)
})

test('who joins a call shares no memory with who began it, however it was answered', async (t) => {
  const { group } = temporaryGroup(t)
  for (const shouldCache of [true, false]) {
    const f = group.memoize(
      async (x: number) => {
        await pause(5)
        return table(x)
      },
      { name: `f ${shouldCache}`, shouldCache: () => shouldCache },
    )
    const spoiled = f(1).then((value) => {
      const seen = structuredClone(value)
      value.a.fill(7)
      value.b.fill(7)
      return seen
    })
    const others = [f(1), f(1)].map((landing) =>
      landing.then((value) => {
        const seen = structuredClone(value)
        value.a.fill(8)
        return seen
      }),
    )
    for (const value of await Promise.all([spoiled, ...others])) assert.deepEqual(value, table(1))
    assert.deepEqual(await f(1), table(1))
  }
})

test('a stored value that fails a waiting call is copied for who joined', async (t) => {
  const { group } = temporaryGroup(t)
  let now = 1000
  const clocked = new MemoizedGroup({ directory: `${group.directory}-2`, clock: () => now, temporary: true })
  t.after(() => clocked.close())
  let fails = false
  const failing = () => fails
  const f = clocked.memoize(
    async (x: number) => {
      await pause(5)
      if (failing()) throw new Error('no')
      return table(x)
    },
    { name: 'f', version: 1, ttl: 10, staleIfError: 1000 },
  )
  await f(1)
  now += 20
  fails = true
  const first = f(1).then((value) => {
    const seen = structuredClone(value)
    value.a.fill(7)
    return seen
  })
  for (const value of await Promise.all([first, f(1), f(1)])) assert.deepEqual(value, table(1))
})

test('a damaged leaf is computed anew, and an index that is gone costs nothing', (t) => {
  const { group } = temporaryGroup(t)
  let runs = 0
  const count = () => void runs++
  const memoizedBy = (one: MemoizedGroup) =>
    one.memoize(
      (x: number) => {
        count()
        return table(x)
      },
      { name: 'f', version: 1 },
    )
  const f = memoizedBy(group)
  f(1)
  truncateSync(leavesIn(group)[0]!, 100)
  assert.deepEqual([f(1), f(1)], [table(1), table(1)])
  assert.equal(runs, 2)
  const { directory } = group
  group.close()
  for (const suffix of ['', '-wal', '-shm']) rmSync(join(directory, `index.sqlite${suffix}`), { force: true })
  const again = new MemoizedGroup({ directory })
  t.after(() => again.close())
  assert.deepEqual(memoizedBy(again)(1), table(1))
  assert.equal(runs, 2)
})
