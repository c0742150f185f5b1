/** Who waits for whom, in the order in which they came. */

/** Lets so many through at a time. */
export class Gate {
  readonly #most: number
  readonly #queue = new Set<() => void>()
  #inside = 0

  constructor(most: number) {
    this.#most = most
  }

  /** What `work` gives, when its turn has come. Rejects with the signal's reason if that comes first. */
  async pass<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    signal?.throwIfAborted()
    if (this.#inside < this.#most) this.#inside++
    else await this.#turn(signal)
    try {
      return await work()
    } finally {
      this.#leave()
    }
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        if (this.#queue.delete(enter)) reject(signal!.reason)
      }
      const enter = (): void => {
        signal?.removeEventListener('abort', giveUp)
        resolve()
      }
      this.#queue.add(enter)
      signal?.addEventListener('abort', giveUp, { once: true })
    })
  }

  /** The place goes to the next one, so nobody can come between. */
  #leave(): void {
    for (const enter of this.#queue) {
      this.#queue.delete(enter)
      return enter()
    }
    this.#inside--
  }
}

/** Those who wait until somebody lets them in, or long enough. */
export class Callers {
  readonly #all = new Set<() => void>()

  /** @param patience milliseconds. The signal ends it, too. */
  wait(patience: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const enter = (): void => {
        clearTimeout(late)
        signal?.removeEventListener('abort', enter)
        this.#all.delete(enter)
        resolve()
      }
      const late = setTimeout(enter, patience)
      signal?.addEventListener('abort', enter)
      this.#all.add(enter)
    })
  }

  /** The first one, or all. */
  admit(isAll: boolean): void {
    for (const enter of this.#all) {
      enter()
      if (!isAll) return
    }
  }
}
