/** How many results are on their way at a time, and who waits until there is room. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BlobStore, openBlobStore } from '#src/blob/index.js'
import { Tier, type Upload } from '#src/shared/tier.js'

/** A tier over a store that keeps what is written waiting. */
async function held() {
  const inner = await openBlobStore('memory:')
  const writes: (() => void)[] = []
  const store: BlobStore = new Proxy(inner, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return async (...args: unknown[]) => {
        if (name === 'put') await new Promise<void>((resolve) => void writes.push(resolve))
        return Reflect.apply(value, target, args)
      }
    },
  })
  const tier = new Tier({
    open: async () => store,
    mode: 'read-write',
    signingKey: undefined,
    patience: 60_000,
    clock: () => 0,
    now: () => 0,
    report: (error) => {
      throw error
    },
  })
  let count = 0
  const offer = (size: number): void => {
    const memo = `space/${count++}`
    const upload: Upload = {
      place: { memospace: 'space', memo },
      facts: { codec: 'c', async: true, threw: false, computeTime: 0, createdAt: 0, expiresAt: null },
      about: { name: 'f', by: '', host: '', pid: 0, node: '', permafrost: '', code: '' },
      size,
      read: () => ({ bytes: new Uint8Array(1), leaves: [] }),
      adopt: () => assert.fail('nobody else was first'),
      done: () => {},
    }
    tier.offer(upload)
  }
  /** When all that can happen has happened. */
  const settled = () => new Promise((resolve) => setImmediate(resolve))
  return { tier, offer, writes, settled }
}

test('small results go sixty-four at a time, large ones by their bytes', async () => {
  const { offer, settled, tier, writes } = await held()
  for (let index = 0; index < 100; index++) offer(1000)
  await settled()
  assert.equal(writes.length, 64)
  const all = tier.push()
  while (writes.length > 0) {
    for (const write of writes.splice(0)) write()
    await settled()
  }
  assert.equal((await all).sent, 100)

  for (let index = 0; index < 4; index++) offer(30 << 20)
  offer(100 << 20)
  const rest = tier.push()
  const together: number[] = []
  for (await settled(); writes.length > 0; await settled()) {
    together.push(writes.length)
    for (const write of writes.splice(0)) write()
  }
  assert.deepEqual(together, [2, 2, 1])
  assert.equal((await rest).sent, 5)
})

test('callers wait where a thousand results do, one for each that is sent', async () => {
  const { offer, settled, tier, writes } = await held()
  await tier.room()
  for (let index = 0; index < 1064; index++) offer(10)
  await settled()
  const entered: string[] = []
  void tier.room().then(() => entered.push('first'))
  void tier.room().then(() => entered.push('second'))
  const controller = new AbortController()
  void tier.room(controller.signal).then(() => entered.push('given up'))
  await settled()
  assert.deepEqual(entered, [])
  controller.abort()
  await settled()
  assert.deepEqual(entered, ['given up'])
  writes.shift()!()
  await settled()
  assert.deepEqual(entered, ['given up', 'first'])
  void tier.close()
  await settled()
  for (const write of writes) write()
  await settled()
  assert.deepEqual(entered, ['given up', 'first', 'second'])
})
