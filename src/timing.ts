/**
 * How long the steps of a call took, for whoever listens on the channel `permafrost:perf`, and as a line of JSON for each
 * call in the file that PERMAFROST_PERF_LOG names. Nobody listening, nothing is measured.
 */
import { appendFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { listens, tell } from './events.ts'
import type { Digest } from './types.ts'

/** In the order in which a call takes them; a hit ends with `decode`. */
export type Step = 'key' | 'find' | 'read' | 'decode' | 'compute' | 'encode' | 'write'

export class Timing {
  readonly #began = performance.now()
  readonly #steps: Partial<Record<Step, number>> = {}

  /** Does a step, which may be done more than once. */
  step<T>(step: Step, work: () => T): T {
    const began = performance.now()
    try {
      return work()
    } finally {
      this.add(step, performance.now() - began)
    }
  }

  /** @param took milliseconds */
  add(step: Step, took: number): void {
    this.#steps[step] = (this.#steps[step] ?? 0) + took
  }

  /** The call is over. */
  tell(event: 'hit' | 'miss', name: string, key: Digest): void {
    const told = { event, name, key, steps: { ...this.#steps }, total: performance.now() - this.#began }
    tell('perf', () => told)
    if (log !== undefined) note({ at: Date.now(), ...told })
  }
}

/** To measure a call by; undefined if nobody wants to know. */
export const startTiming = (): Timing | undefined =>
  log !== undefined || listens('perf') ? new Timing() : undefined

/** Does a step, measured or not. */
export const timed = <T>(timing: Timing | undefined, step: Step, work: () => T): T =>
  timing === undefined ? work() : timing.step(step, work)

const asked = process.env['PERMAFROST_PERF_LOG']
const log = asked === undefined || asked === '' ? undefined : asked
// Characters that may wait.
const WAITING = 65_536
let waiting = ''

function note(line: object): void {
  if (waiting === '') process.once('exit', write)
  waiting += `${JSON.stringify(line)}\n`
  if (waiting.length > WAITING) write()
}

function write(): void {
  const lines = waiting
  waiting = ''
  process.off('exit', write)
  try {
    appendFileSync(log!, lines)
  } catch {
    // a log that cannot be written is no reason to fail
  }
}
