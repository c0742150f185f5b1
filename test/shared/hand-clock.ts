/** A clock that goes when it is told to. Two of them need not agree. */
import type { Clock } from '#src/shared/lease.js'

export class HandClock implements Clock {
  #steady = 0
  #wall: number
  readonly #timers = new Set<{ readonly at: number; readonly work: () => void }>()

  constructor(wall = 0) {
    this.#wall = wall
  }

  steady(): number {
    return this.#steady
  }

  wall(): number {
    return this.#wall
  }

  later(time: number, work: () => void): () => void {
    const timer = { at: this.#steady + time, work }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  sleep(time: number): Promise<void> {
    return new Promise((resolve) => void this.later(time, resolve))
  }

  get waiting(): number {
    return this.#timers.size
  }

  /** Somebody sets the clock on the wall. */
  set(by: number): void {
    this.#wall += by
  }

  /** Time passes; what is due is done, in order. */
  pass(time: number): void {
    this.#steady += time
    this.#wall += time
    for (const timer of [...this.#timers].sort((one, other) => one.at - other.at))
      if (timer.at <= this.#steady && this.#timers.delete(timer)) timer.work()
  }
}
