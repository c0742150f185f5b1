/** Concurrent callers of one asynchronous call: each has a value of its own, and the right one. */
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { temporaryGroup } from './support/temporary.js'

test('two functions of the same code with different codecs', async (t) => {
  const { group } = temporaryGroup(t)
  const fn = async (x: number) => {
    await pause(5)
    return x
  }
  const [json, cbor] = [group.memoize(fn, { codec: 'json' }), group.memoize(fn)]
  assert.deepEqual(await Promise.all([json(1), cbor(1)]), [1, 1])
  const object = async (x: number) => {
    await pause(5)
    return { x }
  }
  const [one, other] = [group.memoize(object, { codec: 'json' }), group.memoize(object)]
  assert.deepEqual(await Promise.all([one(1), other(1)]), [{ x: 1 }, { x: 1 }])
})

test('what cannot be copied is made for each', async (t) => {
  const { group } = temporaryGroup(t)
  const f = group.memoize(
    async () => {
      await null
      return Readable.from(['a', 'b'])
    },
    { onUncacheable: 'ignore' },
  )
  const streams = await Promise.all([f(), f(), f()])
  for (const stream of streams) assert.deepEqual(await stream.toArray(), ['a', 'b'])
})

test('what is not to be kept is copied all the same', async (t) => {
  const { group } = temporaryGroup(t)
  const seen: number[] = []
  const tell = (x: number) => seen.push(x)
  const f = group.memoize(
    async (x: number) => {
      tell(x)
      await pause(5)
      return { x }
    },
    { shouldCache: () => false, version: 1, name: 'f' },
  )
  const [one, other] = await Promise.all([f(1), f(1)])
  one.x = 5
  assert.equal(other.x, 1)
  assert.deepEqual(seen, [1])
})

test('a promise that is more than a promise is handed over as it is', async (t) => {
  const { failures, group } = temporaryGroup(t)
  const process = group.memoize(() => Object.assign(Promise.resolve(1), { pid: 7 }))
  const running = process()
  assert.equal(running.pid, 7)
  assert.equal(await running, 1)
  class Own extends Promise<number> {}
  const own = group.memoize(() => Own.resolve(2))
  assert.ok(own() instanceof Own)
  const thrower = group.memoize(() =>
    Object.defineProperty(Promise.resolve(3), 'then', {
      get: () => {
        throw new Error('no')
      },
    }),
  )
  assert.ok(thrower() instanceof Promise)
  assert.deepEqual(
    failures.map(({ code }) => code),
    ['ERR_UNENCODABLE', 'ERR_UNENCODABLE', 'ERR_UNENCODABLE'],
  )
})
