/** A whole process: starts, imports, opens, makes one call that hits, ends. The first of each stores what the others find. */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { percentiles } from '../suite/time.js'

const script = fileURLToPath(new URL('../suite/one-call.js', import.meta.url))
const BARE = 'bare node, an empty module'

function run({ rivals, directory, options, rounds, say }) {
  const empty = join(directory, 'empty.mjs')
  writeFileSync(empty, '')
  const all = [{ id: BARE, reference: true, args: [empty] }].concat(
    rivals.map((rival) => ({ ...rival, args: [script, rival.id, join(directory, `cold-${rival.id}`)] })),
  )
  for (const one of all) one.times = []
  const { PERMAFROST_DISABLE: _, ...env } = process.env
  for (let round = 0; round <= (options.short ? rounds : 3 * rounds); round++) {
    say(`cold: round ${round}`)
    for (const one of all.filter(({ failed }) => !failed)) {
      const began = performance.now()
      const { status, stdout, stderr } = spawnSync(process.execPath, one.args, {
        env,
        encoding: 'utf8',
        timeout: 20_000,
      })
      if (round > 0) one.times.push((performance.now() - began) * 1000)
      one.first ??= stdout
      if (status !== 0)
        one.failed = stderr.split('\n').find((line) => /error/i.test(line)) ?? `ended with ${status}`
      else if (stdout !== one.first) one.failed = 'computes again what it has stored'
    }
  }
  return all.map(({ failed, id, reference, times }) => ({
    case: 'cold',
    rival: id,
    ...(reference && { reference }),
    ...(failed ? { failed } : { figures: percentiles(times), rounds: times.length }),
  }))
}

export const cases = [
  { id: 'cold', title: 'Cold start: a whole process with one call that hits', disk: true, run },
]
