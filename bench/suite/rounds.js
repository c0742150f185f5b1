/**
 * All rivals in one case: each in a process that stays, and round by round each in turn, so that a slow moment of the
 * machine hits all. A figure is the median of its rounds.
 */
import { join } from 'node:path'
import { median } from './time.js'
import { Failed, Trial } from './trial.js'

/** Seconds that one rival may take to get ready, for one round, and for all its rounds. */
const READY = 60
const ROUND = 40
const ALL_ROUNDS = 10

/** Rows of one case: `{ case, rival, reference, figures, rounds, failed, wrong }`. */
export async function runRounds(one, { rivals, directory, options, rounds, say }) {
  const references = Object.keys(one.references ?? {}).map((id) => ({ id, reference: true }))
  const contestants = []
  const fit = one.ids ? rivals.filter(({ id }) => one.ids.includes(id)) : rivals
  for (const rival of [...references, ...fit]) {
    say(`${one.id}: ${rival.id} gets ready`)
    const folder = join(directory, `${one.id}-${contestants.length}`)
    const contestant = { rival, figures: [], spent: 0, trial: new Trial(one.id, rival, folder, options) }
    contestants.push(contestant)
    await attempt(contestant, async () => {
      contestant.found = await contestant.trial.ask('start', one.ready ?? READY)
    })
  }
  // the first round warms up
  for (let round = 0; round <= rounds; round++) {
    say(`${one.id}: round ${round} of ${rounds}`)
    for (const contestant of round % 2 ? [...contestants].reverse() : contestants) {
      if (contestant.failed || contestant.spent > ALL_ROUNDS) continue
      await attempt(contestant, async () => {
        const began = performance.now()
        const figures = await contestant.trial.ask('round', ROUND)
        contestant.spent += (performance.now() - began) / 1000
        if (round > 0 || contestant.spent > ALL_ROUNDS) contestant.figures.push(figures)
      })
    }
  }
  const rows = []
  for (const { failed, figures, found, rival, trial, wrong } of contestants) {
    say(`${one.id}: ${rival.id} is measured`)
    const last = failed ? undefined : await trial.end()
    if (failed) await trial.end()
    rows.push({
      case: one.id,
      rival: rival.id,
      ...(rival.reference && { reference: true }),
      ...(failed
        ? { failed, wrong }
        : { figures: { ...medians(figures), ...found, ...last }, rounds: figures.length }),
    })
  }
  return rows
}

async function attempt(contestant, work) {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof Failed)) throw error
    contestant.failed = error.message
    contestant.wrong = error.wrong
    await contestant.trial.end()
  }
}

/** Of each figure the median, and of counts the sum. */
function medians(rounds) {
  const names = Object.keys(rounds[0] ?? {})
  return Object.fromEntries(
    names.map((name) => {
      const all = rounds.map((figures) => figures[name])
      return [name, name === 'count' ? all.reduce((sum, n) => sum + n) : median(all)]
    }),
  )
}
