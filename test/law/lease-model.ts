/**
 * Machines that share a store, as states and steps: every order of requests, answers, losses, crashes and ticks of the
 * clock is tried. The machines run the programs of the package itself, the store is linearizable, and the rules can be
 * broken one at a time, to see that this is noticed.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import {
  type Ask,
  acquiring,
  type Held,
  isCertain,
  type Lease,
  type Program,
  releasing,
  renewing,
  type Said,
  type Seen,
  type Terms,
} from '#src/shared/lease-protocol.js'

/** Ticks for which a lease lasts. Its holder is certain for a tenth less. */
const DURATION = 2
/** Ticks in which the clock of a store is read. */
const GRAIN = 2
/** Ticks after which it no longer matters how long ago something was. So there is no end of time, but one of states. */
const LONG_AGO = 3

export interface Bounds {
  readonly machines: number
  /** How often each of these may happen. */
  readonly crashes: number
  readonly losses: number
  /** Computations that give nothing to publish. */
  readonly failures?: number
  /** Ticks between the first and the last of a few requests in a row, at most. @defaultValue 3 */
  readonly delay?: number
  /** Of each machine. */
  readonly tries: number
  readonly renewals: number
  /** Whether the store has a clock of its own. */
  readonly dated?: boolean
  /** Whether etags are digests of what is stored. */
  readonly digests?: boolean
  /** Whether all are processes of one machine, which know who is dead. */
  readonly together?: boolean
  /** Whether the store deletes only what has not changed. */
  readonly removes?: boolean
}

/** What can be got wrong. */
export type Mistake =
  | 'releases whatever is there'
  | 'renews and takes over whatever is there'
  | 'creates whatever is there'
  | 'compares the clocks of two machines'
  | 'forgets that clocks tell whole seconds'
  | 'counts from the answer'
  | 'takes the unknown for done'
  | 'writes the same bytes again'
  | 'publishes whatever is there'
  | 'forgets what it saw'

interface Blob {
  readonly lease: Lease
  readonly etag: string
  readonly written: number
}

/** A moment, unless it is of no importance: then there are fewer states. */
type When = number | 'whenever' | undefined

/** An answer as it is kept. Of what was found it matters when it was heard, of all else when it was sent. */
interface Kept {
  readonly said: Said
  readonly at: When
  /** Who was dead then. */
  readonly dead: readonly number[]
}

type Doing = 'acquire' | 'renew' | 'release'

interface Machine {
  readonly phase: 'idle' | 'computing' | 'done' | 'dead'
  readonly doing?: Doing | undefined
  readonly answers: readonly Kept[]
  readonly sent?: When
  readonly said?: Said | undefined
  /** Whether it sleeps until the next tick, with a request to send or an answer to hear. */
  readonly sleeps?: boolean | undefined
  /** Rights it has tried to get so far. */
  readonly tries: number
  readonly renewals: number
  readonly seen?: Seen | undefined
  readonly held?: Held | undefined
  readonly value?: number | undefined
}

interface State {
  readonly time: number
  readonly blob?: Blob | undefined
  readonly etags: number
  readonly result?: number | undefined
  readonly machines: readonly Machine[]
  /** Writes whose senders gave up, and that may land yet. */
  readonly late: readonly { readonly ask: Ask; readonly by: number }[]
  readonly crashes: number
  readonly losses: number
  readonly failures: number
}

/** What a program asks, or what came of it. */
interface Run {
  readonly ask?: Ask
  readonly outcome?: { readonly kind: string }
}

interface Step {
  readonly name: string
  readonly next: State
}

const GONE = {
  sleeps: undefined,
  doing: undefined,
  answers: [],
  sent: undefined,
  said: undefined,
  seen: undefined,
  held: undefined,
  tries: 0,
  renewals: 0,
}

/** No two machines agree what time it is. */
const steady = (machine: number, time: number): number => time + 1000 * machine
const wall = (machine: number, time: number): number => time + [0, 100, -100][machine]!
const moment = (machine: number, time: number) => ({
  steady: steady(machine, time),
  wall: wall(machine, time),
})

/** The earliest moment that what a machine is doing goes by. */
function began({ doing, answers, sent, seen }: Machine, index: number, now: number): number {
  if (doing === undefined) return now
  const moments = [...answers.map(({ at }) => at), sent, seen && seen.at - steady(index, 0)]
  return Math.min(...moments.filter((at) => typeof at === 'number'), now)
}

export class Model {
  readonly #bounds: Bounds
  readonly #mistake: Mistake | undefined
  readonly #grain: number
  readonly #visited = new Set<string>()
  readonly #tried = new Set<string>()
  readonly #runs = new WeakMap<Machine, Run>()
  /** What came of it, to see that the model reaches what it is about. */
  readonly seen: Record<string, number> = {}

  constructor(bounds: Bounds, mistake?: Mistake) {
    this.#bounds = bounds
    this.#grain = bounds.dated ? GRAIN : 1
    this.#mistake = mistake
  }

  get states(): number {
    return this.#visited.size
  }

  /** Tries everything. Throws at the first state that must not be, with the steps that lead to it. */
  explore(): void {
    const { machines, crashes, losses, failures = 0 } = this.#bounds
    const idle: Machine = { phase: 'idle', answers: [], tries: 0, renewals: 0 }
    const first: State = {
      time: 0,
      etags: 0,
      machines: Array.from({ length: machines }, () => idle),
      late: [],
      crashes,
      losses,
      failures,
    }
    interface Node {
      readonly state: State
      readonly name: string
      readonly before: Node | undefined
    }
    const open: Node[] = [{ state: first, name: 'begin', before: undefined }]
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      const { state } = node
      const key = createHash('md5').update(JSON.stringify(state)).digest('base64')
      if (this.#visited.has(key)) continue
      this.#visited.add(key)
      try {
        this.#check(state)
        for (const { name, next } of this.#steps(state)) open.push({ state: next, name, before: node })
      } catch (error) {
        const steps: string[] = []
        for (let at: Node | undefined = node; at !== undefined; at = at.before)
          steps.unshift(`${at.state.time} ${at.name}`)
        throw new Error(`${(error as Error).message}\n${steps.join('\n')}`)
      }
    }
  }

  #check(state: State): void {
    const { time, machines, result } = state
    const certain = machines.filter(
      ({ held, doing, phase }, index) =>
        phase === 'computing' &&
        doing !== 'release' &&
        held !== undefined &&
        isCertain(held, DURATION, moment(index, time)),
    )
    assert.ok(certain.length <= 1, 'two are certain')
    for (const { phase, value } of machines)
      if (phase === 'done') assert.equal(value, result, 'two values were given')
    this.#checkProgress(state)
  }

  /** Somebody new can have the right, once all others are gone. */
  #checkProgress({ blob, time, late }: State): void {
    const key = JSON.stringify([blob && { ...blob, written: time - blob.written }, late])
    if (this.#tried.has(key)) return
    this.#tried.add(key)
    for (const landing of [late, []]) {
      let state: State = {
        time,
        blob,
        etags: 1e6,
        machines: [],
        late: [],
        crashes: 0,
        losses: 0,
        failures: 0,
      }
      for (const { ask, by } of landing) state = this.#served(state, ask, by).state
      let seen: Seen | undefined
      let kind = ''
      for (let tries = 0; tries < 3 && kind !== 'held'; tries++) {
        const terms = this.#terms(2, `fresh.${tries}`, () => [])
        const program = acquiring(terms, seen)
        let step = program.next()
        while (!step.done) {
          const served = this.#served(state, step.value, 2)
          state = served.state
          const at = moment(2, state.time)
          step = program.next({ ...served.said, sent: at, got: at })
        }
        kind = step.value.kind
        if (step.value.kind === 'taken' && this.#mistake !== 'forgets what it saw') seen = step.value.seen
        state = { ...state, time: state.time + DURATION + GRAIN }
      }
      assert.equal(kind, 'held', 'nobody can ever have the right')
    }
  }

  *#steps(state: State): Generator<Step> {
    const { machines, late } = state
    const { tries, renewals, delay = 3 } = this.#bounds
    // to send and to hear is nothing that others see: only whether there was a tick before can matter
    for (const [index, { doing, sent, said, sleeps }] of machines.entries())
      if (doing !== undefined && !sleeps && (sent === undefined || said !== undefined)) {
        yield { name: `${index} sleeps`, next: this.#with(state, index, { sleeps: true }) }
        yield* this.#doing(state, index, doing)
        return
      }
    if (machines.every((machine, index) => state.time - began(machine, index, state.time) < delay))
      yield { name: 'tick', next: this.#ticked(state) }
    for (const [index, { ask, by }] of late.entries()) {
      const landed = this.#served(state, ask, by).state
      yield { name: `${ask.do} of ${by} lands late`, next: { ...landed, late: late.toSpliced(index, 1) } }
    }
    for (const [index, machine] of machines.entries()) {
      if (machine.phase === 'dead' || machine.phase === 'done') continue
      const step = (name: string, change: Partial<Machine>, more: Partial<State> = {}): Step => ({
        name: `${index} ${name}`,
        next: { ...state, ...more, machines: machines.with(index, { ...machine, ...change }) },
      })
      // all are alike, so it does not matter who begins
      const before = machines[index - 1]
      if (before?.phase === 'idle' && before.tries === 0) return
      const isAtWork = machine.doing !== undefined || machine.phase === 'computing'
      if (state.crashes > 0 && isAtWork)
        yield step('dies', { ...GONE, phase: 'dead' }, { crashes: state.crashes - 1 })
      if (machine.doing !== undefined) {
        if (machine.sent !== undefined && machine.said === undefined)
          yield* this.#doing(state, index, machine.doing)
        continue
      }
      if (machine.phase === 'idle') {
        if (state.result !== undefined) yield step('has it', { ...GONE, phase: 'done', value: state.result })
        else if (machine.tries < tries)
          yield step('asks', { doing: 'acquire', answers: [], tries: machine.tries + 1 })
        continue
      }
      if (machine.held !== undefined && machine.renewals < renewals)
        yield step('renews', { doing: 'renew', answers: [], renewals: machine.renewals + 1 })
      const own = 10 * index + machine.tries
      const overwrites = this.#mistake === 'publishes whatever is there'
      const value = overwrites ? own : (state.result ?? own)
      const after = machine.held !== undefined && { doing: 'release' as const, answers: [] }
      yield step('publishes', { value, ...(after || { phase: 'done' }) }, { result: value })
      if (state.failures > 0)
        yield step('fails', after || { phase: 'idle' }, { failures: state.failures - 1 })
    }
  }

  /** One later. When the clock of the store would show another time, all that was is moved into the past instead. */
  #ticked(state: State): State {
    const moves = state.time + 1 === this.#grain
    const before = <T extends When>(at: T): T =>
      moves && typeof at === 'number' ? ((at - this.#grain) as T) : at
    const past = (at: number, zero = 0): number =>
      Math.max(before(at), zero - LONG_AGO + ((at - zero) & (this.#grain - 1)))
    const { blob } = state
    const time = moves ? 0 : state.time + 1
    return {
      ...state,
      time,
      blob: blob && { ...blob, written: past(blob.written) },
      machines: state.machines.map((machine, index) => {
        const { seen, held, sent, answers, doing } = machine
        const zero = steady(index, 0)
        const at = seen && before(seen.at)
        return {
          ...machine,
          sleeps: undefined,
          sent: before(sent),
          answers: answers.map((kept) => ({ ...kept, at: before(kept.at) })),
          // the sum matters, unless somebody is about to use both
          seen:
            doing === undefined && at !== undefined
              ? { ...seen!, age: Math.min(LONG_AGO, seen!.age + zero + time - at), at: zero + time }
              : seen && { ...seen, at: at! },
          held: held && {
            ...held,
            since: {
              steady: past(held.since.steady, zero),
              wall: past(held.since.wall, wall(index, 0)),
            },
          },
        }
      }),
    }
  }

  #with(state: State, index: number, change: Partial<Machine>): State {
    return { ...state, machines: state.machines.with(index, { ...state.machines[index]!, ...change }) }
  }

  /** What may become of the request that a machine is at. */
  *#doing(state: State, index: number, doing: Doing): Generator<Step> {
    const machine = state.machines[index]!
    const { sent, said } = machine
    const { time } = state
    const ask = this.#run(machine, index).ask!
    const step = (name: string, change: Partial<Machine>, from: State = state): Step => ({
      name: `${index} ${name}`,
      next: { ...from, machines: state.machines.with(index, { ...machine, ...change }) },
    })
    const matters = doing !== 'release' && (ask.do !== 'look' || ask.unless !== undefined)
    if (sent === undefined) yield step(`sends ${ask.do}`, { sent: matters ? time : 'whenever' })
    else if (said === undefined) {
      const served = this.#served(state, ask, index)
      yield step(`is served ${doing} ${ask.do}`, { said: served.said }, served.state)
      if (state.losses === 0) return
      const isRead = ask.do === 'look'
      const unknown: Said = isRead
        ? { is: 'failed', why: 'lost' }
        : this.#mistake === 'takes the unknown for done'
          ? { is: 'done', etag: `guess ${state.etags}` }
          : { is: 'unknown' }
      const losses = state.losses - 1
      yield step(`${ask.do} is lost`, { said: unknown }, { ...state, losses })
      if (isRead) return
      yield step(`the answer to ${ask.do} is lost`, { said: unknown }, { ...served.state, losses })
      const late = [...state.late, { ask, by: index }]
      yield step(`${ask.do} is delayed`, { said: unknown }, { ...state, losses, late })
    } else {
      const dead = this.#bounds.together
        ? state.machines.flatMap(({ phase }, at) => (phase === 'dead' ? [at] : []))
        : []
      const late = sent !== 'whenever' && this.#mistake === 'counts from the answer'
      const at = late || (doing === 'acquire' && said.is === 'found') ? time : sent
      const answers = [...machine.answers, { said, at, dead }]
      const next = { ...machine, answers, sent: undefined, said: undefined }
      const after = { ...state, machines: state.machines.with(index, next) }
      const { outcome } = this.#run(next, index)
      if (outcome === undefined) yield { name: `${index} hears ${said.is}`, next: after }
      else
        yield {
          name: `${index} hears ${said.is}: ${JSON.stringify(outcome)}`,
          next: { ...after, machines: after.machines.with(index, this.#after(after, index, outcome)) },
        }
    }
  }

  /** Where a program that is done leaves its machine. */
  #after(state: State, index: number, outcome: { readonly kind: string }): Machine {
    const machine = { ...state.machines[index]!, doing: undefined, answers: [] }
    const { held, seen } = outcome as { held?: Held; seen?: Seen }
    this.seen[outcome.kind] = (this.seen[outcome.kind] ?? 0) + 1
    switch (outcome.kind) {
      case 'held':
        if (machine.phase === 'idle' && state.result === undefined) this.#checkDuplicate(state, index, held!)
        return { ...machine, phase: 'computing', held }
      case 'taken':
        return { ...machine, seen: this.#mistake === 'forgets what it saw' ? undefined : seen }
      case 'none':
        return { ...machine, phase: 'computing', seen: undefined }
      case 'lost':
        return { ...machine, held: undefined }
      default:
        if (machine.value === undefined) return { ...machine, phase: 'idle', held: undefined }
        return { ...machine, ...GONE, phase: 'done' }
    }
  }

  /** Two compute only if one of them has had the right for too long. */
  #checkDuplicate({ machines, time }: State, own: number, right: Held): void {
    const age = (machine: number, { since }: Held): number => steady(machine, time) - since.steady
    for (const [index, { phase, held, doing }] of machines.entries()) {
      if (index === own || phase !== 'computing' || held === undefined || doing === 'release') continue
      this.seen['twice'] = (this.seen['twice'] ?? 0) + 1
      const oldest = Math.max(age(index, held), age(own, right))
      assert.ok(oldest >= DURATION, `two compute, both for no longer than ${oldest}`)
    }
  }

  #terms(index: number, nonce: string, dead: () => readonly number[]): Terms {
    return {
      owner: String(index),
      by: String(index),
      nonce,
      duration: DURATION,
      settle: 1,
      can: { create: true, swap: true, remove: this.#bounds.removes ?? true },
      isOver: (lease) =>
        lease.nonce.startsWith(`${index}.`) ? lease.nonce !== nonce : dead().includes(Number(lease.owner)),
    }
  }

  /** Runs a machine's program again up to where it is. */
  #run(machine: Machine, index: number): Run {
    let run = this.#runs.get(machine)
    if (run === undefined) {
      run = this.#runAgain(machine, index)
      this.#runs.set(machine, run)
    }
    return run
  }

  #runAgain({ doing, answers, tries, seen, held }: Machine, index: number): Run {
    let dead: readonly number[] = []
    const terms = this.#terms(index, held?.nonce ?? `${index}.${tries}`, () => dead)
    const program: Program<unknown> =
      doing === 'acquire'
        ? acquiring(terms, seen)
        : doing === 'renew'
          ? renewing(terms, held!)
          : releasing(terms, held!)
    let step = program.next()
    for (const kept of answers) {
      dead = kept.dead
      const at = moment(index, typeof kept.at === 'number' ? kept.at : Number.NaN)
      step = program.next({ ...kept.said, sent: at, got: at })
    }
    if (!step.done) return { ask: step.value }
    return { outcome: (step.value as Run['outcome']) ?? { kind: 'released' } }
  }

  /** What the store does and says. */
  #served(state: State, ask: Ask, by: number): { readonly state: State; readonly said: Said } {
    const { blob, time } = state
    const mistake = this.#mistake
    const unmet = { state, said: { is: 'unmet' } as const }
    const write = (lease: Lease): { state: State; said: Said } => {
      const { beat: _, ...same } = lease
      const text = JSON.stringify(mistake === 'writes the same bytes again' ? same : lease)
      const etag = this.#bounds.digests ? text : String(state.etags)
      const written: Blob = { lease, etag, written: time }
      return { state: { ...state, blob: written, etags: state.etags + 1 }, said: { is: 'done', etag } }
    }
    switch (ask.do) {
      case 'create':
        if (blob !== undefined && mistake !== 'creates whatever is there') return unmet
        return write(ask.lease)
      case 'swap':
        if (blob?.etag !== ask.etag && mistake !== 'renews and takes over whatever is there') return unmet
        return write(ask.lease)
      case 'remove':
        if (blob?.etag !== ask.etag && mistake !== 'releases whatever is there') return unmet
        return { state: { ...state, blob: undefined }, said: { is: 'done' } }
      case 'look':
        if (blob === undefined) return { state, said: { is: 'absent' } }
        if (blob.etag === ask.unless) return { state, said: { is: 'unchanged' } }
        return {
          state,
          said: { is: 'found', etag: blob.etag, lease: blob.lease, age: this.#age(blob, time, by) },
        }
      default:
        throw new Error(`${ask.do} is not for this store`)
    }
  }

  #age(blob: Blob, time: number, by: number): number {
    if (this.#mistake === 'compares the clocks of two machines')
      return wall(by, time) - wall(Number(blob.lease.owner), blob.written)
    if (!this.#bounds.dated) return 0
    const shown = (at: number): number => Math.floor(at / GRAIN) * GRAIN
    const grain = this.#mistake === 'forgets that clocks tell whole seconds' ? 0 : GRAIN
    return Math.max(0, shown(time) - shown(blob.written) - grain)
  }
}
