/** Results past their time: served while they are computed again, or where that fails. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { temporaryGroup } from './support/temporary.js'

describe('staleWhileRevalidate', () => {
  for (const kind of ['sync', 'async'] as const) {
    test(`serves what has expired and computes it again in the background: ${kind}`, async (t) => {
      let now = 1_000_000
      const { group, failures } = temporaryGroup(t, { clock: () => now })
      const seen = { computed: 0 }
      const tell = () => ++seen.computed
      const options = { ttl: 100, staleWhileRevalidate: 50, state: () => 0, version: 1, name: 'f' } as const
      const f =
        kind === 'sync'
          ? group.memoize((x: number) => [x, tell()], options)
          : group.memoize(async (x: number) => [x, tell()], options)
      assert.deepEqual(await f(1), [1, 1])
      now += 99
      assert.deepEqual(await f(1), [1, 1])
      now += 1
      // many callers, one refresher
      assert.deepEqual(await Promise.all([f(1), f(1), f(1)]), [
        [1, 1],
        [1, 1],
        [1, 1],
      ])
      await turn()
      await turn()
      assert.equal(seen.computed, 2)
      assert.deepEqual(await f(1), [1, 2])
      // and past that time it is computed while the caller waits
      now += 150
      assert.deepEqual(await f(1), [1, 3])
      assert.deepEqual(failures, [])
    })
  }

  test('a refresh that fails leaves what there is, and harms nobody', async (t) => {
    let now = 1_000_000
    const { group, failures } = temporaryGroup(t, { clock: () => now })
    const state = { fail: false }
    const check = () => {
      if (state.fail) throw new Error('no')
    }
    const f = group.memoize(
      async (x: number) => {
        check()
        return x
      },
      { ttl: 100, staleWhileRevalidate: 50, version: 1, name: 'f' },
    )
    await f(1)
    now += 120
    state.fail = true
    assert.equal(await f(1), 1)
    await turn()
    assert.equal(await f(1), 1)
    now += 30
    await assert.rejects(f(1), /no/)
    assert.deepEqual(failures, [])
  })

  test('lookup and wouldHit agree with the call', (t) => {
    let now = 1_000_000
    const { group } = temporaryGroup(t, { clock: () => now })
    const f = group.memoize((x: number) => x, { ttl: 100, staleWhileRevalidate: 50 })
    f(1)
    now += 149
    assert.equal(f.wouldHit(1), true)
    now += 1
    assert.equal(f.wouldHit(1), false)
    assert.match(f.why(1), /^expired/)
  })
})

describe('staleIfError', () => {
  for (const kind of ['sync', 'async'] as const) {
    test(`gives what has expired where computing it fails: ${kind}`, async (t) => {
      let now = 1_000_000
      const { group } = temporaryGroup(t, { clock: () => now })
      const state = { fail: false, computed: 0 }
      const compute = (x: number) => {
        state.computed++
        if (state.fail) throw new Error('no')
        return [x]
      }
      const options = { ttl: 100, staleIfError: '1s', version: 1, name: 'f' } as const
      const f =
        kind === 'sync'
          ? group.memoize((x: number) => compute(x), options)
          : group.memoize(async (x: number) => compute(x), options)
      const call = async () => f(1)
      await call()
      state.fail = true
      now += 100
      assert.deepEqual(await call(), [1])
      assert.equal(state.computed, 2)
      now += 999
      assert.deepEqual(await call(), [1])
      now += 1
      await assert.rejects(call, /no/)
      state.fail = false
      assert.deepEqual(await call(), [1])
      assert.equal(f.wouldHit(1), true)
    })
  }

  test('survives gc for that long', async (t) => {
    let now = 1_000_000
    const { group } = temporaryGroup(t, { clock: () => now })
    const state = { fail: false }
    const f = group.memoize(
      () => {
        if (state.fail) throw new Error('no')
        return 1
      },
      { ttl: 100, staleIfError: '1s', version: 1, name: 'f' },
    )
    f()
    now += 500
    assert.equal((await group.gc()).expired, 0)
    state.fail = true
    assert.equal(f(), 1)
    now += 700
    assert.equal((await group.gc()).expired, 1)
    assert.throws(f, /no/)
  })
})
