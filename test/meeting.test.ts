/** Where features meet: what a call around another one, or one beside it, must know of it. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as after } from 'node:timers/promises'
import { file, type GroupOptions, type InputFile, ignore } from 'permafrost'
import { temporaryFolder, temporaryGroup } from './support/temporary.js'

/** What no key covers. */
const world = ignore({ value: 1, isDown: false })

/** A group whose time stands still until it is told otherwise. */
function timedGroup(t: TestContext, options: GroupOptions = {}) {
  let now = 1_000_000_000_000
  world.value = 1
  world.isDown = false
  const made = temporaryGroup(t, { clock: () => now, ...options })
  return {
    ...made,
    pass: (milliseconds: number) => {
      now += milliseconds
    },
  }
}

function fileWith(t: TestContext, text: string): string {
  const path = join(temporaryFolder(t), 'input')
  writeFileSync(path, text)
  return path
}

const read = ({ path }: InputFile) => readFileSync(path, 'utf8')

test('a call lives no longer than one inside that is not kept, for whatever reason', (t) => {
  const { group, pass } = timedGroup(t)
  const unwanted = group.memoize(() => world.value, { ttl: '1s', shouldCache: () => false })
  const ofValue = group.memoize(() => world.value, { ttl: () => 1000, shouldCache: () => false })
  const ofNothing = group.memoize(() => world.value, {
    ttl: () => {
      throw new Error('no idea')
    },
    shouldCache: () => false,
  })
  const failing = group.memoize(
    () => {
      if (world.value === 1) throw new Error('down')
      return world.value
    },
    { ttl: '1s', cacheErrors: () => false },
  )
  const outer = [
    group.memoize(() => unwanted() * 10),
    group.memoize(() => ofValue() * 100),
    group.memoize(() => ofNothing() * 1000),
    group.memoize(() => {
      try {
        return failing()
      } catch {
        return 1
      }
    }),
  ]
  assert.deepEqual(
    outer.map((f) => f()),
    [10, 100, 1000, 1],
  )
  world.value = 2
  pass(2000)
  assert.deepEqual(
    outer.map((f) => f()),
    [20, 200, 2000, 2],
  )
})

test('a call that waited for another one, which fell back on an expired result, expires with that', async (t) => {
  const { group, pass } = timedGroup(t)
  const inner = group.memoize(
    async () => {
      const { isDown, value } = world
      await after(20)
      if (isDown) throw new Error('down')
      return value
    },
    { ttl: '1s', staleIfError: '1h' },
  )
  const first = group.memoize(async () => ['first', await inner()])
  const second = group.memoize(async () => ['second', await inner()])
  const both = () => Promise.all([first(), second()])
  await inner()
  pass(2000)
  world.isDown = true
  assert.deepEqual(await both(), [
    ['first', 1],
    ['second', 1],
  ])
  Object.assign(world, { isDown: false, value: 2 })
  assert.equal(await inner(), 2)
  assert.deepEqual(await both(), [
    ['first', 2],
    ['second', 2],
  ])
})

test('what a call goes on to do when it has returned counts for the call around it', async (t) => {
  const { group } = timedGroup(t)
  const path = fileWith(t, '1')
  const leaf = group.memoize(read)
  const inner = group.memoize(() => ({
    later: after(5).then(() => leaf(file(path))),
  }))
  const outer = group.memoize(async () => `got ${await inner().later}`)
  assert.equal(await outer(), 'got 1')
  writeFileSync(path, '2')
  assert.equal(await outer(), 'got 2')
})
