/** What a blob store behind the directory must not change: each option and method means what it meant without. */
import assert from 'node:assert/strict'
import diagnostics from 'node:diagnostics_channel'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  file,
  type GroupOptions,
  type InputFile,
  ignore,
  type MemoizedGroup,
  memoize,
  requireAllResults,
} from 'permafrost'
import { BlobError } from 'permafrost/blob'
import { temporaryFolder, temporaryGroup } from '../support/temporary.js'
import { gated, latch } from './gated.js'

type Machine = ReturnType<typeof temporaryGroup>

/** A function that gives another value each time it runs. */
function numbered() {
  const ran = ignore({ times: 0 })
  return { ran, next: async (_x: unknown) => ++ran.times }
}

test('what is forgotten is gone there, too: nobody finds it again, not even at once', async (t) => {
  const gate = await gated()
  const options: GroupOptions = { blobStore: gate.store, lease: false }
  const [one, other, third] = [1, 2, 3].map(() => temporaryGroup(t, options)) as [Machine, Machine, Machine]
  const { next, ran } = numbered()
  const here = one.group.memoize(next)
  assert.equal(await here(1), 1)
  await one.group.push()
  assert.equal(await other.group.memoize(next)(1), 1)
  assert.equal(here.forget(1), true)
  assert.equal(await here(1), 2, 'at once')
  await one.group.push()
  assert.equal(await third.group.memoize(next)(1), 2)
  here.forget(1)
  await one.group.push()
  assert.equal(await temporaryGroup(t, options).group.memoize(next)(1), 3)
  assert.equal(ran.times, 3)
  assert.deepEqual(one.failures, [])
})

test('what is forgotten while it is on its way does not arrive', async (t) => {
  const gate = await gated()
  const { group } = temporaryGroup(t, { blobStore: gate.store, lease: false })
  const { next } = numbered()
  const here = group.memoize(next)
  const putting = latch()
  gate.before = (method) => (method === 'put' ? putting.opened : undefined)
  await here(1)
  here.forget(1)
  putting.open()
  await group.push()
  assert.equal(await temporaryGroup(t, { blobStore: gate.store }).group.memoize(next)(1), 2)
})

test('what may not be removed is replaced, and not found meanwhile', async (t) => {
  const gate = await gated()
  gate.before = (method) => {
    if (method === 'delete') throw new BlobError('ERR_BLOB_DENIED', 'no')
  }
  const options: GroupOptions = { blobStore: gate.store, lease: false }
  const { group } = temporaryGroup(t, options)
  const { next } = numbered()
  const here = group.memoize(next)
  await here(1)
  await group.push()
  here.forget(1)
  await group.push()
  assert.equal(await here(1), 2)
  await group.push()
  assert.equal(await temporaryGroup(t, options).group.memoize(next)(1), 2)
})

test('a result that was forgotten while it was asked for does not stay', async (t) => {
  const gate = await gated()
  const [one, other] = [1, 2].map(() => temporaryGroup(t, { blobStore: gate.store })) as [Machine, Machine]
  const { next } = numbered()
  await one.group.memoize(next)(1)
  await one.group.push()
  const [asked, answered] = [latch(), latch()]
  gate.before = (method) => {
    if (method !== 'get') return undefined
    asked.open()
    return answered.opened
  }
  const there = other.group.memoize(next)
  const early = there(1)
  await asked.opened
  const fresh = await there.refresh(1)
  answered.open()
  await early
  assert.equal(await there(1), fresh, 'what was computed anew counts')
})

test('a refresh wins over an upload of the old one that runs, and over what others had put there first', async (t) => {
  const gate = await gated()
  const options: GroupOptions = { blobStore: gate.store, lease: false }
  const [one, other] = [1, 2].map(() => temporaryGroup(t, options)) as [Machine, Machine]
  const { next } = numbered()
  const [here, there] = [one.group.memoize(next), other.group.memoize(next)]
  const putting = latch()
  gate.before = (method) => (method === 'put' ? putting.opened : undefined)
  await Promise.all([here(1), there(1)])
  // both are held up; whoever comes second will want to take the first one over
  const fresh = await there.refresh(1)
  putting.open()
  await Promise.all([one.group.push(), other.group.push()])
  assert.equal(await there(1), fresh)
  assert.equal(await temporaryGroup(t, options).group.memoize(next)(1), fresh)
})

test('arguments that are changed while others are asked: nothing is kept under a key that is not theirs', async (t) => {
  const gate = await gated()
  const options: GroupOptions = { blobStore: gate.store }
  const [one, other] = [1, 2].map(() => temporaryGroup(t, options)) as [Machine, Machine]
  const sum = async (list: number[]) => list.reduce((a, b) => a + b, 0)
  // of functions that are not declared so, the first calls tell that they give promises; they may stop doing so
  const either = (list: number[]) => (list.length > 3 ? sum(list) : list.reduce((a, b) => a + b, 0))
  await one.group.memoize(sum)([1, 2, 3])
  await one.group.memoize(sum)([7])
  await one.group.push()
  for (const fn of [sum, either]) {
    const there = other.group.memoize(fn as typeof sum)
    await there([1, 1, 1, 1])
    const asked = latch()
    const answered = latch()
    gate.before = (method, key) => {
      if (method !== 'get' || !key.endsWith('/result')) return undefined
      asked.open()
      return answered.opened
    }
    const list = [10]
    const early = there(list)
    await asked.opened
    list[0] = 20
    answered.open()
    await early
    gate.before = () => {}
    assert.equal(await there([10]), 10)
    assert.equal(await there([20]), 20)
  }
})

test('whoever waits for another process has the arguments that it has now', async (t) => {
  const gate = await gated()
  const directory = join(temporaryFolder(t), 'cache')
  const options: GroupOptions = { blobStore: gate.store, directory }
  const [one, other] = [1, 2].map(() => temporaryGroup(t, options)) as [Machine, Machine]
  const finished = ignore(latch())
  const isSlow = ignore({ yes: true })
  const sum = async (list: number[]) => {
    if (isSlow.yes) await finished.opened
    return list.reduce((a, b) => a + b, 0)
  }
  const remote = temporaryGroup(t, { blobStore: gate.store, lease: false })
  isSlow.yes = false
  await remote.group.memoize(sum)([20])
  await remote.group.push()
  isSlow.yes = true
  // holds the turn, and will not keep what it gives
  const here = one.group.memoize(sum, { shouldCache: () => false })
  const there = other.group.memoize(sum)
  const first = here([10])
  while (!gate.asked.includes('put lease')) await new Promise((resolve) => setImmediate(resolve))
  const list = [10]
  const late = there(list)
  list[0] = 20
  finished.open()
  await Promise.all([first, late])
  isSlow.yes = false
  assert.equal(await there([10]), 10)
})

test('what was read elsewhere counts: another content here is a miss', async (t) => {
  const gate = await gated()
  const path = join(temporaryFolder(t), 'input.txt')
  const options: GroupOptions = { blobStore: gate.store }
  const read = async (name: string) => readFileSync(name, 'utf8')
  writeFileSync(path, 'first')
  const one = temporaryGroup(t, options)
  assert.equal(await one.group.memoize(read, { inputs: 'auto' })(path), 'first')
  await one.group.push()
  assert.equal(await temporaryGroup(t, options).group.memoize(read, { inputs: 'auto' })(path), 'first')
  writeFileSync(path, 'second')
  const other = temporaryGroup(t, options)
  const there = other.group.memoize(read, { inputs: 'auto' })
  assert.equal(await there(path), 'second')
  await other.group.push()
  const third = temporaryGroup(t, options).group.memoize(read, { inputs: 'auto', resultsOnly: true })
  assert.equal(await third(path), 'second', 'what is of no use any more is replaced')
  writeFileSync(path, 'first')
  assert.equal(await there(path), 'first')
})

test('files as arguments count by content, wherever the store is asked', async (t) => {
  const gate = await gated()
  const { ran } = numbered()
  const folder = temporaryFolder(t)
  const path = join(folder, 'rows')
  const length = async (input: InputFile) => {
    ran.times++
    return readFileSync(input.path, 'utf8').length
  }
  writeFileSync(path, 'abc')
  const one = temporaryGroup(t, { blobStore: gate.store })
  assert.equal(await one.group.memoize(length)(file(path)), 3)
  await one.group.push()
  assert.equal(await temporaryGroup(t, { blobStore: gate.store }).group.memoize(length)(file(path)), 3)
  assert.equal(ran.times, 1)
  writeFileSync(path, 'abcd')
  assert.equal(await temporaryGroup(t, { blobStore: gate.store }).group.memoize(length)(file(path)), 4)
})

test('output, streams and errors travel; each is played again', async (t) => {
  const gate = await gated()
  const options: GroupOptions = { blobStore: gate.store }
  const { ran } = numbered()
  const count = async (most: number) => {
    ran.times++
    return (async function* () {
      for (let x = 0; x < most; x++) yield { x }
    })()
  }
  const all = async (group: MemoizedGroup): Promise<unknown[]> => {
    const values: unknown[] = []
    for await (const value of await group.memoize(count)(3)) values.push(value)
    return values
  }
  const one = temporaryGroup(t, options)
  const wanted = [{ x: 0 }, { x: 1 }, { x: 2 }]
  assert.deepEqual(await all(one.group), wanted)
  await one.group.push()
  const other = temporaryGroup(t, options)
  assert.deepEqual(await all(other.group), wanted)
  assert.deepEqual(await all(other.group), wanted)
  assert.equal(ran.times, 1)
  const say = async (what: string) => {
    console.log(what)
    return what
  }
  const written: string[] = []
  const { write } = process.stdout
  process.stdout.write = ((chunk: string) => {
    written.push(String(chunk))
    return true
  }) as typeof write
  try {
    await one.group.memoize(say, { captureOutput: true })('said')
    await one.group.push()
    await other.group.memoize(say, { captureOutput: true, resultsOnly: true })('said')
  } finally {
    process.stdout.write = write
  }
  assert.equal(written.filter((text) => text === 'said\n').length, 2)
})

test('an async generator sends what it gave, and finds what was pulled', async (t) => {
  const gate = await gated()
  const { ran } = numbered()
  const count = async function* (most: number) {
    ran.times++
    for (let x = 0; x < most; x++) yield x
  }
  const all = async (stream: AsyncIterable<number>) => {
    const values: number[] = []
    for await (const value of stream) values.push(value)
    return values
  }
  const [one, other] = [1, 2].map(() => temporaryGroup(t, { blobStore: gate.store })) as [Machine, Machine]
  assert.deepEqual(await all(one.group.memoize(count)(2)), [0, 1])
  await one.group.push()
  const there = other.group.memoize(count)
  assert.deepEqual(await other.group.pull(there, [[2]]), { pulled: 1, present: 0, missing: 0 })
  assert.deepEqual(await all(there(2)), [0, 1])
  assert.equal(ran.times, 1)
})

test('who gives up while others are asked has given up for himself alone', async (t) => {
  const gate = await gated()
  const { failures, group } = temporaryGroup(t, { blobStore: gate.store })
  const square = group.memoize(async (x: number, _more?: { signal: AbortSignal }) => x * x)
  const [asked, answered] = [latch(), latch()]
  let count = 0
  gate.before = (method) => {
    if (method !== 'get') return undefined
    // as many as look at a time
    if (++count === 64) asked.open()
    return answered.opened
  }
  const controller = new AbortController()
  const { signal } = controller
  const warnings: Error[] = []
  const warned = (warning: Error) => void warnings.push(warning)
  process.on('warning', warned)
  t.after(() => process.off('warning', warned))
  const all = Array.from({ length: 100 }, (_, x) => square(x, { signal }))
  const patient = square(1)
  await asked.opened
  const reason = new Error('enough')
  controller.abort(reason)
  answered.open()
  for (const settled of await Promise.allSettled(all)) {
    if (settled.status === 'rejected') assert.equal(settled.reason, reason)
    else assert.fail('it was given up')
  }
  assert.equal(await patient, 1)
  gate.before = () => {}
  assert.equal(await square(7), 49)
  await group.push()
  assert.deepEqual(failures, [])
  assert.deepEqual(warnings, [])
})

test('of many who want large memory from others, none computes it', async (t) => {
  const gate = await gated()
  const { ran } = numbered()
  const fill = async (x: number) => {
    ran.times++
    return new Float64Array(20_000).fill(x)
  }
  const one = temporaryGroup(t, { blobStore: gate.store })
  await one.group.memoize(fill)(2)
  await one.group.push()
  const there = temporaryGroup(t, { blobStore: gate.store }).group.memoize(fill)
  const arrays = await Promise.all([there(2), there(2), there(2)])
  for (const array of arrays) assert.equal(array.fill(7).length, 20_000)
  assert.deepEqual((await there(2))[0], 2)
  assert.equal(ran.times, 1)
})

test('small views of memory are whole and aligned', async (t) => {
  const gate = await gated()
  const views = async (x: number) => [
    new Float64Array([x, 0.5]),
    new BigInt64Array([7n]),
    new Uint8Array([1]),
  ]
  const one = temporaryGroup(t, { blobStore: gate.store })
  await one.group.memoize(views)(2)
  await one.group.push()
  const there = temporaryGroup(t, { blobStore: gate.store }).group.memoize(views, { resultsOnly: true })
  assert.deepEqual(await there(2), await views(2))
})

test('nested calls: each is shared by itself, and nobody is given more than his key says', async (t) => {
  // has no clock of its own
  const blobStore = `file://${temporaryFolder(t)}`
  const ran = ignore({ inner: 0, outer: 0 })
  const program = (group: MemoizedGroup) => {
    const inner = group.memoize(
      async (x: number) => {
        ran.inner++
        return x + 1
      },
      { ttl: '1h' },
    )
    const outer = group.memoize(async (x: number) => {
      ran.outer++
      return (await inner(x)) * 2
    })
    return { inner, outer }
  }
  let now = 1e12
  const options: GroupOptions = { blobStore, clock: () => now }
  const one = temporaryGroup(t, options)
  assert.equal(await program(one.group).outer(1), 4)
  await one.group.push()
  const others = temporaryGroup(t, options)
  const other = program(others.group)
  assert.equal(await other.outer(1), 4)
  assert.equal(await other.inner(1), 2)
  assert.deepEqual({ ...ran }, { inner: 1, outer: 1 })
  now += 3_600_001
  assert.equal(await other.outer(1), 4)
  assert.deepEqual({ ...ran }, { inner: 2, outer: 2 }, 'it lives no longer than what it was made of')
  await others.group.push()
})

test('a reference to what others have is made without computing', async (t) => {
  const gate = await gated()
  const { next, ran } = numbered()
  const one = temporaryGroup(t, { blobStore: gate.store })
  await one.group.memoize(next)('a')
  await one.group.push()
  const ref = await temporaryGroup(t, { blobStore: gate.store }).group.memoize(next).ref('a')
  assert.equal(ref.get(), 1)
  assert.equal(ran.times, 1)
})

test('a result that is out of date stands in for an error, wherever it came from', async (t) => {
  const gate = await gated()
  let now = 1e12
  const options: GroupOptions = { blobStore: gate.store, clock: () => now }
  const fails = ignore({ now: false })
  const load = async (_x: number) => {
    if (fails.now) throw new Error('down')
    return 'well'
  }
  const how = { ttl: '1h', staleIfError: '1d' } as const
  const one = temporaryGroup(t, options)
  await one.group.memoize(load, how)(1)
  await one.group.push()
  const other = temporaryGroup(t, options)
  const there = other.group.memoize(load, how)
  assert.equal(await there(1), 'well')
  fails.now = true
  now += 2 * 3_600_000
  await other.group.gc()
  assert.equal(await there(1), 'well')
})

test('where results are required, others are asked, nobody is waited for and no right is taken', async (t) => {
  const gate = await gated()
  const { next, ran } = numbered()
  const one = temporaryGroup(t, { blobStore: gate.store })
  await one.group.memoize(next)(1)
  await one.group.push()
  const there = temporaryGroup(t, { blobStore: gate.store }).group.memoize(next)
  gate.asked.length = 0
  await requireAllResults({}, async () => {
    assert.equal(await there(1), 1)
    await assert.rejects(there(2), { name: 'ResultRequiredError' })
  })
  assert.equal(ran.times, 1)
  assert.deepEqual(gate.asked, ['get result', 'get result'])
})

test('without a directory, or with one that takes nothing, what others have is a hit all the same', async (t) => {
  const gate = await gated()
  const { next, ran } = numbered()
  const one = temporaryGroup(t, { blobStore: gate.store })
  const fill = async (_x: number) => 'x'.repeat(1000)
  await one.group.memoize(next)(1)
  await one.group.memoize(fill)(1)
  await one.group.push()
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'cache'), 'a file')
  for (const options of [
    { directory: join(folder, 'cache', 'in') },
    { directory: one.group.directory, readonly: true },
    { maxSize: 1 },
    { temporary: true },
  ] as GroupOptions[]) {
    const { group } = temporaryGroup(t, { blobStore: gate.store, ...options })
    assert.equal(await group.memoize(next)(1), 1)
    assert.equal((await group.memoize(fill)(1)).length, 1000)
    // what cannot be kept here is computed here
    const other = group.memoize(async (x: number) => x)
    assert.equal(await other(5), 5)
    await group.push()
  }
  assert.equal(ran.times, 1)
})

test('PERMAFROST_DISABLE asks nobody', async (t) => {
  const gate = await gated()
  const { next } = numbered()
  const { group } = temporaryGroup(t, { blobStore: gate.store })
  process.env['PERMAFROST_DISABLE'] = '1'
  t.after(() => delete process.env['PERMAFROST_DISABLE'])
  assert.equal(await group.memoize(next)(1), 1)
  assert.equal(await group.memoize(next)(1), 2)
  await group.push()
  assert.deepEqual(gate.asked, [])
})

test('a function that only gives promises is asked for once that is known; one that also gives values never more', async (t) => {
  const gate = await gated()
  const { group } = temporaryGroup(t, { blobStore: gate.store, lease: false })
  const gives = (x: number): Promise<number> => Promise.resolve(x)
  const there = group.memoize(gives)
  await there(1)
  assert.ok(!gate.asked.includes('get result'), 'nobody knew')
  await there(2)
  assert.ok(gate.asked.includes('get result'))
  const mixed = group.memoize((x: number): number | Promise<number> => (x > 0 ? x : Promise.resolve(x)))
  assert.equal(mixed(1), 1)
  assert.ok(mixed(-1) instanceof Promise)
  await group.push()
  assert.equal(mixed(2), 2, 'a value, not a promise of one')
})

test('decorated methods are shared by what their objects hold', async (t) => {
  const gate = await gated()
  const { ran } = numbered()
  const modelIn = (group: MemoizedGroup) => {
    class Model {
      readonly factor: number
      constructor(factor: number) {
        this.factor = factor
      }
      @memoize({ group })
      async predict(x: number): Promise<number> {
        ran.times++
        return this.factor * x
      }
    }
    return Model
  }
  const one = temporaryGroup(t, { blobStore: gate.store })
  assert.equal(await new (modelIn(one.group))(2).predict(4), 8)
  await one.group.push()
  const There = modelIn(temporaryGroup(t, { blobStore: gate.store }).group)
  assert.equal(await new There(2).predict(4), 8)
  assert.equal(ran.times, 1)
  assert.equal(await new There(3).predict(4), 12)
})

test('an audit compares with what others have', async (t) => {
  const gate = await gated()
  const { next } = numbered()
  const one = temporaryGroup(t, { blobStore: gate.store })
  await one.group.memoize(next)(1)
  await one.group.push()
  const other = temporaryGroup(t, { blobStore: gate.store })
  const unsound: unknown[] = []
  const told = (event: unknown) => void unsound.push(event)
  diagnostics.subscribe('permafrost:impure', told)
  t.after(() => diagnostics.unsubscribe('permafrost:impure', told))
  assert.equal(await other.group.memoize(next, { audit: 1 })(1), 1)
  assert.equal(unsound.length, 1, 'it gives another value each time')
})

test('a result that was computed without waiting in a memospace is given as a promise where it is asked for so', async (t) => {
  const gate = await gated()
  const one = temporaryGroup(t, { blobStore: gate.store })
  const plain = one.group.memoize((x: number) => x + 1, { name: 'plain', version: 1 })
  assert.equal(plain(1), 2)
  await one.group.push()
  const memospace = plain.memoUri(1).replace(/\/[^/]+$/, '')
  const { group } = temporaryGroup(t, { blobStore: gate.store })
  const there = group.memoize(async (x: number) => x + 1, { name: 'there', memospace })
  assert.equal(await there(1), 2)
  assert.ok(there(1) instanceof Promise)
})

test('a store that could not be opened is opened later', async (t) => {
  const folder = temporaryFolder(t)
  const { group } = temporaryGroup(t, { blobStore: `file://${folder}/store`, lease: false })
  writeFileSync(join(folder, 'store'), 'in the way')
  const { next } = numbered()
  const there = group.memoize(next)
  assert.equal(await there(1), 1)
  await group.push()
  rmSync(join(folder, 'store'))
  await group.push()
  assert.equal(await temporaryGroup(t, { blobStore: `file://${folder}/store` }).group.memoize(next)(1), 1)
})

test('who closes while he computes leaves the right to others', async (t) => {
  const gate = await gated()
  const [one, other] = [1, 2].map(() => temporaryGroup(t, { blobStore: gate.store })) as [Machine, Machine]
  const finished = ignore(latch())
  const isSlow = ignore({ yes: true })
  const slow = async (x: number) => {
    if (isSlow.yes) await finished.opened
    return x
  }
  const early = one.group.memoize(slow)(1)
  while (!gate.asked.includes('put lease')) await new Promise((resolve) => setImmediate(resolve))
  one.group.close()
  isSlow.yes = false
  assert.equal(await other.group.memoize(slow)(1), 1, 'it did not have to wait')
  finished.open()
  assert.equal(await early, 1)
})
