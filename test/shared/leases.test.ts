/** Rights on real stores: who has them, what that costs, and what comes of failures. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import type { BlobDriver, BlobStore, BlobStoreOptions } from '#src/blob/blob-store.js'
import { openBlobStore, registerBlobStore } from '#src/blob/open.js'
import { type Acquired, openRights, type Right, type Rights, type RightsOptions } from '#src/shared/lease.js'
import { faulty } from '../blob/faulty.js'
import { answering, type Held, httpStore, listening, type Manners } from '../blob/http-server.js'
import { temporaryFolder } from '../support/temporary.js'
import { HandClock } from './hand-clock.js'

const MINUTE = 60_000

interface Machine {
  readonly rights: Rights
  readonly clock: HandClock
}

/** A machine with a clock of its own, on which an hour more or less means nothing. */
function machine(store: BlobStore, options: Partial<RightsOptions> = {}): Machine {
  const clock = new HandClock(Math.random() * 3_600_000)
  const rights = openRights(store, {
    owner: 'somewhere',
    lifeOf: () => 'unknown',
    clock,
    random: () => 0.5,
    ...options,
  })
  return { rights, clock }
}

async function opened(t: TestContext, uri: string, options: BlobStoreOptions = {}): Promise<BlobStore> {
  const store = await openBlobStore(uri, { retries: 0, timeout: 250, ...options })
  t.after(() => store.close())
  return store
}

const memory = (t: TestContext): Promise<BlobStore> => opened(t, 'memory:')
const folder = (t: TestContext): Promise<BlobStore> => opened(t, pathToFileURL(temporaryFolder(t)).href)

async function served(t: TestContext, manners: Manners = {}, options: BlobStoreOptions = {}) {
  const server = await httpStore(manners)
  t.after(() => server.close())
  const proxy = await faulty(server.url)
  t.after(() => proxy.close())
  return { proxy, store: await opened(t, proxy.url, options) }
}

/** What the server can is known, so that no request of a test is one to find that out. */
async function asked(store: BlobStore): Promise<void> {
  const { rights, clock } = machine(store)
  const right = await held(rights.acquire('asked'))
  clock.pass(MINUTE / 3)
  await right.release()
}

async function held(acquired: Promise<Acquired>): Promise<Right> {
  const answer = await acquired
  assert.equal(answer.kind, 'held', JSON.stringify(answer))
  return (answer as { right: Right }).right
}

async function taken(acquired: Promise<Acquired>): Promise<{ by: string; retryAfter: number }> {
  const answer = await acquired
  assert.equal(answer.kind, 'taken', JSON.stringify(answer))
  return answer as { kind: 'taken'; by: string; retryAfter: number }
}

async function none(acquired: Promise<Acquired>): Promise<string> {
  const answer = await acquired
  assert.equal(answer.kind, 'none', JSON.stringify(answer))
  return (answer as { why: string }).why
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await turn()
}

const stored = async (store: BlobStore, key = 'k'): Promise<string | undefined> => {
  const found = await store.get(key)
  return found && String(Buffer.from(await found.bytes()))
}

for (const [name, open] of Object.entries({ memory, file: folder }))
  describe(`${name}: a right`, () => {
    test('is one machine’s until it is released, and then the next one’s', async (t) => {
      const store = await open(t)
      const [one, other] = [machine(store), machine(store)]
      const right = await held(one.rights.acquire('k'))
      assert.equal(right.isCertain(), true)
      assert.match((await taken(other.rights.acquire('k'))).by, /^\S+@\S+ \d+$/)
      assert.equal((await taken(one.rights.acquire('k'))).by, (await taken(other.rights.acquire('k'))).by)
      await held(other.rights.acquire('another'))
      await right.release()
      assert.equal(right.isCertain(), false)
      assert.equal(await store.get('k'), undefined)
      await held(other.rights.acquire('k'))
    })

    test('outlives a holder that says nothing for as long as it lasts, by the clock of who waits', async (t) => {
      const store = await open(t)
      const [silent, waits] = [machine(store), machine(store)]
      const right = await held(silent.rights.acquire('k'))
      await taken(waits.rights.acquire('k'))
      waits.clock.set(-10 * MINUTE)
      waits.clock.pass(MINUTE - 1)
      await taken(waits.rights.acquire('k'))
      waits.clock.set(20 * MINUTE)
      await taken(waits.rights.acquire('k'))
      waits.clock.pass(1)
      const next = await held(waits.rights.acquire('k'))
      assert.equal(next.token, right.token + 1)
      // the one before comes back, finds it lost, and leaves it alone
      silent.clock.pass(MINUTE)
      assert.equal(right.isCertain(), false)
      const before = await stored(store)
      await right.release()
      assert.equal(await stored(store), before)
      assert.equal(next.isCertain(), true)
    })

    test('is renewed while it is held, so nobody takes it over', async (t) => {
      const store = await open(t)
      const [holds, waits] = [machine(store), machine(store)]
      const right = await held(holds.rights.acquire('k'))
      for (let third = 0; third < 9; third++) {
        const before = await stored(store)
        holds.clock.pass(MINUTE / 3)
        await until(async () => (await stored(store)) !== before && holds.clock.waiting > 0)
        waits.clock.pass(MINUTE / 3)
        await taken(waits.rights.acquire('k'))
        assert.equal(right.isCertain(), true)
      }
      await right.release()
      assert.equal(holds.clock.waiting, 0)
      assert.equal(await store.get('k'), undefined)
    })

    test('that somebody else has meanwhile is lost at the next renewal', async (t) => {
      const store = await open(t)
      const { rights, clock } = machine(store)
      const right = await held(rights.acquire('k'))
      await store.put('k', Buffer.from('something else'))
      clock.pass(MINUTE / 3)
      await until(() => !right.isCertain())
      await right.release()
      assert.equal(await stored(store), 'something else')
    })

    test('of a process known to be dead is free at once', async (t) => {
      const store = await open(t)
      await held(machine(store, { owner: 'dead' }).rights.acquire('k'))
      const lifeOf = (owner: string): string => owner
      const right = await held(machine(store, { owner: 'certain', lifeOf }).rights.acquire('k'))
      assert.equal(right.token, 2)
      await taken(machine(store, { lifeOf }).rights.acquire('k'))
    })

    test('is left alone if nobody understands it, until it has long been unchanged', async (t) => {
      const store = await open(t)
      const lease = {
        format: 1,
        owner: 'o',
        by: 'b',
        nonce: 'n',
        beat: 0,
        token: 1,
        duration: 10,
        free: false,
      }
      const hostile = [
        '',
        '{',
        'null',
        '[]',
        'x'.repeat(100_000),
        JSON.stringify({ ...lease, format: 2 }),
        JSON.stringify({ ...lease, token: Number.MAX_SAFE_INTEGER }),
        JSON.stringify({ ...lease, token: -1 }),
        JSON.stringify({ ...lease, duration: 1e15 }),
        JSON.stringify({ ...lease, duration: '1' }),
        JSON.stringify({ ...lease, nonce: {} }),
        JSON.stringify({ ...lease, by: 'x'.repeat(1000) }),
        '{"__proto__":{"format":1}}',
      ]
      for (const [index, text] of hostile.entries()) {
        const [key, { rights, clock }] = [`k${index}`, machine(store, { duration: 100 })]
        await store.put(key, Buffer.from(text))
        assert.equal((await taken(rights.acquire(key))).by, 'somebody')
        clock.pass(MINUTE - 1)
        await taken(rights.acquire(key))
        clock.pass(1)
        await held(rights.acquire(key))
      }
      await store.put('k', Buffer.from(JSON.stringify({ ...lease, by: '\u001b[2J\nme' })))
      assert.equal((await taken(machine(store).rights.acquire('k'))).by, '?[2J?me')
    })

    test('is not for who gave up, nor for who closes', async (t) => {
      const store = await open(t)
      const { rights } = machine(store)
      await none(rights.acquire('k', AbortSignal.abort()))
      const controller = new AbortController()
      const asked = rights.acquire('k', controller.signal)
      controller.abort()
      await none(asked)
      const rest = [rights.acquire('a'), rights.acquire('b')]
      const right = await held(rights.acquire('c'))
      const late = rights.acquire('d')
      await rights.releaseAll()
      await none(late)
      assert.equal(right.isCertain(), false)
      await Promise.all(rest)
      for (const key of ['k', 'a', 'b', 'c', 'd']) assert.equal(await store.get(key), undefined, key)
      await held(rights.acquire('k'))
    })
  })

test('of many who ask at once one has it', async (t) => {
  for (const store of [await memory(t), await folder(t), (await served(t)).store]) {
    await asked(store)
    for (let round = 0; round < 10; round++) {
      const machines = Array.from({ length: 8 }, () => machine(store).rights)
      const answers = await Promise.all(machines.map((rights) => rights.acquire(`k${round}`)))
      assert.deepEqual(answers.map(({ kind }) => kind).sort(), ['held', ...Array(7).fill('taken')])
    }
  }
})

describe('over HTTP', () => {
  test('a right costs two requests in all, waiting two and then one each time', async (t) => {
    const { store, proxy } = await served(t)
    await asked(store)
    const count = async (work: Promise<unknown>): Promise<number> => {
      proxy.asked = 0
      await work
      return proxy.asked
    }
    const [one, other] = [machine(store), machine(store)]
    const acquired = held(one.rights.acquire('k'))
    assert.equal(await count(acquired), 1)
    assert.equal(await count(taken(other.rights.acquire('k'))), 2)
    assert.equal(await count(taken(other.rights.acquire('k'))), 1)
    assert.equal(await count((await acquired).release()), 1)
    assert.equal(await count(held(other.rights.acquire('k'))), 2)
  })

  test('those who wait come back later each time, and when it may be over', async (t) => {
    const { store } = await served(t)
    await held(machine(store).rights.acquire('k'))
    const { rights, clock } = machine(store)
    const waits: number[] = []
    for (let tries = 0; tries < 9; tries++) waits.push((await taken(rights.acquire('k'))).retryAfter)
    assert.deepEqual(waits.slice(0, 4), [75, 150, 300, 600])
    assert.equal(waits.at(-1), 5000 * 0.75)
    clock.pass(MINUTE - 1000)
    assert.ok((await taken(rights.acquire('k'))).retryAfter <= 1000 + 100)
  })

  test('a lease is as old as the server says, whatever the clocks of machines', async (t) => {
    const stored = new Map<string, Held>()
    const server = await listening(answering({}, stored))
    t.after(() => server.close())
    const store = await opened(t, server.url)
    await held(machine(store).rights.acquire('k'))
    const written = (ago: number): void =>
      void stored.set('/k', { ...stored.get('/k')!, modified: new Date(Date.now() - ago).toUTCString() })
    written(MINUTE)
    await taken(machine(store).rights.acquire('k'))
    written(MINUTE + 3000)
    assert.equal((await held(machine(store).rights.acquire('k'))).token, 2)
    // seen at half its age, it needs half of the time
    written(MINUTE / 2 + 2000)
    const { rights, clock } = machine(store)
    await taken(rights.acquire('k'))
    clock.pass(MINUTE / 2)
    assert.equal((await held(rights.acquire('k'))).token, 3)
  })

  test('an answer that is lost is found out', async (t) => {
    const { store, proxy } = await served(t)
    await asked(store)
    const { rights, clock } = machine(store)
    proxy.faults.push('lost')
    const right = await held(rights.acquire('k'))
    await taken(machine(store).rights.acquire('k'))
    proxy.asked = 0
    proxy.faults.push('lost')
    clock.pass(MINUTE / 3)
    await until(() => clock.waiting === 1)
    assert.equal(proxy.asked, 2)
    clock.pass(MINUTE / 2)
    assert.equal(right.isCertain(), true)
    proxy.faults.push('lost')
    await right.release()
    assert.equal(await store.get('k'), undefined)
  })

  test('a write that never came is not taken for one', async (t) => {
    const { store, proxy } = await served(t)
    await asked(store)
    const { rights, clock } = machine(store)
    proxy.faults.push('silent')
    assert.match(await none(rights.acquire('k')), /nobody knows/)
    const right = await held(rights.acquire('k'))
    // renewals that fail are tried again, and meanwhile it is less and less certain
    proxy.faults.push({ status: 503 }, 'silent', { status: 500 })
    clock.pass(MINUTE / 3)
    await until(() => clock.waiting === 1)
    clock.pass(MINUTE / 12)
    await until(() => clock.waiting === 1 && proxy.faults.length === 0)
    assert.equal(right.isCertain(), true)
    proxy.faults.push({ status: 500 })
    clock.pass(MINUTE / 2)
    assert.equal(right.isCertain(), false)
    await until(() => clock.waiting === 1)
    clock.pass(MINUTE / 12)
    await until(() => right.isCertain())
  })

  test('where one cannot be had, that is all', async (t) => {
    const { store, proxy } = await served(t, { authorization: 'Bearer secret' }, { token: 'wrong' })
    assert.match(await none(machine(store).rights.acquire('k')), /401/)
    await none(machine(store).rights.acquire('no such key!'))
    await proxy.close()
    await none(machine(store).rights.acquire('k'))
    await store.close()
    await none(machine(store).rights.acquire('k'))
  })
})

describe('where a store lacks conditions', () => {
  const kinds: readonly Manners[] = [
    { conditions: 'ignored' },
    { conditions: 'refused' },
    { conditions: 'ignored', etags: false },
  ]
  for (const manners of kinds)
    test(`the last one who writes has it (${JSON.stringify(manners)})`, async (t) => {
      const { store } = await served(t, manners)
      const clocked = { settle: 1 }
      const all = [machine(store, clocked), machine(store, clocked), machine(store, clocked)]
      const asked = all.map(({ rights }) => rights.acquire('k'))
      let answered = 0
      for (const one of asked) void one.then(() => answered++)
      // all write before one of them looks
      await until(() => answered + all.filter(({ clock }) => clock.waiting > 0).length === all.length)
      for (const { clock } of all) clock.pass(1)
      const answers = await Promise.all(asked)
      assert.deepEqual(answers.map(({ kind }) => kind).sort(), ['held', 'taken', 'taken'])
      const winner = answers.findIndex(({ kind }) => kind === 'held')
      const right = await held(Promise.resolve(answers[winner]!))
      assert.equal(right.isCertain(), false, 'nobody can be certain')
      const before = await stored(store)
      all[winner]!.clock.pass(MINUTE / 3)
      await until(async () => (await stored(store)) !== before && all[winner]!.clock.waiting > 0)
      all[winner]!.clock.pass(1)
      await right.release()
      assert.equal(await store.get('k'), undefined)
    })

  test('of deletions, a lease is given back as one that is free', async (t) => {
    const inner = await memory(t)
    registerBlobStore('undeleting', async (): Promise<BlobDriver> => {
      return {
        uri: 'undeleting:',
        capabilities: { ...inner.capabilities, conditionalDelete: false },
        get: (key, options) => inner.get(key, { ifNoneMatch: undefined, ...options }),
        put: (key, source, options) => inner.put(key, source.bytes ?? source.stream(), options),
        head: (key, options) => inner.head(key, options),
        delete: (key, options) => inner.delete(key, options),
        list: (prefix, options) => inner.list(prefix, options),
        close: () => inner.close(),
      }
    })
    const store = await opened(t, 'undeleting:')
    const right = await held(machine(store).rights.acquire('k'))
    assert.equal(right.isCertain(), true)
    await right.release()
    assert.match((await stored(store)) ?? '', /"free":true/)
    assert.equal((await held(machine(store).rights.acquire('k'))).token, 2)
  })
})

test('a holder whose clocks were stopped or set is not certain', async (t) => {
  const { rights, clock } = machine(await memory(t))
  const right = await held(rights.acquire('k'))
  for (const jump of [MINUTE, -MINUTE]) {
    clock.set(jump)
    assert.equal(right.isCertain(), false)
    clock.set(-jump)
    assert.equal(right.isCertain(), true)
  }
})

test('misuse is named', async (t) => {
  const store = await memory(t)
  for (const duration of [0, -1, Number.NaN, 1e12])
    assert.throws(() => openRights(store, { owner: 'o', lifeOf: () => '', duration }), RangeError)
})
