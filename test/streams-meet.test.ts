/** Streams where they meet other features: what is seen to be read or used, output files, audits, references, large memory. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CodecError, FreezeError, file } from 'permafrost'
import { temporaryFolder, temporaryGroup } from './support/temporary.js'

test('what a stream uses until its end is observed', async (t) => {
  const { failures, group } = temporaryGroup(t, { observe: 'refuse' })
  const now = Date.now
  const random = group.memoize(function* (n: number) {
    yield n
    yield Math.random()
  })
  assert.equal([...random(1)].length, 2)
  assert.equal(random.wouldHit(1), false)
  assert.match(failures[0]!.message, /it used Math\.random at .*streams-meet/)
  const later = group.memoize(async function* (n: number) {
    yield n
    await Promise.resolve()
    yield Date.now()
  })
  for await (const _ of later(1));
  assert.equal(later.wouldHit(1), false)
  assert.match(failures[1]!.message, /it used Date\.now/)
  const pure = group.memoize(function* (n: number) {
    yield n
  })
  assert.deepEqual([...pure(1)], [1])
  assert.equal(pure.wouldHit(1), true)
  assert.deepEqual([...pure(1)], [1])
  assert.equal(Date.now, now)
})

test('a stream that gives output files is not kept; one that gives its input files is', (t) => {
  const { failures, group } = temporaryGroup(t)
  const path = join(temporaryFolder(t), 'a')
  writeFileSync(path, '1')
  const made = group.memoize(function* (name: string) {
    yield file(name)
  })
  assert.deepEqual(
    [...made(path)].map((one) => one.path),
    [path],
  )
  assert.equal(made.wouldHit(path), false)
  assert.ok(failures[0] instanceof CodecError)
  assert.match(failures[0].message, /which comes out of a stream/)
  const given = group.memoize(function* (input: ReturnType<typeof file>) {
    yield input
    return input
  })
  for (let round = 0; round < 2; round++) {
    assert.deepEqual(
      [...given(file(path))].map((one) => one.path),
      [path],
    )
    assert.equal(given.wouldHit(file(path)), true)
  }
  const returned = group.memoize(function* (name: string) {
    yield 1
    return file(name)
  })
  assert.deepEqual([...returned(path)], [1])
  assert.equal(returned.wouldHit(path), false)
})

test('audits leave streams alone', (t) => {
  const { failures, group } = temporaryGroup(t)
  const runs = { count: 0 }
  const ran = (): void => void runs.count++
  for (const audit of [1, 'mutation'] as const) {
    runs.count = 0
    const fn = group.memoize(
      function* (n: number) {
        ran()
        yield n
      },
      { audit, name: `audited ${audit}`, version: 1 },
    )
    assert.deepEqual([...fn(1)], [1])
    assert.deepEqual([...fn(1)], [1])
    assert.equal(runs.count, 1)
  }
  assert.deepEqual(failures, [])
})

test('large memory among the values of a stream', (t) => {
  const { group, reopen } = temporaryGroup(t)
  const make = function* (n: number) {
    yield new Float64Array(n).fill(1)
    yield { data: new Uint8Array(n).fill(2), n }
    return new Uint8Array(n).fill(3)
  }
  const take = (stream: Generator): unknown[] => {
    const values: unknown[] = []
    for (;;) {
      const { done, value } = stream.next()
      values.push(value)
      if (done === true) return values
    }
  }
  const expected = take(make(100_000))
  assert.deepEqual(take(group.memoize(make)(100_000)), expected)
  const again = reopen().memoize(make)
  assert.equal(again.wouldHit(100_000), true)
  assert.deepEqual(take(again(100_000)), expected)
})

test('a stream larger than checkUpTo is played unchecked; where it cannot be read, the function goes on', (t) => {
  const { group, reopen } = temporaryGroup(t)
  const make = function* (n: number) {
    for (let at = 0; at < n; at++) yield 'x'.repeat(1000)
  }
  const expected = [...group.memoize(make)(300)]
  const [entry] = [...group.entries()]
  assert.ok(entry !== undefined && entry.size > 200_000)
  const objects = join(group.directory, 'objects')
  const name = readdirSync(objects, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name))[0]
  const bytes = readFileSync(name!)
  // the head of an item in the middle
  const at = bytes.indexOf('x', bytes.length >> 1)
  bytes.fill(0xff, at, at + 5000)
  writeFileSync(name!, bytes)
  const unchecked = reopen({ checkUpTo: 1000 })
  assert.equal(unchecked.memoize(make).wouldHit(300), true)
  assert.equal([...unchecked.memoize(make)(300)].length, expected.length)
  const checked = reopen()
  assert.equal(checked.memoize(make).wouldHit(300), false)
  assert.deepEqual([...checked.memoize(make)(300)], expected)
})

test('there is no reference to a stream', (t) => {
  const { group } = temporaryGroup(t)
  const fn = group.memoize(function* (n: number) {
    yield n
  })
  assert.throws(() => fn.ref(1), FreezeError)
  assert.deepEqual([...fn(1)], [1])
  assert.throws(() => fn.ref(1), FreezeError)
})
