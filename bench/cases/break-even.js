/**
 * The shortest function worth memoizing. Of ten equal calls one is computed and stored and nine hit; what the ten take,
 * over nine, is the time that a function must take for them to be won. Means, not medians: all of it has to be paid.
 */

const USES = 10

const small = (x) => ({ x, name: 'small value' })

async function start({ open, directory, short }) {
  const cache = await open(directory)
  const call = await cache.memoize(small)
  let next = 0
  return {
    async round() {
      let calls = 0
      const began = performance.now()
      const end = began + (short ? 20 : 200)
      while (calls < 2000 && (calls === 0 || performance.now() < end)) {
        calls++
        next++
        for (let use = 0; use < USES; use++) await call(next)
      }
      return { p50: ((performance.now() - began) * 1000) / calls / (USES - 1) }
    },
    end: async () => void (await cache.close()),
  }
}

export const cases = [
  {
    id: 'break-even',
    title: `The shortest function worth memoizing, if each result is used ${USES} times`,
    figures: [{ id: 'p50', title: 'must take' }],
    start,
  },
]
