/** Work on one thing after the other, some at a time: what comes out is in the order of what goes in. */

/** Things worked on at a time. */
export const PARALLEL = 16

/** Holds no more than `most` results that nobody has taken. Whatever fails ends it, when what was begun is done. */
export async function* each<T, R>(
  things: AsyncIterable<T>,
  work: (thing: T) => Promise<R>,
  most: number = PARALLEL,
): AsyncGenerator<R, void, undefined> {
  const begun: Promise<R>[] = []
  try {
    for await (const thing of things) {
      const one = work(thing)
      // its turn to be waited for comes later
      one.catch(() => undefined)
      begun.push(one)
      if (begun.length >= most) yield await begun.shift()!
    }
    while (begun.length > 0) yield await begun.shift()!
  } finally {
    await Promise.allSettled(begun)
  }
}

/** Does `work`, which the signal may stop: then it ends where it is. */
export async function unlessStopped(
  signal: AbortSignal | undefined,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (signal?.aborted !== true) throw error
  }
}

/** Things at hand as if they came one after the other. */
export async function* inTurn<T>(things: Iterable<T>): AsyncGenerator<T, void, undefined> {
  yield* things
}
