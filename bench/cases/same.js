/** Four processes want the same ten slow results at the same time. How often are they computed? Ten times would do. */

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { computed, made, makes } from '../suite/made.js'
import { median } from '../suite/time.js'
import { Failed, Trial } from '../suite/trial.js'

const PROCESSES = 4
const CALLS = 10
const SLOW = 50
const waiting = new Int32Array(new SharedArrayBuffer(4))

async function start({ open, directory }) {
  makes((n) => {
    Atomics.wait(waiting, 0, 0, SLOW)
    return { n }
  })
  const cache = await open(directory)
  const call = await cache.memoize(made)
  return {
    round: async (round) => {
      const before = computed()
      const began = performance.now()
      for (let n = 0; n < CALLS; n++) await call(round * CALLS + n)
      return { computed: computed() - before, time: (performance.now() - began) * 1000 }
    },
    end: async () => void (await cache.close()),
  }
}

async function measure(rival, { directory, options, rounds, say }) {
  say(`same: ${rival.id}`)
  const folder = join(directory, `same-${rival.id}`)
  const all = Array.from({ length: PROCESSES }, () => new Trial('same', rival, folder, options))
  try {
    for (const one of all) await one.ask('start', 30)
    const counts = []
    const times = []
    for (let round = 0; round < rounds; round++) {
      const reports = await Promise.all(all.map((one) => one.ask('round', 30, round)))
      counts.push(reports.reduce((sum, report) => sum + report.computed, 0))
      times.push(Math.max(...reports.map(({ time }) => time)))
    }
    return { figures: { computed: Math.max(...counts), time: median(times) }, rounds }
  } catch (error) {
    if (!(error instanceof Failed)) throw error
    return { failed: error.message }
  } finally {
    await Promise.all(all.map((one) => one.end({ keep: true })))
    rmSync(folder, { recursive: true, force: true })
  }
}

async function run(context) {
  const rows = []
  for (const rival of context.rivals) {
    rows.push({ case: 'same', rival: rival.id, ...(await measure(rival, context)) })
  }
  return rows
}

export const cases = [
  {
    id: 'same',
    title: `${PROCESSES} processes, the same ${CALLS} calls of ${SLOW} ms`,
    figures: [
      { id: 'computed', title: 'computed', unit: '' },
      { id: 'time', title: 'all done after' },
    ],
    disk: true,
    start,
    run,
  },
]
