/** Looking into a group: what is kept, in which order, of which call, and what it is. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { type Entry, file, type MemoizeOptions } from 'permafrost'
import { temporaryFolder, temporaryGroup } from './support/temporary.js'

const slowly = <T>(value: T): T => {
  // what takes less than a millisecond is not noted
  for (const end = performance.now() + 2; performance.now() < end; );
  return value
}

describe('entries', () => {
  test('without an order, those that came last come first, however few are asked for', (t) => {
    // set back between the calls, as clocks are
    let now = 1_800_000_000_000
    const { group } = temporaryGroup(t, { clock: () => now })
    const f = group.memoize((x: number) => x, { name: 'f', version: 1 })
    for (const x of [1, 2, 3]) {
      f(x)
      now -= 5000
    }
    const ages = (entries: Iterable<Entry>): number[] =>
      [...entries].map(({ createdAt }) => (createdAt - now) / 5000)
    for (const limit of [1, 2, 3, 4]) {
      assert.deepEqual(ages(group.entries({ limit })), [1, 2, 3].slice(0, limit))
      assert.deepEqual(ages(group.entries({ limit, reverse: true })), [3, 2, 1].slice(0, limit))
    }
    assert.deepEqual(ages(group.entries({ limit: 1, sort: 'created' })), [3])
  })

  test('filters and orders are those of the words, and misuse is named', (t) => {
    let now = 1_800_000_000_000
    const { group } = temporaryGroup(t, { clock: () => now })
    const a = group.memoize((x: number) => 'x'.repeat(x), { name: 'dir/a#f', version: 1 })
    const b = group.memoize((x: number) => x, { name: 'dir/b#f', version: 1 })
    for (const x of [10, 300, 200]) {
      now += 1000
      a(x)
    }
    now += 1000
    b(1)
    const names = (entries: Iterable<Entry>): string[] =>
      [...entries].map(({ key, size }) => `${key.name} ${size > 100}`)
    assert.deepEqual(names(group.entries({ sort: 'size', limit: 2 })), ['dir/a#f true', 'dir/a#f true'])
    assert.deepEqual(names(group.entries({ reverse: true, limit: 1 })), ['dir/a#f false'])
    assert.deepEqual(names(group.entries({ limit: 1 })), ['dir/b#f false'])
    assert.deepEqual(names(group.entries({ since: 1500 })), ['dir/b#f false', 'dir/a#f true'])
    assert.deepEqual(names(group.entries({ before: new Date(now - 2500) })), ['dir/a#f false'])
    assert.equal(group.sum({ name: 'dir/*' }).entries, 4)
    assert.equal(group.sum({ name: 'dir' }).entries, 0)
    assert.equal(group.sum({ largerThan: '100B', usedBefore: '1500ms' }).entries, 1)
    assert.deepEqual(group.sum(), { entries: 4, size: group.stats().size })

    const misuse: [() => unknown, RegExp][] = [
      [() => group.entries({ sort: 'colour' as never }), /"sort" option to be "used" or "created"/],
      [() => group.entries({ limit: 0 }), /"limit" option to be a positive integer, found 0/],
      [() => group.entries({ nmae: 'x' } as never), /unknown option "nmae"; did you mean "name"/],
      [() => group.clear({ code: 'xyz' }), /clear: .*"code" option to be the first hexadecimal digits/],
      [() => group.sum({ since: 'yesterday' as never }), /sum: .*"since" option to be a Date/],
      [() => group.find(''), /find: expected the first hexadecimal digits of a digest, found ""/],
      [() => group.departed('%'), /departed: expected/],
    ]
    for (const [act, message] of misuse) assert.throws(act, { name: 'TypeError', message })
  })

  test('a wildcard clears what it means, and a function clears itself alone, whatever it is called', (t) => {
    const { group } = temporaryGroup(t)
    const star = group.memoize((x: number) => x, { name: 'f*', version: 1 })
    const other = group.memoize((x: number) => x, { name: 'far', version: 2 })
    star(1)
    other(1)
    assert.equal(star.clear(), 1)
    assert.equal(other.wouldHit(1), true)
    star(1)
    assert.equal(group.clear({ name: 'f*' }), 2)
  })
})

test('what a call was given is told as it would be written', (t) => {
  const { group } = temporaryGroup(t)
  const told = (
    fn: (...args: any[]) => unknown,
    args: readonly unknown[],
    options: MemoizeOptions<any> = {},
  ): string | undefined => {
    const { name = 'f' } = options
    group.clear()
    const memoized = group.memoize((...given: unknown[]) => slowly(fn(...given)), {
      version: 1,
      ...options,
      name,
    })
    memoized(...args)
    return group.argumentsOf([...group.entries()][0]!)
  }
  const one = (): number => 1
  assert.equal(
    told(one, [1, 'two', -0, 10n, null, true, undefined]),
    '1, "two", -0, 10n, null, true, undefined',
  )
  assert.equal(told(one, [{ a: 1, b: { c: [1, { d: 'x' }] } }, [4]]), '{a: 1, b: {c: [1, {d: "x"}]}}, [4]')
  assert.equal(told(one, [{}, new Map([[1, 2]]), 5]), '…, …, 5')
  assert.equal(told(one, []), '…')
  assert.equal(told(one, [{ id: 7, rest: 'much' }], { cacheKey: (given: any) => given.id }), '7')
  assert.equal(told(one, [{ 'not a name': 1, "it's": 2 }]), `{"not a name": 1, "it's": 2}`)
  const long = told(one, [Array.from({ length: 2000 }, (_, n) => n)])!
  assert.match(long, /^\[0, 1, 2, .*\] …$/)
  const scaled = group.memoize(
    function (this: { rate: number }, x: number) {
      return slowly(x * this.rate)
    },
    { name: 'scaled' },
  )
  scaled.call({ rate: 3 }, 4)
  assert.equal(group.argumentsOf([...group.entries({ name: 'scaled' })][0]!), '4 on {rate: 3}')
  const quick = group.memoize(one, { name: 'quick', version: 1 })
  quick()
  assert.equal(group.argumentsOf([...group.entries({ name: 'quick' })][0]!), undefined)
})

describe('a preview', () => {
  test('is the value, or what was thrown, printed, read and written beside it', (t) => {
    const { group } = temporaryGroup(t)
    const path = join(temporaryFolder(t), 'out.txt')
    const previewOf = (fn: () => unknown, options: MemoizeOptions<any> = {}) => {
      group.clear()
      const memoized = group.memoize(fn, { name: 'f', version: 1, ...options })
      try {
        memoized()
      } catch {
        // kept
      }
      return group.preview([...group.entries()][0]!)
    }
    const bare = { reads: [], outputs: [] }
    assert.deepEqual(
      previewOf(() => ({ a: [1] })),
      { kind: 'value', value: { a: [1] }, ...bare },
    )
    assert.deepEqual(
      previewOf(() => undefined),
      { kind: 'value', value: undefined, ...bare },
    )
    const memory = new Float64Array(20_000).fill(3)
    for (const compress of [false, 'gzip', 'brotli'] as const)
      assert.deepEqual(
        previewOf(() => memory, { compress }),
        { kind: 'value', value: memory, ...bare },
      )
    for (const codec of ['cbor', 'json', 'v8'] as const)
      assert.deepEqual(previewOf(() => ['x'], { codec }).value, ['x'])
    const { kind, value } = previewOf(
      () => {
        throw new RangeError('far')
      },
      { cacheErrors: true },
    )
    assert.ok(kind === 'error' && value instanceof RangeError && value.message === 'far')
    const written = previewOf(() => {
      writeFileSync(path, 'text')
      return file(path)
    })
    assert.deepEqual(written.outputs, [path])
    const read = previewOf(() => process.env['PREVIEWED'] ?? 'nothing', { inputs: 'auto' })
    assert.deepEqual([read.value, read.reads], ['nothing', ['process.env.PREVIEWED']])
    const both = previewOf(() => process.env['PREVIEWED'] ?? new Float64Array(20_000), {
      inputs: 'auto',
      compress: 'gzip',
    })
    assert.equal((both.value as Float64Array).length, 20_000)
  })

  test('of what cannot be shown says why, and runs nothing', (t) => {
    const { group } = temporaryGroup(t)
    let decoded = 0
    const codec = {
      name: 'mine',
      encode: () => Buffer.from([1]),
      decode: () => {
        decoded += 1
        return 1
      },
    }
    group.memoize(() => 1, { name: 'f', version: 1, codec })()
    const [entry] = [...group.entries()]
    const preview = group.preview(entry!)
    assert.equal(preview.kind, 'unreadable')
    assert.match(preview.why!, /^it is kept by the codec mine, /)
    assert.equal(decoded, 0)
    group.forget(entry!.key.digest)
    const cbor = group.memoize(() => 'x'.repeat(10), { name: 'g', version: 1 })
    cbor()
    const [kept] = [...group.entries()]
    group.forget(kept!.key.digest)
    assert.equal(group.preview(kept!).why, 'its object is missing or damaged')
  })
})

test('evict takes limits and filters, and refuses to guess', async (t) => {
  const { group } = temporaryGroup(t)
  const f = group.memoize((x: number) => x, { name: 'f', version: 1, tags: ['x'] })
  for (let x = 0; x < 20; x++) f(x)
  await assert.rejects(group.evict({}), /evict: expected "maxSize", "maxEntries" or "filter"/)
  await assert.rejects(group.evict({ maxEntires: 3 } as never), /did you mean "maxEntries"/)
  await assert.rejects(group.evict({ filter: { nmae: 'f' } as never }), /"filter" option/)
  assert.equal((await group.evict({ maxEntries: 5 })).evicted, 15)
  assert.equal((await group.evict({ maxSize: '1MB' })).evicted, 0)
  assert.equal((await group.evict({ filter: { tag: 'x' } })).evicted, 5)
})

test('one who only looks may look at all of it', (t) => {
  const { group, reopen } = temporaryGroup(t)
  group.memoize((x: number) => slowly(x), { name: 'f', version: 1 })(1)
  group.close()
  const reader = reopen({ readonly: true })
  const [entry] = [...reader.entries({ sort: 'used' })]
  assert.equal(reader.argumentsOf(entry!), '1')
  assert.equal(reader.preview(entry!).value, 1)
  assert.equal(reader.space().functions['f']?.entries, 1)
  assert.equal(reader.find(entry!.key.digest).length, 1)
  assert.throws(() => reader.forget(entry!.key.digest), { code: 'ERR_STORE_READONLY' })
})
