/**
 * The short form of the benchmarks: not how fast anything is, but whether the suite works. It takes what needs no install:
 * permafrost, a Map and the bare references.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { root } from '../support/project.js'

interface Row {
  readonly case: string
  readonly rival: string
  readonly reference?: true
  readonly failed?: string
  readonly figures?: Readonly<Record<string, number | null>>
}

interface Results {
  readonly gate: Readonly<Record<string, { collides: string[]; keeps: boolean; shares: boolean }>>
  readonly rows: readonly Row[]
}

test('each case of the benchmarks measures permafrost, and the gate finds who is not sound', async () => {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(root, 'bench', 'run.js'), '--short', '--json'],
    { env, maxBuffer: 2 ** 26 },
  )
  const { gate, rows } = JSON.parse(stdout) as Results
  assert.deepEqual(gate['permafrost'], { collides: [], throws: [], keeps: true, shares: false })
  assert.ok(gate['map']!.collides.includes('-0 and 0'), 'JSON has no -0')
  assert.ok(gate['map']!.shares && !gate['map']!.keeps, 'a Map is in memory, and gives all the same object')

  const ours = rows.filter(({ rival }) => rival.startsWith('permafrost'))
  for (const { failed, ...row } of ours) assert.equal(failed, undefined, `${row.case}, ${row.rival}`)
  const cases = [...new Set(rows.map((row) => row.case))]
  assert.ok(cases.length >= 17, `cases are missing: ${cases.join(', ')}`)
  for (const one of cases) {
    const row = ours.find((row) => row.case === one && row.rival === 'permafrost')
    assert.ok(
      Object.values(row?.figures ?? {}).some((figure) => figure !== null && figure > 0),
      one,
    )
  }
  for (const { failed, rival } of rows.filter(({ reference }) => reference))
    assert.equal(failed, undefined, rival)

  const figures = (one: string) => ours.find((row) => row.case === one && row.rival === 'permafrost')?.figures
  const { errors, lost, wrong } = figures('processes-2') ?? {}
  assert.deepEqual({ errors, lost, wrong }, { errors: 0, lost: 0, wrong: 0 })
  assert.equal(figures('same')?.['computed'], 10, 'four processes compute ten results ten times')
})
