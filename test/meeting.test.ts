/** Where features meet: what a call around another one, or one beside it, must know of it. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as after } from 'node:timers/promises'
import { file, files, type GroupOptions, type InputFile, type InputFiles, ignore } from 'permafrost'
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

/** One call after another while the file that it does not have among its arguments changes. */
async function followsFile(t: TestContext, make: (path: string) => (x: string) => unknown): Promise<void> {
  const path = fileWith(t, '1')
  const outer = make(path)
  assert.equal(await outer('got '), 'got 1')
  writeFileSync(path, '2')
  assert.equal(await outer('got '), 'got 2')
}

test('a call around one that cannot be identified, and so not say what it reads, is not kept', async (t) => {
  const { failures, group, pass } = timedGroup(t)
  const inner = group.memoize((input: InputFile, _: unknown) => read(input))
  await followsFile(t, (path) => group.memoize((x: string) => x + inner(file(path), Promise.resolve())))
  assert.ok(failures.some((failure) => /it calls a function, but cannot freeze/.test(failure.message)))
  const aged = group.memoize((_: unknown) => world.value, { ttl: '1s' })
  const outer = group.memoize(() => aged(Promise.resolve()))
  assert.equal(outer(), 1)
  world.value = 2
  pass(2000)
  assert.equal(outer(), 2)
})

test('nor one around a promise with properties of its own, nor one that ran while PERMAFROST_DISABLE was set', async (t) => {
  const { group } = timedGroup(t)
  const inner = group.memoize((input: InputFile) =>
    Object.assign(Promise.resolve(read(input)), { kill: () => {} }),
  )
  await followsFile(t, (path) => group.memoize(async (x: string) => x + (await inner(file(path)))))
  const plain = group.memoize(read)
  t.after(() => {
    delete process.env['PERMAFROST_DISABLE']
  })
  await followsFile(t, (path) => {
    const outer = group.memoize(async (x: string) => {
      await after(5)
      return x + plain(file(path))
    })
    return (x) => {
      const result = outer(x)
      process.env['PERMAFROST_DISABLE'] = '1'
      return result.finally(() => {
        delete process.env['PERMAFROST_DISABLE']
      })
    }
  })
})

test('a call that asks what is kept, or what identifies another, is not kept for that answer', async (t) => {
  const { group } = timedGroup(t)
  const double = group.memoize((x: number) => x * 2)
  const peeking = group.memoize((x: number) => double.peek(x) ?? 'nothing')
  assert.equal(peeking(2), 'nothing')
  assert.equal(double(2), 4)
  assert.equal(peeking(2), 4)
  const input = group.memoize(read)
  const path = fileWith(t, '1')
  const identify = group.memoize(() => input.key(file(path)).digest)
  const before = identify()
  writeFileSync(path, '2')
  assert.notEqual(identify(), before)
})

test('a call around one that was given up is not kept', async (t) => {
  const { group } = timedGroup(t)
  const control = ignore({ controller: new AbortController() })
  const inner = group.memoize(async (x: number, signal: AbortSignal) => {
    await after(5)
    signal.throwIfAborted()
    return x
  })
  const outer = group.memoize(async (x: number) => {
    try {
      return await inner(x, control.controller.signal)
    } catch {
      return 'given up'
    }
  })
  const first = outer(1)
  control.controller.abort()
  assert.equal(await first, 'given up')
  control.controller = new AbortController()
  assert.equal(await outer(1), 1)
})

test('what runs while its results are cleared is not kept, nor joined, nor is a call around it', async (t) => {
  const { group } = timedGroup(t)
  const inner = group.memoize(
    async () => {
      const { value } = world
      await after(10)
      return value
    },
    { name: 'inner', tags: ['tagged'] },
  )
  const outer = group.memoize(async () => [await inner()])
  const ways = [
    () => group.clear(),
    () => group.clear({ name: 'inner' }),
    () => group.clear({ tag: 'tagged' }),
    () => inner.clear(),
    () => inner.forget(),
  ]
  for (const clear of ways) {
    group.clear()
    world.value = 1
    const running = outer()
    await after(2)
    world.value = 2
    clear()
    assert.equal(await inner(), 2, `${clear}`)
    assert.deepEqual(await running, [1])
    assert.equal(await inner(), 2, `${clear}`)
    assert.deepEqual(await outer(), [2], `${clear}`)
  }
  world.value = 1
  group.clear()
  const others = inner()
  group.clear({ tag: 'other' })
  group.clear({ name: 'other' })
  await others
  assert.equal(inner.wouldHit(), true)
})

test('a synchronous call that is forgotten while it runs is not kept', (t) => {
  const { group } = timedGroup(t)
  const f = group.memoize(
    (meanwhile: () => void) => {
      const { value } = world
      meanwhile()
      return value
    },
    { ignore: ['meanwhile'] },
  )
  f(() => {
    world.value = 2
    f.forget(() => {})
  })
  assert.equal(
    f(() => {}),
    2,
  )
})

test('what was computed in the background does not replace what somebody asked for anew meanwhile', async (t) => {
  const { group, pass } = timedGroup(t)
  let slow: Promise<unknown> | undefined
  const held = ignore({ wait: () => slow })
  const f = group.memoize(
    async () => {
      const { value } = world
      await held.wait()
      return value
    },
    { ttl: '1s', staleWhileRevalidate: '1h' },
  )
  await f()
  pass(2000)
  world.value = 2
  let release = () => {}
  slow = new Promise<void>((resolve) => {
    release = resolve
  })
  assert.equal(await f(), 1)
  await after(0)
  await after(0)
  slow = undefined
  world.value = 3
  assert.equal(await f.refresh(), 3)
  release()
  await after(5)
  assert.equal(await f(), 3)
})

test("a call with inputs: 'auto' that waited for another one reads what that one read", async (t) => {
  const { failures, group } = timedGroup(t)
  const path = fileWith(t, '1')
  const inner = group.memoize(
    async () => {
      const text = readFileSync(path, 'utf8')
      await after(5)
      return text
    },
    { inputs: 'auto' },
  )
  const first = group.memoize(async () => `first ${await inner()}`, { inputs: 'auto' })
  const second = group.memoize(async () => `second ${await inner()}`, { inputs: 'auto' })
  assert.deepEqual(await Promise.all([first(), second()]), ['first 1', 'second 1'])
  assert.deepEqual([first.wouldHit(), second.wouldHit()], [true, true])
  assert.deepEqual(failures, [])
  writeFileSync(path, '2')
  assert.deepEqual(await Promise.all([first(), second()]), ['first 2', 'second 2'])
})

test('many who wait for one call with one signal are no leak, and all hear of its end', async (t) => {
  const { group } = timedGroup(t)
  const warnings: Error[] = []
  const collect = (warning: Error) => void warnings.push(warning)
  process.on('warning', collect)
  t.after(() => process.off('warning', collect))
  const f = group.memoize(async (_: number, signal: AbortSignal) => {
    await after(10)
    signal.throwIfAborted()
    return 1
  })
  const control = new AbortController()
  const all = (x: number) => Promise.allSettled(Array.from({ length: 30 }, () => f(x, control.signal)))
  assert.ok((await all(1)).every((one) => one.status === 'fulfilled' && one.value === 1))
  const given = all(2)
  control.abort(new Error('enough'))
  assert.ok((await given).every((one) => one.status === 'rejected' && one.reason.message === 'enough'))
  await after(0)
  assert.deepEqual(warnings, [])
})

test('what cannot even be looked at does not break a call', async (t) => {
  const { group } = timedGroup(t, { onError: () => {} })
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  const ignoring = group.memoize((x: number, _: unknown) => x, { ignore: [1] })
  assert.equal(ignoring(1, proxy), 1)
  assert.equal(ignoring.wouldHit(1, proxy), true)
  const bare = group.memoize(() => Object.setPrototypeOf(Promise.resolve(1), null) as object)
  assert.equal(Object.getPrototypeOf(bare()), null)
})

/** What is printed meanwhile. */
async function printed(act: () => unknown): Promise<string> {
  const { write } = process.stdout
  let all = ''
  process.stdout.write = (chunk: string | Uint8Array) => {
    all += String(chunk)
    return true
  }
  try {
    await act()
  } finally {
    process.stdout.write = write
  }
  return all
}

test('what is computed again to compare, or in the background, is not printed by the call around', async (t) => {
  const { group, pass } = timedGroup(t)
  const compared = group.memoize(() => console.log('compared'), { audit: 1, captureOutput: true })
  const renewed = group.memoize(async () => console.log('renewed'), {
    ttl: '1s',
    staleWhileRevalidate: '1h',
    captureOutput: true,
  })
  const outer = group.memoize(
    async () => {
      compared()
      await renewed()
      await after(10)
    },
    { captureOutput: true },
  )
  await printed(() => [compared(), renewed()])
  pass(2000)
  await printed(outer)
  pass(-2000)
  assert.equal(await printed(outer), 'compared\nrenewed\n')
})

test('whoever takes a part of a stream that expires expires with it', (t) => {
  const { group, pass } = timedGroup(t)
  for (const ttl of ['1s', () => 1000] as const) {
    const numbers = group.memoize(
      function* () {
        yield world.value
        yield 0
      },
      { ttl },
    )
    const first = group.memoize((_: string) => numbers().next().value)
    world.value = 1
    assert.equal(first(typeof ttl), 1)
    world.value = 2
    pass(2000)
    assert.equal(first(typeof ttl), 2)
  }
})

test('that there was no more stack is not kept, nor what came of it', (t) => {
  const { group } = timedGroup(t)
  const deep = (n: number): number => (n === 0 ? 0 : 1 + deep(n - 1))
  const inner = group.memoize((n: number) => deep(n), { cacheErrors: true })
  const outer = group.memoize((n: number) => {
    try {
      return inner(n)
    } catch {
      return -1
    }
  })
  const below = (frames: number): unknown => (frames === 0 ? outer(2000) : [below(frames - 1)][0])
  let frames = 1000
  for (; frames < 100_000; frames += 500) {
    outer.clear()
    inner.clear()
    try {
      if (below(frames) === -1) break
    } catch {
      // not even the outer one could begin
    }
  }
  assert.equal(outer(2000), 2000)
  assert.equal(inner(2000), 2000)
})

test('a lower ttl counts for what was kept with a higher one, or none', async (t) => {
  const { group, pass } = timedGroup(t)
  const give = () => world.value
  const ageless = group.memoize(give)
  const aged = group.memoize(give, { ttl: '1s' })
  const around = group.memoize(() => aged() * 10)
  assert.equal(ageless(), 1)
  assert.equal(around(), 10)
  world.value = 2
  pass(500)
  assert.equal(aged(), 1)
  pass(500)
  assert.equal(aged.wouldHit(), false)
  assert.match(aged.why(), /^expired: it expired at /)
  assert.equal(ageless.peek(), 1)
  assert.equal(aged.ref().get(), 2)
  assert.equal(around(), 20)
  const fail = () => {
    throw new Error(`${world.value}`)
  }
  const failing = group.memoize(fail, { ttl: '1s', cacheErrors: { ttl: '1h' } })
  assert.throws(failing, /^Error: 2/)
  world.value = 3
  pass(2000)
  assert.throws(failing, /^Error: 2/)
  const impatient = group.memoize(fail, { ttl: '1s', cacheErrors: true })
  assert.throws(impatient, /^Error: 3/)
})

test("the whole environment is read, whatever folder is declared: inputs: 'auto'", (t) => {
  const { group } = temporaryGroup(t)
  const names = group.memoize(
    (_all: InputFiles) =>
      Object.keys(process.env)
        .filter((name) => name.startsWith('PF_ZZ'))
        .join(),
    {
      inputs: 'auto',
      name: 'names',
    },
  )
  t.after(() => {
    delete process.env['PF_ZZ']
    delete process.env['PF_ZZ2']
  })
  const folder = temporaryFolder(t)
  const before = process.cwd()
  t.after(() => process.chdir(before))
  process.chdir(folder)
  process.env['PF_ZZ'] = '1'
  assert.equal(names(files('.')), 'PF_ZZ')
  process.env['PF_ZZ2'] = '1'
  assert.equal(names(files('.')), 'PF_ZZ,PF_ZZ2')
})

test('a call lives no longer than one inside it whose ttl, or what is asked beside it, fails', (t) => {
  let now = 1_000_000
  const { group } = temporaryGroup(t, { clock: () => now })
  const fail = (): never => {
    throw new Error('no')
  }
  for (const options of [
    { ttl: fail },
    { ttl: () => 5, shouldCache: fail },
    { ttl: () => 5, shouldCache: () => false },
  ]) {
    const inner = group.memoize(() => now, {
      ...options,
      version: 1,
      name: `inner ${Object.keys(options)} ${options.shouldCache}`,
    })
    const outer = group.memoize(() => inner(), {
      version: 1,
      name: `outer ${Object.keys(options)} ${options.shouldCache}`,
    })
    outer()
    now += 10
    assert.equal(outer(), now)
  }
})

test('a function that a codec gives is a new one for each', (t) => {
  const { group } = temporaryGroup(t)
  const codec = {
    name: 'adder',
    encode: (value: unknown) => Buffer.from(String((value as (n: number) => number)(0))),
    decode: (bytes: Uint8Array) => {
      const by = Number(Buffer.from(bytes))
      return (n: number) => n + by
    },
  }
  const adder = group.memoize((by: number) => (n: number) => n + by, { codec, name: 'adder' })
  adder(2)
  const [one, other] = [adder(2), adder(2)]
  assert.deepEqual([one(1), other(1)], [3, 3])
  assert.notEqual(one, other)
})
