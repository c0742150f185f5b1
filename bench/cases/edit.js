/**
 * A program of 200 functions is run, run again, edited, run again, each time in a new process: how long the first call takes
 * to find out whether it is still the same, and whether it finds out. What is served though the code says something
 * else is stale.
 */
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { EDITS, edit, writeProject } from '../suite/project.js'
import { median } from '../suite/time.js'

/** The edit whose discovery is timed. */
const TIMED = 'helper'

function measure(rival, { directory, rounds, say }) {
  const adapter = new URL(`../rivals/${rival.id}.js`, import.meta.url).href
  const times = { first: [], identify: [], again: [], edited: [] }
  const stale = []
  for (let round = 0; round < rounds; round++) {
    say(`edit: round ${round} of ${rival.id}`)
    const folder = join(directory, `edit-${rival.id}-${round}`)
    writeProject(folder)
    const run = () => runOnce(folder, adapter)
    const first = run()
    times.first.push(first.call)
    times.identify.push(first.identify)
    times.again.push(run().call)
    for (const [name, what] of Object.entries(EDITS)) {
      // each is a change to what the first run stored
      if (name !== TIMED && round > 0) continue
      rmSync(join(folder, 'cache'), { recursive: true })
      run()
      const undo = edit(folder, what)
      const { call, plain, result } = run()
      if (result !== plain) stale.push(name)
      if (name === TIMED) times.edited.push(call)
      undo()
    }
  }
  const figures = Object.fromEntries(Object.entries(times).map(([name, all]) => [name, median(all)]))
  const wrong = stale.length > 0 && {
    failed: `stale after an edit of: ${[...new Set(stale)].join(', ')}`,
    wrong: true,
  }
  return { figures, rounds, ...wrong }
}

function runOnce(folder, adapter) {
  const { PERMAFROST_DISABLE: _, ...env } = process.env
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['main.js', adapter, join(folder, 'cache')],
    { cwd: folder, env, encoding: 'utf8', timeout: 30_000 },
  )
  if (status !== 0)
    throw new Error(stderr.split('\n').find((line) => /error/i.test(line)) ?? `ended with ${status}`)
  return JSON.parse(stdout)
}

function run(context) {
  return context.rivals.map((rival) => {
    try {
      return { case: 'edit', rival: rival.id, ...measure(rival, context) }
    } catch (error) {
      return { case: 'edit', rival: rival.id, failed: error.message }
    }
  })
}

export const cases = [
  {
    id: 'edit',
    title: 'The first call of a process, of a function that reaches 200 others',
    disk: true,
    figures: [
      { id: 'again', title: 'unchanged' },
      { id: 'edited', title: 'a helper was edited' },
      { id: 'first', title: 'nothing stored' },
      { id: 'identify', title: 'of this, its key' },
    ],
    run,
  },
]
