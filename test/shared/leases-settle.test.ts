/**
 * How often more than one holds a right where the store has no conditions, and nobody can do better than to write, wait
 * and look: in simulated time, with the program itself, for requests that take more or less the same time or do not.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Answer,
  acquiring,
  type Lease,
  type Moment,
  type Program,
  type Terms,
} from '#src/shared/lease-protocol.js'

const TRIALS = 2000

/** The same numbers each time. Mulberry32, by Tommy Ettinger. */
function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

interface Outcome {
  /** How many trials had more than one holder, and how many none. */
  readonly several: number
  readonly nobody: number
  /** Milliseconds after which the holder knew, in the middle of all trials. */
  readonly took: number
}

function trials(machines: number, settle: number, latency: (random: number) => number): Outcome {
  const random = numbers(1)
  let [several, nobody] = [0, 0]
  const took: number[] = []
  for (let trial = 0; trial < TRIALS; trial++) {
    const events: { at: number; run: () => void }[] = []
    const later = (at: number, run: () => void): void => void events.push({ at, run })
    let [now, holders, writes] = [0, 0, 0]
    let blob: { lease: Lease; etag: string } | undefined
    const moment = (): Moment => ({ steady: now, wall: now })
    const begin = (index: number): void => {
      const begun = now
      const terms: Terms = {
        owner: `${index}`,
        by: `${index}`,
        nonce: `${index}`,
        duration: 60_000,
        settle,
        can: { create: false, swap: false, remove: false },
        isOver: () => false,
      }
      const program: Program<{ readonly kind: string }> = acquiring(terms)
      const go = (answer?: Answer): void => {
        const step = answer === undefined ? program.next() : program.next(answer)
        if (step.done) {
          if (step.value.kind !== 'held') return
          holders++
          took.push(now - begun)
          return
        }
        const [ask, sent] = [step.value, moment()]
        const hear = (said: object): void => go({ ...said, sent, got: moment() } as Answer)
        if (ask.do === 'wait') return later(now + ask.time, () => hear({ is: 'done' }))
        const [there, back] = [latency(random()) / 2, latency(random()) / 2]
        later(now + there, () => {
          let said: object = blob === undefined ? { is: 'absent' } : { is: 'found', age: 0, ...blob }
          if (ask.do === 'overwrite') {
            blob = { lease: ask.lease, etag: `${++writes}` }
            said = { is: 'done', etag: blob.etag }
          }
          later(now + back, () => hear(said))
        })
      }
      go()
    }
    for (let index = 0; index < machines; index++) later(random() * 30, () => begin(index))
    while (events.length > 0) {
      events.sort((one, other) => other.at - one.at)
      const next = events.pop()!
      now = next.at
      next.run()
    }
    if (holders > 1) several++
    if (holders === 0) nobody++
  }
  took.sort((one, other) => one - other)
  return { several, nobody, took: took[took.length >> 1]! }
}

const latencies: Readonly<Record<string, (random: number) => number>> = {
  '20 ms': () => 20,
  '5 to 80 ms': (random) => 5 + 75 * random,
  '10 to 30 ms, of 5 in 100 requests 400 ms': (random) => (random < 0.05 ? 400 : 10 + 20 * random),
}

test('without conditions: how many have a right at once', (t) => {
  for (const [name, latency] of Object.entries(latencies))
    for (const machines of [2, 4, 8]) {
      const [bare, settled] = [0, 250].map((settle) => trials(machines, settle, latency))
      const percent = (count: number): string => `${((100 * count) / TRIALS).toFixed(1)} %`
      t.diagnostic(
        `${name}, ${machines} machines: several hold it in ${percent(settled!.several)} of trials, known after ` +
          `${Math.round(settled!.took)} ms; with no margin ${percent(bare!.several)}, ${Math.round(bare!.took)} ms`,
      )
      assert.equal(settled!.nobody, 0, 'nobody holds it')
      if (!name.includes('400')) assert.equal(settled!.several, 0)
      else assert.ok(settled!.several < TRIALS / 50)
    }
})
