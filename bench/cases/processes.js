/**
 * One to eight processes on one directory, half hits of 1,000 shared calls, half new ones. In the end another process looks
 * whether each that was written is there: what an error or a torn file took is counted.
 */

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { made, makes } from '../suite/made.js'
import { median, percentiles } from '../suite/time.js'
import { Failed, Trial } from '../suite/trial.js'

const SHARED = 1000
const COUNTS = [1, 2, 4, 8]
const ROUND = 400
// Before the first round that counts: so many calls of each process, that its code is compiled, or so many milliseconds.
const WARM = 10_000
const LONGEST_WARMING = 8000
const smallOf = (n) => ({ x: n, name: 'small value' })

// in the children ----------------------------------------------------------------------------------------------------

/** @param fill whether to store the shared calls · @param own the first call that nobody else writes · @param check ranges */
async function start({ open, directory, short, fill, own, check }) {
  let current = 0
  let made_ = 0
  makes(() => {
    made_++
    return smallOf(current)
  })
  const cache = await open(directory)
  const call = await cache.memoize(made)
  const ask = async (n) => {
    current = n
    return (await call(n)).x === n
  }
  if (fill) for (let n = 0; n < SHARED; n++) await ask(n)
  let wrong = 0
  if (check) {
    made_ = 0
    for (const [from, to] of check) for (let n = from; n < to; n++) if (!(await ask(n))) wrong++
  }
  let next = own
  let isWarm = short
  return {
    found: { lost: made_, wrong },
    round: async () => {
      const hits = []
      const puts = []
      const from = next
      let errors = 0
      let error
      let wrong = 0
      const began = performance.now()
      const end = began + (short ? 50 : isWarm ? ROUND : LONGEST_WARMING)
      const most = isWarm ? Number.POSITIVE_INFINITY : WARM
      isWarm = true
      for (let before = began, turn = 0; before < end && turn < most; turn++) {
        const put = turn % 2 === 0
        try {
          if (!(await ask(put ? next++ : (turn * 7919) % SHARED))) wrong++
        } catch (thrown) {
          errors++
          error ??= String(thrown.message).split('\n')[0]
        }
        const after = performance.now()
        ;(put ? puts : hits).push((after - before) * 1000)
        before = after
      }
      const seconds = (performance.now() - began) / 1000
      const [hit, put] = [percentiles(hits), percentiles(puts)]
      return {
        perSecond: (hits.length + puts.length) / seconds,
        hit,
        put,
        errors,
        error,
        wrong,
        from,
        to: next,
      }
    },
    end: async () => void (await cache.close()),
  }
}

// in the parent ------------------------------------------------------------------------------------------------------

async function measure(rival, count, { directory, options, rounds, say }) {
  say(`processes: ${count} of ${rival.id}`)
  const folder = join(directory, `processes-${count}-${rival.id}`)
  const trial = (more) => new Trial('processes', rival, folder, { ...options, ...more })
  const all = []
  try {
    for (let index = 0; index < count; index++) {
      all.push(trial({ fill: index === 0, own: (index + 1) * 1_000_000 }))
      // the first fills the directory before the others come
      if (index === 0) await all[0].ask('start', 30)
    }
    await Promise.all(all.slice(1).map((one) => one.ask('start', 30)))
    const rates = []
    const reports = []
    for (let round = 0; round <= rounds; round++) {
      const now = await Promise.all(all.map((one) => one.ask('round', 30)))
      reports.push(...now)
      if (round > 0) rates.push(now.reduce((sum, { perSecond }) => sum + perSecond, 0))
    }
    await Promise.all(all.map((one) => one.end({ keep: true })))
    const checker = trial({ check: [[0, SHARED], ...reports.map(({ from, to }) => [from, to])] })
    all.push(checker)
    const { lost, wrong } = await checker.ask('start', 60)
    const sum = (name) => reports.reduce((total, report) => total + report[name], 0)
    return {
      figures: {
        perSecond: median(rates),
        hit: median(reports.map(({ hit }) => hit.p50)),
        put: median(reports.map(({ put }) => put.p50)),
        putP99: median(reports.map(({ put }) => put.p99)),
        errors: sum('errors'),
        wrong: sum('wrong') + wrong,
        lost,
      },
      note: reports.find(({ error }) => error)?.error,
      rounds,
    }
  } catch (error) {
    if (!(error instanceof Failed)) throw error
    return { failed: error.message }
  } finally {
    await Promise.all(all.map((one) => one.end({ keep: true })))
    rmSync(folder, { recursive: true, force: true })
  }
}

const run = (count) => async (context) => {
  const rows = []
  for (const rival of context.rivals) {
    rows.push({ case: `processes-${count}`, rival: rival.id, ...(await measure(rival, count, context)) })
  }
  return rows
}

const figures = [
  { id: 'perSecond', title: 'calls/s', unit: '', higher: true },
  { id: 'hit', title: 'hit p50' },
  { id: 'put', title: 'put p50' },
  { id: 'putP99', title: 'put p99' },
  { id: 'errors', title: 'errors', unit: '' },
  { id: 'wrong', title: 'wrong', unit: '' },
  { id: 'lost', title: 'lost', unit: '' },
]

export const cases = COUNTS.map((count) => ({
  id: `processes-${count}`,
  title: `${count} process${count === 1 ? '' : 'es'}, half hits, half new calls`,
  figures,
  disk: true,
  long: count !== 2,
  start,
  run: run(count),
}))
