/**
 * Machines with directories of their own and one blob store, whatever they do and whenever it fails: each value is one that the
 * function gave for these arguments at that version; it is not older than it may be, nor than what was computed anew or forgotten here;
 * and what is pushed, everybody has.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { ignore, MemoizedGroup } from 'permafrost'
import { BlobError, type BlobStore, openBlobStore } from 'permafrost/blob'
import { gated } from '../shared/gated.js'
import { temporaryFolder } from '../support/temporary.js'

const MACHINES = 2
const ARGUMENTS = 2
const VERSIONS = 2
const TTL = 1000

interface Which {
  readonly machine: number
  readonly x: number
}

type Action =
  | (Which & { readonly do: 'call' | 'refresh' | 'forget' })
  | { readonly do: 'race'; readonly calls: readonly Which[]; readonly refreshed: Which | undefined }
  | { readonly do: 'push' | 'clear' | 'reopen'; readonly machine: number }
  | { readonly do: 'tick'; readonly time: number }
  | { readonly do: 'version'; readonly version: number }
  | { readonly do: 'fail'; readonly how: 'unreachable' | 'denied' | 'strangely' | 'not' }

const machine = fc.nat(MACHINES - 1)
const which = fc.record({ machine, x: fc.nat(ARGUMENTS - 1) })
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: which.map((one) => ({ ...one, do: 'call' as const })) },
  { weight: 2, arbitrary: which.map((one) => ({ ...one, do: 'refresh' as const })) },
  { weight: 2, arbitrary: which.map((one) => ({ ...one, do: 'forget' as const })) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('race' as const),
      calls: fc.array(which, { maxLength: 4 }),
      refreshed: fc.option(which, { nil: undefined }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('push', 'push', 'clear', 'reopen'), machine }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('tick' as const), time: fc.constantFrom(400, 1001) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('version' as const), version: fc.nat(VERSIONS - 1) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('fail' as const),
      how: fc.constantFrom('unreachable', 'denied', 'strangely', 'not'),
    }),
  },
) as fc.Arbitrary<Action>

interface Value {
  readonly x: number
  readonly version: number
  readonly run: number
}

class World {
  readonly #t: TestContext
  readonly #gate: Awaited<ReturnType<typeof gated>>
  readonly #directories: string[] = []
  readonly #groups: MemoizedGroup[] = []
  /** By run: what the function gave, and when. */
  readonly #made: { readonly value: Value; readonly at: number }[] = []
  /** By machine and call: the run before which no result may be given. */
  readonly #floors = new Map<string, number>()
  readonly #left: number[] = []
  #now = 1e12
  #version = 0
  #how = 'not'

  constructor(t: TestContext, gate: Awaited<ReturnType<typeof gated>>) {
    this.#t = t
    this.#gate = gate
    gate.before = () => {
      if (this.#how === 'unreachable') throw new BlobError('ERR_BLOB_UNREACHABLE', 'gone')
      if (this.#how === 'denied') throw new BlobError('ERR_BLOB_DENIED', 'no')
      if (this.#how === 'strangely') throw new TypeError('what is this?')
    }
    for (let one = 0; one < MACHINES; one++) {
      this.#directories.push(join(temporaryFolder(t), 'cache'))
      this.#groups.push(this.#open(this.#directories[one]!))
      this.#left.push(0)
    }
  }

  #open(directory: string): MemoizedGroup {
    return new MemoizedGroup({
      directory,
      blobStore: this.#gate.store,
      clock: () => this.#now,
      patience: 500,
      onError: () => {},
    })
  }

  #fn(group: MemoizedGroup, resultsOnly = false) {
    const world = ignore(this)
    const version = this.#version
    const fn = async (x: number): Promise<Value> => {
      const value = { x, version, run: world.#made.length }
      world.#made.push({ value, at: world.#now })
      await Promise.resolve()
      return value
    }
    return group.memoize(fn, { name: 'law.shared', version, ttl: TTL, resultsOnly })
  }

  #check({ machine, x }: Which, value: Value, floor: number): void {
    const { run } = value
    const made = this.#made[run]
    assert.deepEqual(value, made?.value, 'nobody made it')
    assert.deepEqual([value.x, value.version], [x, this.#version])
    assert.ok(this.#now - made!.at < TTL, `it is ${this.#now - made!.at} ms old`)
    assert.ok(run >= floor, `machine ${machine} was given run ${run}, and not ${floor}`)
  }

  #floorOf = ({ machine, x }: Which): string => `${machine} ${x} ${this.#version}`

  async #call(one: Which): Promise<void> {
    const floor = this.#floors.get(this.#floorOf(one)) ?? 0
    this.#check(one, await this.#fn(this.#groups[one.machine]!)(one.x), floor)
  }

  async #refresh(one: Which): Promise<void> {
    const from = this.#made.length
    const value = await this.#fn(this.#groups[one.machine]!).refresh(one.x)
    this.#check(one, value, from)
    const floor = this.#floorOf(one)
    this.#floors.set(floor, Math.max(this.#floors.get(floor) ?? 0, value.run))
  }

  async #push(machine: number): Promise<boolean> {
    const { failed, left } = await this.#groups[machine]!.push()
    this.#left[machine] = left
    return failed === 0 && left === 0
  }

  async do(action: Action): Promise<void> {
    if (action.do === 'call') await this.#call(action)
    else if (action.do === 'refresh') await this.#refresh(action)
    else if (action.do === 'race') {
      const calls = action.calls.map((one) => this.#call(one))
      if (action.refreshed !== undefined) calls.push(this.#refresh(action.refreshed))
      await Promise.all(calls)
    } else if (action.do === 'forget') {
      // what others have not sent yet may arrive later
      for (let one = 0; one < MACHINES; one++) await this.#push(one)
      const isAll = this.#left.every((left) => left === 0)
      this.#fn(this.#groups[action.machine]!).forget(action.x)
      if (isAll) this.#floors.set(this.#floorOf(action), this.#made.length)
      else this.#floors.delete(this.#floorOf(action))
    } else if (action.do === 'push') await this.#push(action.machine)
    else if (action.do === 'clear') {
      this.#groups[action.machine]!.clear()
      this.#forgetFloors(action.machine)
    } else if (action.do === 'reopen') {
      await this.#push(action.machine)
      this.#groups[action.machine]!.close()
      this.#left[action.machine] = 0
      this.#groups[action.machine] = this.#open(this.#directories[action.machine]!)
      this.#forgetFloors(action.machine)
    } else if (action.do === 'tick') this.#now += action.time
    else if (action.do === 'version') this.#version = action.version
    else if (action.do === 'fail') this.#how = action.how
  }

  #forgetFloors(machine: number): void {
    for (const key of this.#floors.keys()) if (key.startsWith(`${machine} `)) this.#floors.delete(key)
  }

  /** When the store is well again, whoever pushes gives to all. */
  async end(): Promise<void> {
    this.#how = 'not'
    for (let one = 0; one < MACHINES; one++) await this.#push(one)
    const wanted: Value[] = []
    for (let x = 0; x < ARGUMENTS; x++) wanted.push(await this.#fn(this.#groups[0]!).refresh(x))
    assert.ok(await this.#push(0), 'all is there')
    const fresh = this.#open(join(temporaryFolder(this.#t), 'cache'))
    const there = this.#fn(fresh, true)
    for (let x = 0; x < ARGUMENTS; x++) assert.deepEqual(await there(x), wanted[x])
    for (const group of [fresh, ...this.#groups]) {
      await group.push()
      group.close()
    }
  }
}

for (const [kind, open] of [
  ['memory', () => openBlobStore('memory:')],
  ['file', (t: TestContext) => openBlobStore(`file://${temporaryFolder(t)}`)],
] as [string, (t: TestContext) => Promise<BlobStore>][])
  test(`${kind}: any program over a shared store`, async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 25 }), async (actions) => {
        const world = new World(t, await gated(withoutClock(await open(t))))
        for (const action of actions) await world.do(action)
        await world.end()
      }),
      {
        numRuns: Number(process.env['PERMAFROST_RUNS'] ?? 20),
        endOnFailure: process.env['PERMAFROST_RUNS'] !== undefined,
      },
    )
  })

/** Time is ours to tell. */
function withoutClock(store: BlobStore): BlobStore {
  const get = async (...args: Parameters<BlobStore['get']>) => {
    const found = await store.get(...args)
    if (found !== undefined) Object.defineProperty(found, 'asOf', { value: undefined })
    return found
  }
  return new Proxy(store, {
    get: (target, name) => {
      if (name === 'get') return get
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
