/** Iterators as results: those that can be told from no other are recorded and played, the rest is refused with a way out. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createReadStream, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Duplex, PassThrough, Readable } from 'node:stream'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { createGzip, gunzipSync } from 'node:zlib'
import { CodecError, registerClass } from 'permafrost'
import { temporaryFolder, temporaryGroup } from './support/temporary.js'

type Mapped = IterableIterator<unknown> & { map(each: (value: any) => unknown): IterableIterator<unknown> }

const made: Readonly<Record<string, () => IterableIterator<unknown>>> = {
  values: () => [1, { two: [2n] }, undefined, , 'five'].values(),
  keys: () => ['a', 'b'].keys(),
  entries: () => ['a', 'b'].entries(),
  'none at all': () => [].values(),
  'of a typed array': () => new Float64Array([1, Number.NaN, -0]).values(),
  'of what looks like an array': () => Array.prototype.values.call({ length: 2, 0: 'a' } as any),
  'half taken': () => {
    const half = [1, 2, 3].values()
    half.next()
    return half
  },
}
const hasHelpers = 'map' in [].values()
const helped: typeof made = {
  mapped: () => ([1, 2, 3].values() as unknown as Mapped).map((n) => n * 2),
  'mapped from a generator': () =>
    (
      (function* () {
        yield 1
        yield 2
      })() as unknown as Mapped
    ).map((n) => n + 1),
}

for (const [name, make] of Object.entries({ ...made, ...(hasHelpers && helped) })) {
  test(`${name}: cannot be told from another, recorded or played`, (t) => {
    const { failures, group, reopen } = temporaryGroup(t)
    const told = { runs: 0 }
    const fn = () => {
      told.runs += 1
      return make()
    }
    const f = group.memoize(fn, { version: 1, name })
    const expected = [...make()]
    for (let round = 0; round < 3; round++) {
      const own = make()
      const iterator = f()
      assert.equal(Object.getPrototypeOf(iterator), Object.getPrototypeOf(own))
      assert.equal(inspect(iterator, { showHidden: true }), inspect(own, { showHidden: true }))
      assert.equal(String(iterator), String(own))
      assert.deepEqual(Reflect.ownKeys(iterator), [])
      assert.equal(iterator[Symbol.iterator](), iterator)
      assert.deepEqual([...iterator], expected)
      assert.deepEqual(iterator.next(), { value: undefined, done: true })
    }
    assert.deepEqual(failures, [])
    assert.equal(told.runs, 1)
    group.close()
    const again = reopen().memoize(fn, { version: 1, name })
    assert.deepEqual([...again()], expected)
    assert.equal(told.runs, 1)
    assert.deepEqual(failures, [])
  })
}

describe('an array iterator', () => {
  test('is taken no faster than its caller takes it, and sees what changes meanwhile', (t) => {
    const { group } = temporaryGroup(t)
    const taken: string[] = []
    const array = ['a', 'b']
    const spied = new Proxy(array, {
      get: (target, key) => {
        taken.push(String(key))
        return Reflect.get(target, key)
      },
    })
    const f = group.memoize((_: number) => Array.prototype.values.call(spied), { version: 1, name: 'f' })
    const iterator = f(1)
    assert.deepEqual(taken, [])
    assert.equal(iterator.next().value, 'a')
    assert.deepEqual(taken, ['length', '0'])
    array.push('c')
    assert.deepEqual([...iterator], ['b', 'c'])
    taken.length = 0
    assert.deepEqual([...f(1)], ['a', 'b', 'c'])
    assert.deepEqual(taken, [])
  })

  test('goes on after a break, and is kept when somebody takes the rest', (t) => {
    const { group } = temporaryGroup(t)
    const f = group.memoize(() => [1, 2, 3].values())
    for (let round = 0; round < 2; round++) {
      const iterator = f()
      for (const value of iterator) if (value === 2) break
      assert.equal(f.wouldHit(), round > 0)
      assert.deepEqual([...iterator], [3])
      assert.equal(f.wouldHit(), true)
    }
    assert.equal(f.stats().misses, 1)
  })

  test('that fails half-way fails the same, goes on as it would, and is not kept', (t) => {
    const { failures, group } = temporaryGroup(t)
    const make = () => {
      const array = [1, 2, 3]
      Object.defineProperty(array, 1, {
        get: () => {
          throw new RangeError('half-way')
        },
      })
      return array.values()
    }
    const f = group.memoize(make)
    for (const iterator of [make(), f(), f()]) {
      assert.equal(iterator.next().value, 1)
      assert.throws(() => iterator.next(), RangeError)
      assert.deepEqual(iterator.next(), { value: 3, done: false })
      assert.deepEqual(iterator.next(), { value: undefined, done: true })
      assert.equal(f.wouldHit(), false)
    }
    assert.deepEqual(failures, [])
  })

  test('is asked by what the language has, whatever a program makes of `next`', (t) => {
    const { group } = temporaryGroup(t)
    const prototype = Object.getPrototypeOf([].values())
    const { next } = prototype
    const asked: unknown[] = []
    prototype.next = function (this: unknown) {
      asked.push(this)
      return Reflect.apply(next, this, [])
    }
    t.after(() => {
      prototype.next = next
    })
    const inner = [1, 2].values()
    const f = group.memoize(() => inner, { version: 1, name: 'f' })
    const outer = f()
    for (let n = 0; n < 3; n++) outer.next()
    assert.equal(asked.filter((one) => one === outer).length, 3)
    assert.ok(!asked.includes(inner))
    assert.equal(f.wouldHit(), true)
  })

  test('whose values can no longer be read, or were never to be stored, goes on by the function', (t) => {
    class Point {
      constructor(readonly x: number) {}
    }
    let isKnown = true
    registerClass(Point, {
      name: 'test.iterators.Point',
      encode: ({ x }) => x,
      decode: (x) => {
        if (!isKnown) throw new Error('unknown')
        return new Point(x as number)
      },
    })
    const { failures, group } = temporaryGroup(t)
    const f = group.memoize(() => [1, new Point(2), 3].values(), { version: 1, name: 'f' })
    for (const _ of f());
    isKnown = false
    assert.deepEqual([...f()], [1, new Point(2), 3])
    assert.deepEqual(
      failures.map(({ code }) => code),
      ['ERR_UNDECODABLE'],
    )
    const odd = group.memoize(() => [1, () => 2, 3].values(), { version: 1, name: 'odd' })
    assert.equal([...odd()].length, 3)
    assert.equal(odd.wouldHit(), false)
    const strict = group.memoize(odd.fn, { version: 1, name: 'strict', onUncacheable: 'throw' })
    assert.throws(() => [...strict()], CodecError)
  })

  test('with properties, or another prototype, is given as it is', (t) => {
    const { failures, group } = temporaryGroup(t)
    const prototype = Object.getPrototypeOf([].values())
    for (const one of [
      Object.assign([1].values(), { more: 1 }),
      Object.setPrototypeOf([1].values(), Object.create(prototype)),
      Object.freeze([1].values()),
    ]) {
      const f = group.memoize(() => one, { version: 1, name: `f${failures.length}` })
      assert.equal(f(), one)
      assert.match(failures.at(-1)!.message, /return \[\.\.\.it\]\.values\(\), or its values by a generator/)
    }
  })
})

if (hasHelpers)
  test('an iterator helper that is stopped stops what it goes through, once', (t) => {
    const { group } = temporaryGroup(t)
    let stopped = 0
    const f = group.memoize(
      () =>
        (
          (function* () {
            try {
              yield 1
              yield 2
            } finally {
              stopped += 1
            }
          })() as unknown as Mapped
        ).map((n) => n),
      { version: 1, name: 'f' },
    )
    for (const _ of f()) break
    assert.equal(stopped, 1)
    assert.equal(f.wouldHit(), false)
    assert.deepEqual([...f()], [1, 2])
    const played = f()
    played.next()
    assert.deepEqual(played.return!(), { value: undefined, done: true })
    assert.deepEqual(played.next(), { value: undefined, done: true })
    assert.equal(f.stats().hits, 1)
  })

describe('what is no stream of ours', () => {
  class Rows {
    async *[Symbol.asyncIterator]() {
      yield 1
    }
  }
  const text = () => Readable.from([Buffer.from('abc')])
  const cases: Readonly<Record<string, readonly [make: () => any, message: RegExp]>> = {
    PassThrough: [() => text().pipe(new PassThrough()), /a PassThrough, .* return Readable\.from\(it\)/],
    zlib: [() => text().pipe(createGzip()), /a Gzip, which is more than a Readable/],
    'a file': [() => createReadStream(process.argv[1]!), /a ReadStream, which is more than a Readable/],
    Duplex: [() => Duplex.from(async function* () {}), /which is more than a Readable/],
    'a Readable with properties': [() => Object.assign(text(), { rows: 1 }), /a Readable that .* properties/],
    'a locked web stream': [
      () => {
        const stream = new ReadableStream()
        stream.getReader()
        return stream
      },
      /a ReadableStream that is locked .* return one that nobody reads/,
    ],
    'lines of a file': [() => createInterface({ input: text() }), /by an async generator/],
    'a class of rows': [() => new Rows(), /a Rows, which is iterated by its own code/],
    'an object': [() => ({ [Symbol.asyncIterator]: async function* () {} }), /by an async generator/],
    'a Map': [() => new Map([[1, 2]]).keys(), /a Map Iterator, .* return \[\.\.\.it\]\.values\(\)/],
    'a Set': [() => new Set([1]).entries(), /a Set Iterator/],
    'a string': [() => 'abc'[Symbol.iterator](), /a String Iterator/],
    matches: [() => 'abc'.matchAll(/./g), /a RegExp String Iterator/],
    'one by hand': [
      () => ({ [Symbol.iterator]: () => [].values(), next: () => ({ done: true, value: 1 }) }),
      /or its values by a generator/,
    ],
    'a frozen generator': [() => Object.freeze((function* () {})()), /a Generator, of which nobody/],
    'in an object': [() => ({ body: text() }), /a Readable \(return it by itself, .*\) at result\.body/],
    'in an array': [() => [[1].values()], /an Array Iterator \(return it by itself, .*\) at result\[0\]/],
  }
  for (const [name, [make, message]] of Object.entries(cases)) {
    test(`${name} is given as it is, with a warning that names a way out`, (t) => {
      const { failures, group } = temporaryGroup(t)
      const one = make()
      const f = group.memoize(() => one, { version: 1, name })
      assert.equal(f(), one)
      assert.equal(failures.length, 1)
      assert.ok(failures[0] instanceof CodecError)
      assert.match(failures[0].message, message)
      const strict = group.memoize(() => make(), { version: 1, name: 'strict', onUncacheable: 'throw' })
      assert.throws(() => strict(), message)
      one.destroy?.()
    })
  }

  test('nothing is taken of it, and the way out works', async (t) => {
    const { failures, group } = temporaryGroup(t)
    const path = join(temporaryFolder(t), 'a')
    writeFileSync(path, 'abc'.repeat(100_000))
    const piped = group.memoize((name: string) => createReadStream(name).pipe(createGzip()))
    const stream = piped(path)
    const chunks: Buffer[] = []
    stream.on('data', (chunk) => chunks.push(chunk))
    await once(stream, 'end')
    assert.equal(gunzipSync(Buffer.concat(chunks)).length, 300_000)
    assert.equal(failures.length, 1)
    const kept = group.memoize((name: string) => Readable.from(createReadStream(name).pipe(createGzip())))
    for (let round = 0; round < 2; round++) {
      const taken = await kept(path).toArray()
      assert.equal(gunzipSync(Buffer.concat(taken)).length, 300_000)
    }
    const rows = group.memoize(async function* (names: string) {
      yield* new Rows()
      yield names
    })
    for (let round = 0; round < 2; round++)
      assert.deepEqual(await Readable.from(rows('b')).toArray(), [1, 'b'])
    const keys = group.memoize((map: Map<string, number>) => [...map.keys()].values())
    for (let round = 0; round < 2; round++) assert.deepEqual([...keys(new Map([['a', 1]]))], ['a'])
    for (const f of [kept, rows, keys]) assert.equal(f.stats().hits, 1)
    assert.equal(failures.length, 1)
  })
})
