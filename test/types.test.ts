/**
 * What must and must not compile. The compiler checks this file as part of the build; running it only shows that it
 * was part of one.
 */
import { test } from 'node:test'
import { expectTypeOf } from 'expect-type'
import {
  type Digest,
  digest,
  type Entry,
  file,
  type InputFile,
  type Lookup,
  MemoizedGroup,
  memoize,
} from 'permafrost'

function overloaded(x: number): number
function overloaded(x: string): string
function overloaded(x: number | string): number | string {
  return x
}

function compiles(group: MemoizedGroup): void {
  // sync stays sync, async stays async
  const sync = memoize((x: number, y = 'a') => `${x}${y}`)
  expectTypeOf(sync).toBeCallableWith(1)
  expectTypeOf(sync(1, 'b')).toEqualTypeOf<string>()
  expectTypeOf(sync.peek(1)).toEqualTypeOf<string | undefined>()
  expectTypeOf(sync.refresh(1)).toEqualTypeOf<string>()
  expectTypeOf(sync.lookup(1)).toEqualTypeOf<Lookup<string>>()
  expectTypeOf(sync.wouldHit(1)).toEqualTypeOf<boolean>()
  const async = group.memoize(async (input: InputFile) => input.path.length)
  expectTypeOf(async(file('a'))).toEqualTypeOf<Promise<number>>()
  expectTypeOf(async.peek(file('a'))).toEqualTypeOf<number | undefined>()
  expectTypeOf(async.refresh(file('a'))).toEqualTypeOf<Promise<number>>()

  // generics and overloads stay
  const generic = memoize(<T>(x: T): T[] => [x])
  expectTypeOf(generic('a')).toEqualTypeOf<string[]>()
  const both = memoize(overloaded)
  expectTypeOf(both(1)).toEqualTypeOf<number>()
  expectTypeOf(both('a')).toEqualTypeOf<string>()

  // @ts-expect-error a wrong argument
  sync('1')
  // @ts-expect-error a wrong argument of an inspection method
  sync.peek('1')
  // @ts-expect-error too many arguments
  sync(1, 'a', 2)
  // @ts-expect-error a misspelled option
  memoize((x: number) => x, { tttl: 1 })
  // @ts-expect-error a duration of words
  memoize((x: number) => x, { ttl: '7 days' })
  // @ts-expect-error a wrong codec
  memoize((x: number) => x, { codec: 'xml' })
  // @ts-expect-error not a function
  memoize(7)
  // @ts-expect-error a misspelled group option
  new MemoizedGroup({ maxsize: 1 })
  // @ts-expect-error a size of words
  new MemoizedGroup({ maxSize: '10 gigs' })

  // streams stay what they are
  const lines = memoize(function* (text: string): Generator<string, number, undefined> {
    yield* text.split('\n')
    return text.length
  })
  expectTypeOf(lines('a')).toEqualTypeOf<Generator<string, number, undefined>>()
  expectTypeOf(lines.peek('a')).toEqualTypeOf<Generator<string, number, undefined> | undefined>()
  const web = memoize(async (url: string) => new ReadableStream<string>({ start: (c) => c.enqueue(url) }))
  expectTypeOf(web('a')).toEqualTypeOf<Promise<ReadableStream<string>>>()

  // options know the function
  memoize(async (x: number) => `${x}`, {
    ttl: (value) => (value === 'a' ? '7d' : 90),
    shouldCache: (value, { elapsed, key }) => value.length > elapsed && key.digest.length > 0,
    cacheKey: (x) => x.toFixed(),
  })
  new MemoizedGroup({
    maxSize: '10GiB',
    ttl: '1.5h',
    policy: { name: 'mine', score: (entry: Entry) => entry.size },
  })
  expectTypeOf(digest(1)).toEqualTypeOf<Digest>()

  class Model {
    weight = 1
    @memoize
    predict(x: number): number {
      return x * this.weight
    }
    @group.memoize
    async load(name: string): Promise<string> {
      return name
    }
    @memoize({ ttl: '1h', name: 'static' })
    static build(x: number): Model {
      return Object.assign(new Model(), { weight: x })
    }
    @group.memoize
    get area(): number {
      return this.weight
    }
  }
  expectTypeOf(new Model().predict(1)).toEqualTypeOf<number>()
  expectTypeOf(new Model().load('a')).toEqualTypeOf<Promise<string>>()
  expectTypeOf(new Model().area).toEqualTypeOf<number>()

  class Wrong {
    // @ts-expect-error fields cannot be decorated
    @memoize
    field = 1
  }
  void Wrong
}

test('the types compile as they should', () => {
  void compiles
})
