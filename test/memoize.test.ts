import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import {
  CodecError,
  FreezeError,
  file,
  type InputFile,
  MemoizedGroup,
  OptionError,
  UncertainError,
} from 'permafrost'
import { temporaryFolder, temporaryGroup } from './support/temporary.js'

/** Says what it computed, by a way the key does not see. */
const computed: unknown[] = []
const note = (value: unknown) => {
  ;(globalThis as unknown as Record<string, (value: unknown) => void>)[`${'note'}Computed`]!(value)
}
;(globalThis as unknown as Record<string, unknown>)['noteComputed'] = (value: unknown) => computed.push(value)
const counting = <T>(act: () => T): { readonly value: T; readonly computed: readonly unknown[] } => {
  const before = computed.length
  const value = act()
  return { value, computed: computed.slice(before) }
}

describe('a memoized function', () => {
  test('computes once for each argument', (t) => {
    const { group } = temporaryGroup(t)
    const square = group.memoize((x: number) => {
      note(x)
      return x ** 2
    })
    const { value, computed } = counting(() => [square(2), square(3), square(2)])
    assert.deepEqual(value, [4, 9, 4])
    assert.deepEqual(computed, [2, 3])
  })

  test('hits for undefined, null, false, 0, NaN and the empty string', (t) => {
    const { group } = temporaryGroup(t)
    for (const result of [undefined, null, false, 0, -0, Number.NaN, '']) {
      const give = group.memoize((_: unknown) => {
        note('called')
        return result
      })
      const { value, computed } = counting(() => [give(1), give(1)])
      assert.ok(Object.is(value[0], result) && Object.is(value[1], result))
      assert.equal(computed.length, 1, String(result))
      assert.equal(give.wouldHit(1), true)
    }
  })

  test('tells arguments of different types apart', (t) => {
    const { group } = temporaryGroup(t)
    const name = group.memoize(
      (x: unknown) => `${Object.prototype.toString.call(x)} ${Object.is(x, -0) ? '-0' : String(x)}`,
    )
    const values = [null, undefined, [], {}, new Map(), new Set(), 0, -0, '0', 0n, false, '']
    assert.equal(new Set(values.map((value) => `${name(value)} ${typeof value}`)).size, values.length)
    assert.equal(name(undefined), '[object Undefined] undefined')
  })

  test('gives a fresh copy, so that a changed value cannot poison the next hit', (t) => {
    const { group } = temporaryGroup(t)
    const list = group.memoize(() => [1, { deep: [2] }])
    const first = list() as [number, { deep: number[] }]
    first[1].deep.push(99)
    const second = list() as [number, { deep: number[] }]
    assert.deepEqual(second, [1, { deep: [2] }])
    second.push(3 as never)
    assert.deepEqual(list(), [1, { deep: [2] }])
  })

  test('who catches what an inner call throws depends on its files, also where another waits with it', async (t) => {
    const { failures, group } = temporaryGroup(t)
    const path = join(temporaryFolder(t), 'config.json')
    const parse = group.memoize((from: InputFile) => JSON.parse(readFileSync(from.path, 'utf8')), {
      version: 1,
      name: 'parse',
    })
    const load = group.memoize(
      async (from: InputFile) => {
        await null
        return JSON.parse(readFileSync(from.path, 'utf8'))
      },
      { version: 1, name: 'load' },
    )
    const parsed = group.memoize(
      () => {
        try {
          return parse(file(path))
        } catch {
          return 'broken'
        }
      },
      { version: 1, name: 'parsed' },
    )
    const loaded = (name: string) =>
      group.memoize(() => load(file(path)).catch(() => 'broken'), { version: 1, name })
    const [one, other] = [loaded('one'), loaded('other')]
    writeFileSync(path, '{')
    assert.deepEqual([parsed(), ...(await Promise.all([one(), other()]))], ['broken', 'broken', 'broken'])
    assert.deepEqual(
      failures.map(({ name }) => name),
      Array(3).fill('UncertainError'),
    )
    writeFileSync(path, '1')
    assert.deepEqual([parsed(), ...(await Promise.all([one(), other()]))], [1, 1, 1])
  })

  test('who calls a function whose input cannot be read now is not kept', (t) => {
    const { failures, group } = temporaryGroup(t)
    const path = join(temporaryFolder(t), 'input')
    const read = group.memoize((from: InputFile) => readFileSync(from.path, 'utf8'), {
      version: 1,
      name: 'read',
    })
    const text = group.memoize(
      () => {
        try {
          return read(file(path))
        } catch {
          return 'unreadable'
        }
      },
      { version: 1, name: 'text' },
    )
    mkdirSync(path)
    assert.equal(text(), 'unreadable')
    assert.deepEqual(
      failures.map(({ name }) => name),
      ['FreezeError', 'UncertainError'],
    )
    rmSync(path, { recursive: true })
    writeFileSync(path, 'something')
    assert.equal(text(), 'something')
  })

  test('stores neither a thrown error nor a rejection', async (t) => {
    const { group } = temporaryGroup(t)
    let calls = 0
    const fail = group.memoize(() => {
      note(calls)
      throw new RangeError('no')
    })
    const reject = group.memoize(async () => {
      note(calls)
      throw new RangeError('no')
    })
    assert.throws(fail, RangeError)
    assert.throws(fail, RangeError)
    await assert.rejects(reject, RangeError)
    await assert.rejects(reject, RangeError)
    calls = 0
    assert.equal(group.stats().entries, 0)
  })

  test('runs equal concurrent calls once, and gives each caller a value of its own', async (t) => {
    const { group } = temporaryGroup(t)
    const slow = group.memoize(async (x: number) => {
      note(x)
      await new Promise((resolve) => setTimeout(resolve, 20))
      return [x]
    })
    const { value, computed } = counting(() => [slow(1), slow(1), slow(2), slow(1)])
    assert.deepEqual(computed, [1, 2])
    const results = await Promise.all(value)
    assert.deepEqual(results, [[1], [1], [2], [1]])
    assert.notEqual(results[0], results[1])
    const hit = slow(1)
    assert.ok(hit instanceof Promise)
    assert.deepEqual(await hit, [1])
  })

  test('lets all concurrent callers have the rejection, and then tries again', async (t) => {
    const { group } = temporaryGroup(t)
    const outcome = { fail: true }
    const flaky = group.memoize(
      async (x: number) => {
        note(x)
        await null
        if ((globalThis as unknown as Record<string, { fail: boolean }>)['outcome']!.fail)
          throw new Error('down')
        return x
      },
      { version: 1, name: 'flaky' },
    )
    ;(globalThis as unknown as Record<string, unknown>)['outcome'] = outcome
    const { value, computed } = counting(() => Promise.allSettled([flaky(1), flaky(1)]))
    assert.deepEqual(
      (await value).map(({ status }) => status),
      ['rejected', 'rejected'],
    )
    assert.equal(computed.length, 1)
    outcome.fail = false
    assert.equal(await flaky(1), 1)
  })

  test('does not wait for itself', async (t) => {
    const { group } = temporaryGroup(t)
    let depth = 0
    const recursive: (x: number) => Promise<number> = group.memoize(
      async (x: number): Promise<number> => (depth++ < 2 ? recursive(x) : x),
      { version: 1, name: 'recursive' },
    )
    assert.equal(await recursive(5), 5)
  })

  test('keeps name, length and this', (t) => {
    const { group } = temporaryGroup(t)
    const add = group.memoize(function add(this: { base: number } | undefined, x: number) {
      return (this?.base ?? 0) + x
    })
    assert.equal(add.name, 'add')
    assert.equal(add.length, 1)
    assert.equal(add.call({ base: 10 }, 1), 11)
    assert.equal(add.call({ base: 20 }, 1), 21)
    assert.equal(add.call(undefined, 1), 1)
    assert.equal(add.fn.call({ base: 1 }, 1), 2)
    assert.equal(add.group, group)
  })

  test('composes: a memoized function calls another', (t) => {
    const { group } = temporaryGroup(t)
    const inner = group.memoize((x: number) => {
      note(`inner ${x}`)
      return x + 1
    })
    const outer = group.memoize((x: number) => {
      note(`outer ${x}`)
      return inner(x) * 2
    })
    assert.deepEqual(counting(() => [outer(1), outer(1), inner(1)]).computed, ['outer 1', 'inner 1'])
    assert.equal(outer.wouldHit(1), true)
  })

  test('is equal to another of the same code, wherever that is', (t) => {
    const { group } = temporaryGroup(t)
    const make = (by: number) => group.memoize((x: number) => x * by)
    make(2)(5)
    assert.equal(make(2).wouldHit(5), true)
    assert.equal(make(3).wouldHit(5), false)
  })
})

test('a global that is replaced between two calls is noticed', (t) => {
  const { group } = temporaryGroup(t)
  const encode = group.memoize((x: string) => btoa(x) + Math.max(1, 2))
  assert.equal(encode('a'), 'YQ==2')
  const { btoa: originalBtoa } = globalThis
  const { max } = Math
  try {
    globalThis.btoa = () => 'mock'
    assert.equal(encode('a'), 'mock2')
    globalThis.btoa = originalBtoa
    assert.equal(encode('a'), 'YQ==2')
    Math.max = Math.min
    assert.equal(encode('a'), 'YQ==1')
  } finally {
    globalThis.btoa = originalBtoa
    Math.max = max
  }
  assert.equal(encode('a'), 'YQ==2')
  assert.equal(encode.stats().misses, 3)
})

describe('inspection', () => {
  test('key, wouldHit, peek and lookup neither compute nor count', (t) => {
    const { group } = temporaryGroup(t)
    const half = group.memoize(
      (x: number) => {
        note(x)
        return x === 0 ? undefined : x / 2
      },
      { name: 'half' },
    )
    const { computed } = counting(() => {
      assert.equal(half.wouldHit(4), false)
      assert.equal(half.peek(4), undefined)
      const missed = half.lookup(4)
      assert.ok(!missed.hit && missed.reason === 'absent')
      const key = half.key(4)
      assert.equal(key.name, 'half')
      assert.deepEqual(half.key(4), key)
      assert.notEqual(half.key(5).digest, key.digest)
      assert.equal(half.key(5).code, key.code)
    })
    assert.deepEqual(computed, [])
    assert.equal(half.stats().misses, 0)
    half(4)
    half(0)
    assert.equal(half.peek(4), 2)
    const zero = half.lookup(0)
    assert.ok(zero.hit && zero.value === undefined && zero.entry.key.digest === half.key(0).digest)
    assert.equal(half.stats().hits, 0)
    assert.equal(half.stats().misses, 2)
  })

  test('lookup says which part of the key changed', (t) => {
    const { group } = temporaryGroup(t)
    let by = 1
    let state = 1
    const f = group.memoize((x: number) => x * by, { name: 'f', state: () => state })
    f(1)
    const reason = (x: number) => {
      const found = f.lookup(x)
      return found.hit ? 'hit' : found.reason
    }
    assert.equal(reason(1), 'hit')
    assert.equal(reason(2), 'args')
    by = 2
    assert.equal(reason(1), 'code')
    by = 1
    state = 2
    assert.equal(reason(1), 'state')
  })

  test('lookup says where a result went', async (t) => {
    let now = 1_000_000
    const { group } = temporaryGroup(t, { clock: () => now, maxEntries: 2, policy: 'fifo' })
    const f = group.memoize((x: number) => x, { name: 'f', ttl: '1h' })
    const reason = (x: number) => {
      const found = f.lookup(x)
      return found.hit ? 'hit' : found.reason
    }
    for (const x of [1, 2, 3]) f(x)
    assert.equal(reason(1), 'evicted')
    f.forget(2)
    assert.equal(reason(2), 'forgotten')
    now += 3_600_000
    assert.equal(reason(3), 'expired')
    await group.gc()
    assert.equal(reason(3), 'expired')
    f(3)
    assert.equal(reason(3), 'hit')
  })

  test('why says what changed: the captured variable, the helper, the argument, the file', (t) => {
    const path = join(temporaryFolder(t), 'in.txt')
    writeFileSync(path, 'a')
    const { group } = temporaryGroup(t)
    const wait = () => {
      const until = performance.now() + 2
      while (performance.now() < until);
    }
    const table = [1, 2, 3]
    let helper = (x: number) => x + 1
    let state = 'old'
    const f = group.memoize(
      (options: { x: number; name: string }, input: InputFile) => {
        ignoredWait()
        return [helper(options.x) + table[2]!, options.name, readFileSync(input.path, 'utf8')]
      },
      { name: 'f', state: () => ({ state }) },
    )
    const ignoredWait = wait
    const why = (x = 1) => f.why({ x, name: 'n' }, file(path))
    assert.equal(why(), 'absent: nothing is kept of f')
    f({ x: 1, name: 'n' }, file(path))
    assert.match(why(), /^hit: kept since \d{4}-.*, computed in \d+ ms$/)
    assert.match(why(2), /^args: f was not called with these arguments before: args\[0\]\.x 1 → 2$/)
    table[2] = 4
    assert.match(why(), /^code: the code of f, or what it captures, changed: table\[2\] 3 → 4$/)
    table[2] = 3
    const before = helper
    helper = (x: number) => x + 2
    assert.match(why(), /^code: .*: helper in build\/test\/memoize\.test\.js:\d+ changed$/)
    helper = before
    state = 'new'
    assert.match(why(), /^state: .*: state\[0\]\.state "old" → "new"$/)
    state = 'old'
    writeFileSync(path, 'b')
    assert.equal(why(), `inputs: the input files changed: ${path}`)
  })

  test('refresh computes and replaces; forget and clear forget', (t) => {
    const { group } = temporaryGroup(t)
    let round = 0
    const f = group.memoize((x: number) => `${x} in round ${round}`, { name: 'f', version: 1 })
    assert.equal(f(1), '1 in round 0')
    round = 1
    assert.equal(f(1), '1 in round 0')
    assert.equal(f.refresh(1), '1 in round 1')
    assert.equal(f(1), '1 in round 1')
    assert.equal(f.forget(1), true)
    assert.equal(f.forget(1), false)
    assert.equal(f.wouldHit(1), false)
    f(1)
    f(2)
    assert.equal(f.clear(), 2)
    assert.equal(f.clear(), 0)
    assert.equal(f.wouldHit(2), false)
  })

  test('stats count hits, misses and time, over reopening, and can be reset', (t) => {
    const { group, reopen } = temporaryGroup(t)
    const f = (of: MemoizedGroup) => of.memoize((x: number) => x, { name: 'f', version: 1 })
    f(group)(1)
    f(group)(1)
    f(group)(1)
    group.close()
    const again = reopen()
    f(again)(1)
    const { bytes, hits, misses, timeSaved, timeSpent } = f(again).stats()
    assert.deepEqual([hits, misses], [3, 1])
    assert.ok(bytes > 0 && timeSpent >= 0 && timeSaved >= 0)
    const all = again.stats()
    assert.deepEqual([all.hits, all.misses, all.entries], [3, 1, 1])
    assert.match(again.report(), /f +1 +0/)
    f(again).resetStats()
    assert.equal(f(again).stats().hits, 0)
    again.resetStats()
    assert.equal(again.stats().misses, 0)
  })

  test('a call that throws or rejects is a miss, too', async (t) => {
    const { group } = temporaryGroup(t)
    const parse = group.memoize((text: string) => JSON.parse(text), { name: 'parse' })
    const load = group.memoize(async (text: string) => JSON.parse(text), { name: 'load' })
    for (let round = 0; round < 2; round++) {
      assert.throws(() => parse('{'), SyntaxError)
      await assert.rejects(load('{'), SyntaxError)
      assert.deepEqual([parse('1'), await load('1')], [1, 1])
    }
    for (const { hits, misses, timeSpent } of [parse.stats(), load.stats()]) {
      assert.deepEqual([hits, misses], [1, 3])
      assert.ok(timeSpent > 0)
    }
    assert.match(group.report(), /parse +1 +3/)
  })
})

describe('options', () => {
  test('version replaces the code, with the name', (t) => {
    const { group } = temporaryGroup(t)
    const make = (by: number, version: string, name = 'make') =>
      group.memoize((x: number) => x * by, { name, version })
    assert.equal(make(1, 'a')(5), 5)
    assert.equal(make(2, 'a')(5), 5)
    assert.equal(make(2, 'b')(5), 10)
    assert.equal(make(3, 'a', 'other')(5), 15)
  })

  test('state of function and group must match', (t) => {
    const states = { group: 1, function: 1 }
    const { group } = temporaryGroup(t, { state: () => states.group })
    const f = group.memoize((x: number) => x, { state: () => states.function })
    f(1)
    assert.equal(f.wouldHit(1), true)
    states.group = 2
    assert.equal(f.wouldHit(1), false)
    states.group = 1
    states.function = 2
    assert.equal(f.wouldHit(1), false)
  })

  test('cacheKey and ignore say what of the arguments counts', (t) => {
    const { group } = temporaryGroup(t)
    const byId = group.memoize((user: { id: number; at: Date }) => user.id, { cacheKey: (user) => user.id })
    byId({ id: 1, at: new Date(0) })
    assert.equal(byId.wouldHit({ id: 1, at: new Date(1) }), true)
    const ignoring = group.memoize(
      (x: number, verbose: boolean, retries = 3) => [x, verbose, retries].length,
      {
        ignore: ['verbose', 2],
      },
    )
    ignoring(1, true, 1)
    assert.equal(ignoring.wouldHit(1, false, 9), true)
    assert.equal(ignoring.wouldHit(2, true, 1), false)
    assert.throws(() => group.memoize((x: number) => x, { ignore: ['y'] }), /"ignore".*"y".*\(x\)/)
  })

  test('shouldCache decides by value and time', (t) => {
    const { group } = temporaryGroup(t)
    const f = group.memoize((x: number) => x, {
      shouldCache: (value, { elapsed, key }) => value > 1 && elapsed >= 0 && key.digest.length === 32,
    })
    f(1)
    f(2)
    assert.equal(f.wouldHit(1), false)
    assert.equal(f.wouldHit(2), true)
  })

  test('ttl: by age, by value, and the group for all', (t) => {
    let now = 1_000_000
    const { group } = temporaryGroup(t, { clock: () => now, ttl: '1s' })
    const f = group.memoize((x: number) => x, { name: 'f' })
    const byValue = group.memoize((x: number) => x + 1, {
      ttl: (value) => (value > 5 ? '1m' : undefined),
      name: 'byValue',
    })
    const short = group.memoize((x: number) => x + 2, { ttl: 500, name: 'short' })
    f(1)
    byValue(1)
    byValue(9)
    short(1)
    now += 499
    assert.equal(short.wouldHit(1), true)
    now += 1
    assert.equal(short.wouldHit(1), false)
    const expired = short.lookup(1)
    assert.ok(!expired.hit && expired.reason === 'expired')
    assert.equal(f.wouldHit(1), true)
    now += 500
    assert.equal(f.wouldHit(1), false)
    assert.equal(byValue.wouldHit(9), true)
    now += 60_000
    assert.equal(byValue.wouldHit(9), false)
    assert.equal(byValue.wouldHit(1), true)
  })

  test('an outer result expires with the inner one it was made of', (t) => {
    let now = 1_000_000
    const { group } = temporaryGroup(t, { clock: () => now })
    const inner = group.memoize((x: number) => x, { ttl: 500, name: 'inner' })
    const outer = group.memoize((x: number) => inner(x), { name: 'outer' })
    inner(1)
    now += 300
    outer(1)
    now += 199
    assert.equal(outer.wouldHit(1), true)
    now += 1
    assert.equal(outer.wouldHit(1), false)
  })

  test('closure once reads captured values at the first call only', (t) => {
    const { group } = temporaryGroup(t)
    let by = 1
    const f = group.memoize((x: number) => x * by, { closure: 'once' })
    f(2)
    by = 2
    assert.equal(f(2), 2)
  })

  test('keyOrder ignore makes the order of members not count', (t) => {
    const { group } = temporaryGroup(t)
    const f = (keyOrder: 'ignore' | 'respect') =>
      group.memoize((x: object) => Object.keys(x).length, { keyOrder })
    f('ignore')({ a: 1, b: new Set([1, 2]) })
    assert.equal(f('ignore').wouldHit({ b: new Set([2, 1]), a: 1 }), true)
    f('respect')({ a: 1, b: 2 })
    assert.equal(f('respect').wouldHit({ b: 2, a: 1 }), false)
  })

  test('keepVersions lets only the newest versions of the code stay', (t) => {
    const { group } = temporaryGroup(t)
    const version = (by: number) =>
      group.memoize((x: number) => x * by, { name: 'versioned', keepVersions: 2 })
    version(1)(1)
    version(2)(1)
    version(3)(1)
    assert.deepEqual(
      [1, 2, 3].map((by) => version(by).wouldHit(1)),
      [false, true, true],
    )
  })

  test('tags: clear only what has one', (t) => {
    const { group } = temporaryGroup(t)
    const red = group.memoize((x: number) => x, { tags: ['red'], name: 'red' })
    const blue = group.memoize((x: number) => x + 1, { tags: ['blue', 'cold'], name: 'blue' })
    red(1)
    blue(1)
    assert.equal([...group.entries({ tag: 'cold' })].length, 1)
    assert.equal(group.clear({ tag: 'red' }), 1)
    assert.equal(red.wouldHit(1), false)
    assert.equal(blue.wouldHit(1), true)
    assert.equal(group.clear({ name: 'blue' }), 1)
    assert.equal(group.clear(), 0)
  })

  test('another codec is a miss, never garbage', (t) => {
    const { group } = temporaryGroup(t)
    const f = (codec: 'cbor' | 'json' | 'v8') =>
      group.memoize((x: number) => ({ x }), { name: 'f', version: 1, codec })
    assert.deepEqual(f('cbor')(1), { x: 1 })
    assert.equal(f('json').wouldHit(1), false)
    assert.deepEqual(f('json')(1), { x: 1 })
    assert.deepEqual(f('json')(1), { x: 1 })
    assert.equal(f('v8').wouldHit(1), false)
    const upper = {
      name: 'upper',
      encode: (value: unknown) => Buffer.from(String(value)),
      decode: (bytes: Uint8Array) => Buffer.from(bytes).toString().toUpperCase(),
    }
    const custom = group.memoize((x: string) => x, { codec: upper })
    custom('a')
    assert.equal(custom('a'), 'A')
  })
})

describe('input files', () => {
  test('content counts, times do not, absence is a version of its own', (t) => {
    const folder = temporaryFolder(t)
    const { group } = temporaryGroup(t)
    const path = join(folder, 'in.txt')
    const read = group.memoize((input: InputFile) => {
      try {
        return readFileSync(input.path, 'utf8')
      } catch {
        return 'absent'
      }
    })
    assert.equal(read(file(path)), 'absent')
    assert.equal(read.wouldHit(file(path)), true)
    writeFileSync(path, 'a')
    assert.equal(read(file(path)), 'a')
    utimesSync(path, new Date(0), new Date(0))
    assert.equal(read.wouldHit(file(path)), true)
    writeFileSync(path, 'b')
    const changed = read.lookup(file(path))
    assert.ok(!changed.hit && changed.reason === 'inputs')
    assert.equal(read(file(path)), 'b')
    rmSync(path)
    assert.equal(read(file(path)), 'absent')
    assert.equal(file(path).withSuffix('.out').path, `${path}.out`)
    assert.equal(String(file('a')), 'a')
  })

  test('a captured file, and files inside other arguments', (t) => {
    const path = join(temporaryFolder(t), 'in.txt')
    writeFileSync(path, 'a')
    const { group } = temporaryGroup(t)
    const input = file(path)
    const captured = group.memoize(() => readFileSync(input.path, 'utf8'))
    const nested = group.memoize((options: { files: InputFile[] }) =>
      readFileSync(options.files[0]!.path, 'utf8'),
    )
    assert.deepEqual([captured(), nested({ files: [file(path)] })], ['a', 'a'])
    writeFileSync(path, 'b')
    assert.deepEqual([captured(), nested({ files: [file(path)] })], ['b', 'b'])
  })

  test('a file that changes while the function runs: the result is not kept', (t) => {
    const path = join(temporaryFolder(t), 'in.txt')
    writeFileSync(path, 'a')
    const { group, failures } = temporaryGroup(t)
    const f = group.memoize((input: InputFile) => {
      const text = readFileSync(input.path, 'utf8')
      writeFileSync(input.path, `${text}!`)
      return text
    })
    assert.equal(f(file(path)), 'a')
    writeFileSync(path, 'a')
    assert.equal(f.wouldHit(file(path)), false)
    assert.ok(failures.some((error) => error instanceof UncertainError))
  })

  test('an outer function that hides the file of an inner one is not kept', (t) => {
    const path = join(temporaryFolder(t), 'in.txt')
    writeFileSync(path, 'a')
    const { group, failures } = temporaryGroup(t)
    const inner = group.memoize((input: InputFile) => readFileSync(input.path, 'utf8'))
    const outer = group.memoize((name: string) => inner(file(name)))
    const honest = group.memoize((input: InputFile) => inner(input))
    assert.equal(outer(path), 'a')
    assert.equal(outer.wouldHit(path), false)
    assert.ok(failures.some((error) => error instanceof UncertainError && error.message.includes(path)))
    assert.equal(honest(file(path)), 'a')
    assert.equal(honest.wouldHit(file(path)), true)
    writeFileSync(path, 'b')
    assert.deepEqual([outer(path), honest(file(path))], ['b', 'b'])
  })
})

describe('failure', () => {
  test('arguments that cannot be identified: the call runs, one failure is told', (t) => {
    const { group, failures } = temporaryGroup(t)
    const f = group.memoize((map: WeakMap<object, number>) => typeof map)
    assert.equal(f(new WeakMap()), 'object')
    assert.equal(f(new WeakMap()), 'object')
    assert.ok(failures[0] instanceof FreezeError)
    assert.match(failures[0].message, /a WeakMap at args\[0\]/)
    assert.throws(() => f.wouldHit(new WeakMap()), FreezeError)
    assert.throws(() => f.key(new WeakMap()), FreezeError)
  })

  test('a value that cannot be stored is returned, with one failure that names the place', async (t) => {
    const { group, failures } = temporaryGroup(t)
    const f = group.memoize(() => ({ rows: [1, { socket: () => 1 }] }))
    assert.equal(typeof f().rows, 'object')
    assert.ok(failures[0] instanceof CodecError)
    assert.match(failures[0].message, /result\.rows\[1\]\.socket/)
    const async = group.memoize(async () => new WeakMap())
    assert.ok((await async()) instanceof WeakMap)
  })

  test('onUncacheable: throw and ignore', async (t) => {
    const { group, failures } = temporaryGroup(t)
    const strict = group.memoize((_?: unknown) => () => 1, { onUncacheable: 'throw' })
    assert.throws(() => strict(), CodecError)
    assert.throws(() => strict(new WeakMap()), FreezeError)
    const strictAsync = group.memoize(async (_: unknown) => 1, { onUncacheable: 'throw' })
    await assert.rejects(strictAsync(new WeakMap()), FreezeError)
    const silent = group.memoize(() => () => 2, { onUncacheable: 'ignore' })
    assert.equal(silent()(), 2)
    assert.equal(failures.length, 0)
  })

  test('options that throw do not break the call', (t) => {
    const { group, failures } = temporaryGroup(t)
    const broken = (): never => {
      throw new Error('broken')
    }
    for (const options of [
      { state: broken },
      { cacheKey: broken },
      { shouldCache: broken },
      { ttl: broken },
    ]) {
      const f = group.memoize((x: number) => x, options)
      assert.equal(f(1), 1)
      assert.ok(failures.at(-1) instanceof OptionError, Object.keys(options)[0])
    }
  })

  test('after close, calls run uncached and inspection finds nothing', (t) => {
    const { group } = temporaryGroup(t)
    const f = group.memoize((x: number) => x + 1)
    f(1)
    group.close()
    group.close()
    assert.equal(f(1), 2)
    assert.equal(f.wouldHit(1), false)
    assert.throws(() => group.stats(), /not open/)
  })

  test('PERMAFROST_DISABLE runs everything uncached', (t) => {
    const { group } = temporaryGroup(t)
    const f = group.memoize((x: number) => {
      note(x)
      return x
    })
    process.env['PERMAFROST_DISABLE'] = '1'
    try {
      assert.equal(counting(() => [f(1), f(1)]).computed.length, 2)
      assert.equal(f.wouldHit(1), false)
    } finally {
      delete process.env['PERMAFROST_DISABLE']
    }
    assert.equal(f.wouldHit(1), false)
  })
})

describe('misuse is named where it happens:', () => {
  const wrong: readonly (readonly [string, unknown, RegExp])[] = [
    ['a misspelled option', { maxsize: 1 }, /unknown option "maxsize"; did you mean "maxSize"\?/],
    ['an unknown option', { somethingElse: 1 }, /unknown option "somethingElse"; known are directory/],
    ['a wrong type', { readonly: 'yes' }, /"readonly" option to be a boolean, found "yes"/],
    ['a bad duration', { ttl: '7 days' }, /"ttl" option to be milliseconds or a duration.*"7 days"/],
    ['a negative duration', { ttl: -1 }, /"ttl"/],
    ['a bad size', { maxSize: '10 gigs' }, /"maxSize" option to be bytes or a size.*"10 gigs"/],
    ['an unknown policy', { policy: 'lrru' }, /"policy" option/],
    ['options that are no object', 7, /expected the options to be an object, found 7/],
  ]
  for (const [what, options, message] of wrong) {
    test(`new MemoizedGroup: ${what}`, () => {
      assert.throws(
        () => new MemoizedGroup(options as never),
        (error: unknown) => error instanceof TypeError && message.test(error.message),
      )
    })
  }

  test('memoize', (t) => {
    const { group } = temporaryGroup(t)
    const memoize = group.memoize as (...args: unknown[]) => unknown
    const fn = () => 1
    for (const [options, message] of [
      [{ tttl: 1 }, /unknown option "tttl"; did you mean "ttl"\?/],
      [{ name: '' }, /"name" option to be a non-empty string/],
      [{ group: {} }, /"group" option to be a MemoizedGroup/],
      [{ keepVersions: 0 }, /"keepVersions" option to be a positive integer, or "all"/],
      [{ codec: 'xml' }, /"codec" option/],
      [{ tags: 'red' }, /"tags" option to be an array/],
      [{ closure: 'never' }, /"closure" option to be "live" or "once"/],
    ] as const) {
      assert.throws(
        () => memoize(fn, options),
        (error: unknown) => error instanceof TypeError && message.test(error.message),
      )
    }
    assert.throws(() => memoize(7), /expected a function, found number/)
    assert.throws(
      () =>
        memoize(
          (
            () => () =>
              1
          )(),
          { version: 1 },
        ),
      /needs the "name" option/,
    )
    assert.throws(() => memoize({}, 'method', {}), /standard decorator/)
  })
})
