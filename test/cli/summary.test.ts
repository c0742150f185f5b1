/** `summary`: what a run did, of the directory and of no other. */
import assert from 'node:assert/strict'
import { appendFileSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { file } from 'permafrost'
import { runsOf } from '#src/runs.js'
import { temporaryFolder, temporaryGroup } from '../support/temporary.js'
import { json, on } from './command-line.js'

/** A directory with a run of ten squares, of which one was computed, a failure, and a file. */
function withRun(t: TestContext): { directory: string; run: string; out: string } {
  const out = join(temporaryFolder(t), 'out.txt')
  const { group } = temporaryGroup(t, { runs: true })
  const square = group.memoize((x: number) => x * x, { name: 'src/maths.js#square' })
  for (let n = 0; n < 10; n++) square(3)
  const fail = group.memoize(
    () => {
      throw new RangeError('no')
    },
    { name: 'src/maths.js#fail' },
  )
  assert.throws(fail)
  const write = group.memoize(() => file(out), { name: 'evil\x1b[2J#write' })
  appendFileSync(out, 'text')
  write()
  group.close()
  return { directory: group.directory, run: runsOf(group.directory)[0]!, out }
}

test('one computation and nine hits are ten calls, for people and as JSON', (t) => {
  const { directory, out, run } = withRun(t)
  const { status, stderr, stdout } = on(directory)('summary')
  assert.deepEqual([status, stderr], [0, ''])
  assert.match(stdout, new RegExp(`^run ${run}: 12 calls, from \\d{4}-`))
  assert.match(
    stdout,
    /\nfunction +calls +computed +hit +error +computing +hitting +time saved +size\n/,
    'columns of what did not happen are left out',
  )
  assert.match(stdout, /\nsrc\/maths\.js#square +10 +1 +9 +0 /)
  assert.match(stdout, /\nsrc\/maths\.js#fail +1 +0 +0 +1 /)
  assert.match(stdout, /\nall +12 +2 +9 +1 /)
  assert.ok(stdout.includes(`files among the results\n  ${out}\n`), stdout)
  assert.doesNotMatch(stdout, /(?!\n)\p{Cc}/u)
  const { all, damaged, functions } = json(on(directory)('summary', '--run', run, '--json'))
  assert.deepEqual([damaged, all.total], [0, 12])
  assert.deepEqual(functions['evil\x1b[2J#write'].outputs, [out])
  const { computed, error, hit, total: calls } = functions['src/maths.js#square']
  assert.deepEqual([calls, computed, hit, error], [10, 1, 9, 0])
})

test('the last run is told of, or the one that is named; another name is answered with those there are', (t) => {
  const { directory, run } = withRun(t)
  const older = join(directory, 'runs', 'older.1.jsonl')
  appendFileSync(older, '{"at":1,"name":"f","what":"hit","took":1}\n{"at":1,"na')
  utimesSync(older, new Date(1000), new Date(1000))
  const ask = on(directory)
  assert.equal(json(ask('summary', '--json')).run, run)
  assert.match(
    ask('summary', '--run', 'older').stdout,
    /^run older: 1 call, from 1970-.*; 1 line cannot be read\n/,
  )
  const { status, stderr } = ask('summary', '--run', 'oldest')
  assert.equal(status, 1)
  assert.match(
    stderr,
    new RegExp(`^permafrost: no run oldest is noted in .*; the last ones are ${run}, older\\n$`),
  )
})

test('where nothing was noted, it says how to begin', (t) => {
  const { group } = temporaryGroup(t)
  group.memoize((x: number) => x)(1)
  group.close()
  const { status, stderr } = on(group.directory)('summary')
  assert.equal(status, 1)
  assert.match(
    stderr,
    /^permafrost: no run is noted in .*; give the group the option runs: true, or set PERMAFROST_RUN\n$/,
  )
})
