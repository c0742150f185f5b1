/**
 * Rights to compute, for all machines that share a blob store: who has one computes, the others wait for the result.
 * They only save time. Where none can be had everybody computes, and nothing here ever fails: whatever a store throws
 * becomes an answer. The steps are in `lease-protocol.ts`; this has the clocks, the timers and the store.
 */
import { createHash, randomUUID } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import timers from 'node:timers'
import type { BlobStore } from '../blob/blob-store.ts'
import { BlobError, messageOf } from '../errors.ts'
import { Recent } from '../recent.ts'
import {
  type Answer,
  type Ask,
  acquiring,
  DURATION,
  type Held,
  isCertain,
  type Lease,
  type Moment,
  type Program,
  releasing,
  renewing,
  type Said,
  type Seen,
  type Terms,
} from './lease-protocol.ts'
import { isDuration, leaseOf, personal, textOf } from './lease-text.ts'

// as they were when this was loaded: programs put others in their place
const { clearTimeout, setTimeout } = timers
const { now: wallTime } = Date
const { random: chance } = Math

/** Bytes of the longest lease that is read. */
const LONGEST_TEXT = 4096
/** Milliseconds that the clock of a store may leave out: HTTP tells whole seconds. */
const GRAIN = 1000
/** Milliseconds before whoever found a right taken first looks again; it doubles. */
const FIRST_WAIT = 100
/** The part of a lease that they wait at most. */
const LONGEST_WAIT = 1 / 12
/** The part of a lease after which it is renewed, and after which that is tried again. */
const [RENEWED, TRIED_AGAIN] = [1 / 3, 1 / 12]
/** Milliseconds, beside twice the own round trip, for which others may still write where a store lacks conditions. */
const SETTLE = 250
/** Begins etags that are made here, where a store has none. */
const OWN = '#'
/** Keys for which it is known what was seen last. */
const MOST_SEEN = 10_000

export interface Rights {
  /** Takes the right to compute what belongs to this key: one request if nobody has it. */
  acquire(key: string, signal?: AbortSignal): Promise<Acquired>
  /** Gives back all that are held, and those that are about to be. */
  releaseAll(): Promise<void>
}

export type Acquired =
  | { readonly kind: 'held'; readonly right: Right }
  /** `by`: user, host and pid, for people. `retryAfter`: milliseconds, by chance, and more each time. */
  | { readonly kind: 'taken'; readonly by: string; readonly retryAfter: number }
  /** The store cannot, did not answer or refused: compute without. */
  | { readonly kind: 'none'; readonly why: string }

export interface Right {
  /** Rises with each take-over. */
  readonly token: number
  /**
   * Whether nobody else can have taken over by now: not for too long has the store confirmed that it is ours. Never so
   * on a store that lacks conditions.
   */
  isCertain(): boolean
  /** One request. What is no longer ours stays as it is. */
  release(): Promise<void>
}

/** Time, as far as it matters here. In milliseconds. */
export interface Clock {
  /** Of a clock that nobody sets. */
  steady(): number
  wall(): number
  /** Does not keep the process alive. Returns what calls it off. */
  later(time: number, work: () => void): () => void
  sleep(time: number): Promise<void>
}

export interface RightsOptions {
  /** Names this process among all. */
  readonly owner: string
  /** What becomes of the process that called itself so: only `'dead'` counts, and must be sure. */
  readonly lifeOf: (owner: string) => string
  /** Milliseconds for which a right outlives its holder. @defaultValue 60 s */
  readonly duration?: number
  /** Milliseconds for which others may still write, where a store lacks conditions. @defaultValue 250 ms */
  readonly settle?: number
  readonly clock?: Clock
  /** From 0 up to 1. */
  readonly random?: () => number
}

const systemClock: Clock = {
  steady: () => performance.now(),
  wall: () => wallTime(),
  later: (time, work) => {
    const timer = setTimeout(work, time).unref()
    return () => clearTimeout(timer)
  },
  sleep: (time) => new Promise((resolve) => void setTimeout(resolve, time)),
}

/** The rights of this process on a store. Keys are those of blobs that nothing else is kept in. */
export function openRights(store: BlobStore, options: RightsOptions): Rights {
  return new BlobRights(store, options)
}

const GIVEN_UP: Acquired = { kind: 'none', why: 'it was given up' }

interface Waiting {
  readonly seen: Seen
  readonly tries: number
}

interface Attempt {
  readonly giveUp: () => void
  readonly done: Promise<unknown>
}

class BlobRights implements Rights {
  readonly #store: BlobStore
  readonly #options: Required<RightsOptions>
  readonly #by = personal()
  /** Begins all nonces of ours. */
  readonly #id = randomUUID()
  #count = 0
  /** Nonces of what is held, or being taken. */
  readonly #live = new Set<string>()
  readonly #held = new Set<HeldRight>()
  readonly #attempts = new Set<Attempt>()
  readonly #waiting = new Recent<string, Waiting>(MOST_SEEN, () => 1)

  constructor(store: BlobStore, options: RightsOptions) {
    this.#store = store
    this.#options = { duration: DURATION, settle: SETTLE, clock: systemClock, random: chance, ...options }
    if (!isDuration(this.#options.duration))
      throw new RangeError('openRights: expected the "duration" to be milliseconds of a day at most')
  }

  acquire(key: string, signal?: AbortSignal): Promise<Acquired> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve(GIVEN_UP)
      let isWanted = true
      const giveUp = (): void => {
        isWanted = false
        resolve(GIVEN_UP)
      }
      signal?.addEventListener('abort', giveUp)
      // what was sent goes on, and is given back
      const done = this.#acquire(key, () => isWanted).then((acquired) => {
        signal?.removeEventListener('abort', giveUp)
        this.#attempts.delete(attempt)
        resolve(acquired)
      })
      const attempt = { giveUp, done }
      this.#attempts.add(attempt)
    })
  }

  async releaseAll(): Promise<void> {
    const attempts = [...this.#attempts]
    for (const { giveUp } of attempts) giveUp()
    const held = [...this.#held]
    await Promise.all([...attempts.map(({ done }) => done), ...held.map((right) => right.release())])
  }

  async #acquire(key: string, isWanted: () => boolean): Promise<Acquired> {
    const nonce = `${this.#id}-${++this.#count}`
    const over = (): void => void this.#live.delete(nonce)
    this.#live.add(nonce)
    try {
      const before = this.#waiting.get(key)
      const terms = this.#terms(nonce)
      const run = <T>(program: Program<T>): Promise<T> => this.#run(key, program)
      const acquired = await run(acquiring(terms, before?.seen))
      if (acquired.kind !== 'held') over()
      if (acquired.kind === 'taken') return this.#taken(key, acquired, (before?.tries ?? 0) + 1)
      this.#waiting.delete(key)
      if (acquired.kind === 'none') return acquired
      const right = new HeldRight(terms, acquired.held, this.#options.clock, run, () => {
        over()
        this.#held.delete(right)
      })
      this.#held.add(right)
      if (isWanted()) return { kind: 'held', right }
      await right.release()
      return GIVEN_UP
    } catch (error) {
      over()
      return { kind: 'none', why: messageOf(error) }
    }
  }

  #taken(key: string, { seen, left }: { seen: Seen | undefined; left: number }, tries: number): Acquired {
    const { random, duration } = this.#options
    const grown = Math.min(duration * LONGEST_WAIT, FIRST_WAIT * 2 ** Math.min(tries - 1, 30))
    if (seen === undefined) this.#waiting.delete(key)
    else this.#waiting.set(key, { seen, tries })
    // by chance, so that those who wait do not come all at once, not even when it is over
    const retryAfter = left < grown ? left + random() * FIRST_WAIT : grown * (0.5 + random() / 2)
    return { kind: 'taken', by: seen?.lease?.by ?? 'somebody', retryAfter }
  }

  #terms(nonce: string): Terms {
    const { owner, lifeOf, duration, settle } = this.#options
    const store = this.#store
    return {
      owner,
      by: this.#by,
      nonce,
      duration,
      settle,
      get can() {
        const { conditionalCreate, compareAndSwap, conditionalDelete } = store.capabilities
        return { create: conditionalCreate, swap: compareAndSwap, remove: conditionalDelete }
      },
      isOver: (lease) =>
        lease.nonce.startsWith(this.#id) ? !this.#live.has(lease.nonce) : lifeOf(lease.owner) === 'dead',
    }
  }

  async #run<T>(key: string, program: Program<T>): Promise<T> {
    let step = program.next()
    while (!step.done) step = program.next(await this.#answer(key, step.value))
    return step.value
  }

  async #answer(key: string, ask: Ask): Promise<Answer> {
    const sent = momentOf(this.#options.clock)
    const said = await this.#said(key, ask).catch((error: unknown) => wordsFor(error, ask))
    return { ...said, sent, got: momentOf(this.#options.clock) }
  }

  async #said(key: string, ask: Ask): Promise<Said> {
    const store = this.#store
    const bytes = (lease: Lease): Uint8Array => Buffer.from(textOf(lease, this.#options.clock.wall()))
    switch (ask.do) {
      case 'create':
        return { is: 'done', etag: await store.put(key, bytes(ask.lease), { ifAbsent: true }) }
      case 'swap':
        return { is: 'done', etag: await store.put(key, bytes(ask.lease), { ifMatch: ask.etag }) }
      case 'overwrite':
        return { is: 'done', etag: await store.put(key, bytes(ask.lease)) }
      case 'remove':
        await store.delete(key, { ifMatch: ask.etag })
        return { is: 'done' }
      case 'erase':
        await store.delete(key)
        return { is: 'done' }
      case 'wait':
        await this.#options.clock.sleep(ask.time)
        return { is: 'done' }
      case 'look':
        return await this.#look(key, ask.unless)
    }
  }

  async #look(key: string, unless: string | undefined): Promise<Said> {
    const found = await this.#store.get(key, { ifNoneMatch: unless?.startsWith(OWN) ? undefined : unless })
    if (found === undefined) return { is: 'absent' }
    if (found === 'unchanged') return { is: 'unchanged' }
    const { size, modified, asOf } = found
    let text = ''
    if (size > LONGEST_TEXT) await found.cancel()
    else text = Buffer.from(await found.bytes()).toString()
    const etag = found.etag ?? OWN + createHash('sha256').update(`${size} ${text}`).digest('hex')
    const isDated = this.#store.capabilities.serverClock && asOf !== undefined && modified !== undefined
    const age = isDated ? Math.max(0, asOf - modified - GRAIN) : 0
    return { is: 'found', etag, lease: leaseOf(text), age }
  }
}

const momentOf = (clock: Clock): Moment => ({ steady: clock.steady(), wall: clock.wall() })

/** What an error of the store means for what was asked. */
function wordsFor(error: unknown, { do: what }: Ask): Said {
  const { code, undone } = error instanceof BlobError ? error : { code: undefined, undone: false }
  const isConditional = what === 'create' || what === 'swap' || what === 'remove'
  if (isConditional && code === 'ERR_BLOB_PRECONDITION') return { is: 'unmet' }
  if (isConditional && code === 'ERR_BLOB_UNSUPPORTED') return { is: 'unsupported' }
  if (what === 'look' || undone) return { is: 'failed', why: messageOf(error) }
  return { is: 'unknown' }
}

/** A right that is renewed until it is released or lost. */
class HeldRight implements Right {
  readonly token: number
  readonly #terms: Terms
  readonly #clock: Clock
  readonly #run: <T>(program: Program<T>) => Promise<T>
  readonly #over: () => void
  #held: Held
  #state: 'held' | 'lost' | 'released' = 'held'
  #callOff: () => void = () => {}
  /** Renewals never overlap, nor is anything released beside one. */
  #renewed: Promise<void> = Promise.resolve()
  #released: Promise<void> | undefined

  constructor(
    terms: Terms,
    held: Held,
    clock: Clock,
    run: <T>(program: Program<T>) => Promise<T>,
    over: () => void,
  ) {
    this.token = held.token
    this.#terms = terms
    this.#held = held
    this.#clock = clock
    this.#run = run
    this.#over = over
    this.#plan(RENEWED)
  }

  isCertain(): boolean {
    return this.#state === 'held' && isCertain(this.#held, this.#terms.duration, momentOf(this.#clock))
  }

  release(): Promise<void> {
    this.#released ??= this.#release()
    return this.#released
  }

  async #release(): Promise<void> {
    const wasLost = this.#state === 'lost'
    this.#state = 'released'
    this.#callOff()
    await this.#renewed
    // what another one has by now stays as it is
    if (!wasLost) await this.#run(releasing(this.#terms, this.#held))
    this.#over()
  }

  #plan(part: number): void {
    this.#callOff = this.#clock.later(this.#terms.duration * part, () => {
      this.#renewed = this.#renew()
    })
  }

  async #renew(): Promise<void> {
    const now = await this.#run(renewing(this.#terms, this.#held))
    if (now.kind === 'held') this.#held = now.held
    if (this.#state !== 'held') return
    if (now.kind === 'held') return this.#plan(now.renewed ? RENEWED : TRIED_AGAIN)
    this.#state = 'lost'
    this.#over()
  }
}
