/** Blob stores as a whole: what is listed, what leaves, what is found damaged, what travels; and what never happens. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { type BlobStore, openBlobStore } from 'permafrost/blob'
import { copyResults } from '#src/shared/copy.js'
import { objectKey } from '#src/shared/place.js'
import { describe as described, listResults, sumUp } from '#src/shared/survey.js'
import { Tier, type Upload } from '#src/shared/tier.js'
import { collect } from '#src/shared/upkeep.js'
import { verifyResults } from '#src/shared/verify.js'
import { credentials, s3Store } from '../blob/s3-server.js'
import { temporaryFolder } from '../support/temporary.js'
import { DAY, parcel, put, timed } from './parcels.js'

const large = (fill: number, length = 70_000): Uint8Array => new Uint8Array(length).fill(fill)

const keysOf = async (store: BlobStore, prefix = ''): Promise<string[]> => {
  const keys: string[] = []
  for await (const { key } of store.list(prefix)) keys.push(key)
  return keys
}

const all = async <T>(things: AsyncIterable<T>): Promise<T[]> => {
  const found: T[] = []
  for await (const one of things) found.push(one)
  return found
}

const nothing = { results: 0, leases: 0, attempts: 0, objects: 0, bytesFreed: 0, unreadable: 0 }

/** Blobs that permafrost did not write, some where its own would be. */
async function withStrangers(store: BlobStore): Promise<readonly string[]> {
  const { key, memo } = parcel(9_999_999)
  const strangers: [string, string][] = [
    ['permafrost-1/readme', 'hello'],
    [key, 'no result at all, but longer than what comes before a header of one'],
    [`${memo}/lease`, '{"format":2}'],
    [`${memo}/notes`, 'of somebody'],
    [`${memo}/attempts/1`, 'of somebody'],
    [`permafrost-objects/ab/${'c'.repeat(64)}`, 'in the wrong place'],
    ['permafrost-objects/notes', 'of somebody'],
    ['zebra', 'another program'],
  ]
  for (const [name, text] of strangers) await store.put(name, Buffer.from(text))
  await store.put(parcel(9_999_998).key, new Uint8Array(0))
  return [...strangers.map(([name]) => name), parcel(9_999_998).key]
}

const kinds: Readonly<Record<string, (t: TestContext) => Promise<() => Promise<BlobStore>>>> = {
  memory: async (t) => {
    const name = `memory:${t.name.replaceAll(/\W/g, '')}${Math.random()}`
    return () => openBlobStore(name)
  },
  file: async (t) => {
    const folder = temporaryFolder(t)
    return () => openBlobStore(`file://${folder}`)
  },
  s3: async (t) => {
    const server = await s3Store()
    t.after(() => server.close())
    return () => openBlobStore('s3://bucket/some', { ...credentials, endpoint: server.url })
  },
}

for (const [kind, opening] of Object.entries(kinds)) {
  test(`${kind}: results are listed and summed up, and nothing else is`, async (t) => {
    const store = await (await opening(t))()
    await withStrangers(store)
    for (let n = 0; n < 5; n++) await put(store, n, { functionId: 'src/a.js#f', leaves: [large(1)] })
    await put(store, 1, { functionId: 'src/b.js#g', pipelineId: 'other/part' })
    const listed = await all(listResults(store, { functionId: 'src/a*f' }))
    assert.deepEqual(
      listed.map(({ functionId, logicKey, pipelineId }) => [pipelineId, functionId, logicKey]),
      listed.map(() => ['test', 'src/a.js#f', 'v=1']),
    )
    assert.equal(listed.length, 5)
    assert.equal((await all(listResults(store, { pipelineId: 'other' }))).length, 1)
    assert.equal((await all(listResults(store, { pipelineId: 'oth' }))).length, 0)
    const [one] = await all(described(store, { pipelineId: 'other' }))
    assert.equal(one?.header?.about.by, 'ada')
    const sum = await sumUp(store, { functionId: 'src/*' })
    assert.deepEqual([sum.results, sum.objects, sum.objectBytes], [6, 1, 70_000])
    assert.deepEqual(
      sum.functions.map(({ functionId, results, versions }) => [functionId, results, versions]),
      [
        ['src/b.js#g', 1, 1],
        ['src/a.js#f', 5, 1],
      ],
    )
  })

  test(`${kind}: what is damaged is found, and repairing removes it and nothing else`, async (t) => {
    const store = await (await opening(t))()
    const strangers = await withStrangers(store)
    const sound = await put(store, 0, { leaves: [large(1)] })
    const big = await put(store, 1, { payload: large(5, 20_000) })
    const [cut, moved, gone, altered, header] = [2, 3, 4, 5, 6].map((n) =>
      parcel(n, { leaves: n === 4 || n === 5 ? [large(n)] : [], payload: large(n, 20_000) }),
    )
    await store.put(cut!.key, cut!.blob.subarray(0, -3))
    await store.put(moved!.key, sound.blob)
    await store.put(gone!.key, gone!.blob)
    await store.put(altered!.key, altered!.blob)
    await store.put(altered!.objects[0]!, large(99))
    await store.put(header!.key, Buffer.concat([header!.blob.subarray(0, 60), Buffer.alloc(30_000)]))
    const flipped = Buffer.from(parcel(7).blob)
    flipped[flipped.length - 1]! ^= 1
    await store.put(parcel(7).key, flipped)
    const { problems, results } = await verifyResults(store)
    assert.equal(results, 10)
    assert.deepEqual(problems.map(({ code }) => code).sort(), [
      'damaged',
      'damaged',
      'damaged',
      'foreign',
      'foreign',
      'misplaced',
      'object-damaged',
      'object-missing',
    ])
    assert.equal(
      problems.some(({ repaired }) => repaired),
      false,
    )
    const repaired = await verifyResults(store, { repair: true })
    assert.equal(repaired.problems.filter((one) => one.repaired).length, 6)
    assert.deepEqual(
      (await verifyResults(store)).problems.map(({ code }) => code),
      ['foreign', 'foreign'],
    )
    const left = (await keysOf(store)).filter((key) => !key.startsWith('permafrost-probe/'))
    assert.deepEqual(left, [sound.key, big.key, ...sound.objects, ...strangers].sort())
  })

  test(`${kind}: a copy arrives, with its objects, and only once`, async (t) => {
    const from = await (await opening(t))()
    const to = await openBlobStore(`file://${temporaryFolder(t)}`)
    await withStrangers(from)
    for (let n = 0; n < 40; n++) await put(from, n, { leaves: n % 2 === 0 ? [large(n % 3)] : [] })
    await put(from, 50, { payload: large(1, 9 << 20) })
    const lost = parcel(60, { leaves: [large(77)] })
    await from.put(lost.key, lost.blob)
    const report = await copyResults(from, to)
    assert.deepEqual([report.copied, report.present, report.objects], [41, 0, 3])
    // what nobody wrote, and what has lost its object
    assert.equal(report.refused, 3)
    assert.deepEqual((await verifyResults(to)).problems, [])
    const again = await copyResults(from, to)
    assert.deepEqual([again.copied, again.present, again.objects, again.bytes], [0, 41, 0, 0])
  })
}

test('without the key nobody can tell what is signed from what is damaged, so it stays', async () => {
  const store = await openBlobStore('memory:')
  await put(store, 1, { signingKey: 'secret' })
  await put(store, 2)
  const codes = async (signingKey?: string) =>
    (await verifyResults(store, { repair: true, signingKey })).problems.map(({ code, repaired }) => [
      code,
      repaired,
    ])
  assert.deepEqual(await codes(), [['seal', false]])
  assert.deepEqual(await codes('secret'), [['unsigned', false]])
  assert.deepEqual(await codes('other'), [
    ['seal', true],
    ['unsigned', false],
  ])
})

test('a store that cannot list says so', async () => {
  const inner = await openBlobStore('memory:')
  const store = await openBlobStore('http://127.0.0.1:1/')
  for (const work of [sumUp, collect, verifyResults])
    await assert.rejects(work(store), { code: 'ERR_BLOB_UNSUPPORTED', message: /cannot list its blobs/ })
  await assert.rejects(copyResults(store, inner), { code: 'ERR_BLOB_UNSUPPORTED' })
})

// garbage ----------------------------------------------------------------------------------------------------------

test('what is old leaves, by the clock of the store, and nobody else does', async () => {
  let now = 50 * DAY
  const store = timed(await openBlobStore('memory:'), () => now)
  // this machine is years behind
  const clock = (): number => 0
  const strangers = await withStrangers(store)
  const old = await put(store, 1, { leaves: [large(1), large(2)] })
  const other = await put(store, 2, { functionId: 'g' })
  const lease = {
    format: 1,
    owner: 'o',
    by: 'b',
    nonce: 'n',
    beat: 0,
    token: 1,
    duration: 60_000,
    free: false,
  }
  await store.put(`${old.memo}/lease`, Buffer.from(JSON.stringify(lease)))
  await store.put(`${old.memo}/attempts/1`, old.blob)
  await store.put(`${other.memo}/attempts/1`, other.blob)
  now += 10 * DAY
  const young = await put(store, 3, { leaves: [large(2), large(3)] })
  await store.put(`${young.memo}/lease`, Buffer.from(JSON.stringify(lease)))
  await store.put(objectKey('a'.repeat(64)), Buffer.from('on its way'))
  const before = await keysOf(store)
  const options = { clock, olderThan: 5 * DAY, functionId: 'f' }
  const planned = await collect(store, { ...options, dryRun: true })
  assert.deepEqual(await keysOf(store), before)
  const done = await collect(store, options)
  assert.deepEqual(done, planned)
  const { bytesFreed, ...counts } = done
  assert.deepEqual(counts, { results: 1, leases: 1, attempts: 1, objects: 1, unreadable: 0 })
  assert.ok(bytesFreed > 70_000)
  assert.deepEqual(
    await keysOf(store),
    [
      other.key,
      `${other.memo}/attempts/1`,
      young.key,
      ...young.objects,
      `${young.memo}/lease`,
      objectKey('a'.repeat(64)),
      ...strangers,
    ].sort(),
  )
  assert.deepEqual(await collect(store, options), nothing)
})

test('as long as there is a result that nobody understands, all objects stay', async () => {
  let now = 50 * DAY
  const store = timed(await openBlobStore('memory:'), () => now)
  await store.put(objectKey('a'.repeat(64)), Buffer.from('object'))
  now += 2 * DAY
  const { blob, key } = parcel(1)
  const later = Buffer.from(blob)
  later[14] = 2
  await store.put(key, later)
  assert.deepEqual(await collect(store), { ...nothing, unreadable: 1 })
  await store.delete(key)
  await store.put('permafrost-2/results/of/tomorrow', Buffer.from('?'))
  assert.deepEqual(await collect(store), { ...nothing, unreadable: 1 })
  await store.delete('permafrost-2/results/of/tomorrow')
  assert.equal((await collect(store)).objects, 1)
})

/** Uploads as groups make them. */
function upload(tier: Tier, n: number, leaves: readonly Uint8Array[]): Promise<string> {
  const { memo } = parcel(n)
  return new Promise((done) => {
    const offered: Upload = {
      place: { memo, memospace: memo.replace(/\/[^/]*$/, '') },
      facts: { codec: 'cbor1', async: false, threw: false, computeTime: 1, createdAt: 1, expiresAt: null },
      about: { name: 'f', by: 'a', host: 'h', pid: 1, node: 'v', permafrost: '1', code: 'c' },
      size: 1,
      read: () => ({ bytes: Buffer.from(`${n}`), leaves }),
      adopt: () => undefined,
      done,
    }
    tier.offer(offered)
  })
}

test('whatever order things happen in, gc takes no object from a result', async () => {
  const pieces = fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 1, maxLength: 2 })
  const setup = fc.record({
    /** What is there: how old, and what it names. Objects outlive their results. */
    before: fc.array(
      fc.record({ hours: fc.constantFrom(1, 20, 30, 60), leaves: pieces, stays: fc.boolean() }),
      { minLength: 1, maxLength: 3 },
    ),
    /** What is sent, and how many requests of others come between objects and result. */
    uploads: fc.array(fc.record({ leaves: pieces, rests: fc.integer({ min: 0, max: 20 }) }), {
      minLength: 1,
      maxLength: 3,
    }),
    collections: fc.array(fc.constantFrom(undefined, 6, 25), { minLength: 1, maxLength: 2 }),
    /** That a request takes; all together take less than half a day. */
    minutes: fc.integer({ min: 0, max: 2 }),
  })
  await fc.assert(
    fc.asyncProperty(setup, fc.scheduler(), async ({ before, collections, minutes, uploads }, scheduler) => {
      let now = 100 * DAY
      const inner = await openBlobStore('memory:')
      const none = async (): Promise<void> => undefined
      let turn: (what: string) => Promise<void> = none
      const store = timed(
        inner,
        () => now,
        (what) => turn(what),
      )
      for (const [n, { hours, leaves, stays }] of before.toSorted((a, b) => b.hours - a.hours).entries()) {
        now = 100 * DAY - hours * 3_600_000
        const made = await put(store, 100 + n, { leaves: leaves.map((fill) => large(fill)) })
        if (!stays) await store.delete(made.key)
      }
      now = 100 * DAY
      const rests = new Map(uploads.map((one, n) => [`put ${parcel(n).key}`, one.rests]))
      turn = async (what) => {
        for (let left = rests.get(what) ?? 0; left >= 0; left--) await scheduler.schedule(Promise.resolve())
        now += minutes * 60_000
      }
      const tier = new Tier({
        open: async () => store,
        mode: 'write',
        signingKey: undefined,
        patience: 1e6,
        clock: () => now,
        now: () => 0,
        report: (error) => assert.fail(error),
      })
      const work = [
        ...uploads.map(({ leaves }, n) =>
          upload(
            tier,
            n,
            leaves.map((fill) => large(fill)),
          ),
        ),
        ...collections.map((hours) =>
          collect(store, {
            clock: () => now,
            olderThan: hours === undefined ? undefined : hours * 3_600_000,
          }),
        ),
      ]
      await scheduler.waitFor(Promise.all(work))
      turn = none
      const lost = (await verifyResults(store)).problems
      assert.deepEqual(lost, [])
    }),
    { numRuns: 300 },
  )
})

// large numbers, and stops -----------------------------------------------------------------------------------------

test('ten thousand results: listed, summed up, verified, copied half, the rest, tidied', async () => {
  let now = 50 * DAY
  const from = timed(await openBlobStore('memory:'), () => now)
  const to = await openBlobStore('memory:')
  const COUNT = 10_000
  for (let n = 0; n < COUNT; n++) {
    const { blob, key } = parcel(n, { functionId: `f${n % 10}` })
    await from.put(key, blob)
  }
  assert.equal((await sumUp(from)).results, COUNT)
  assert.deepEqual(await verifyResults(from), { results: COUNT, objects: 0, problems: [] })
  const controller = new AbortController()
  let told = 0
  const stopped = await copyResults(from, to, {
    signal: controller.signal,
    onProgress: (done, total) => {
      assert.equal(total, COUNT)
      assert.equal(done, ++told)
      if (done === 4000) controller.abort()
    },
  })
  assert.ok(stopped.copied >= 4000 && stopped.copied < 4100, `${stopped.copied}`)
  const rest = await copyResults(from, to, { startAt: stopped.next })
  assert.ok(rest.present < 100, 'what was looked at is passed over')
  assert.equal((await copyResults(from, to)).present, COUNT)
  assert.deepEqual((await verifyResults(to)).results, COUNT)
  now += 3 * DAY
  const halted = new AbortController()
  const onProgress = (done: number): void => {
    if (done === 3000) halted.abort()
  }
  const some = await collect(from, { olderThan: DAY, signal: halted.signal, onProgress, clock: () => now })
  assert.ok(some.results >= 3000 && some.results < 3100, `${some.results}`)
  const others = await collect(from, { olderThan: DAY, clock: () => now })
  assert.equal(some.results + others.results, COUNT)
  assert.deepEqual(await keysOf(from, 'permafrost-1/'), [])
})

test('a copy that fails anywhere is gone on with, and no result is ever without its objects', async () => {
  const from = await openBlobStore('memory:')
  for (let n = 0; n < 12; n++) await put(from, n, { leaves: [large(n % 4), large(10 + n)] })
  const inner = await openBlobStore('memory:')
  for (let fails = 0; ; fails++) {
    let left = fails
    const to = new Proxy(inner, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target)
        if (typeof value !== 'function') return value
        return (...args: unknown[]) => {
          if (name === 'put' && left-- <= 0) return Promise.reject(new Error('killed'))
          return Reflect.apply(value, target, args)
        }
      },
    })
    const came = await copyResults(from, to).catch((error: Error) => error.message)
    assert.deepEqual((await verifyResults(inner)).problems, [])
    if (came !== 'killed') break
  }
  assert.equal((await all(listResults(inner))).length, 12)
})
