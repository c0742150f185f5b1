/** The short form of the benches of shared caches: whether they work, and what they count rather than time. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { root } from '../support/project.js'

interface Row {
  readonly name: string
  readonly p50?: number
  readonly value?: string
}

test('a hit is one request, a lease two, and nothing is computed twice', async () => {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(root, 'bench', 'own', 'run.js'), '--shared', '--short', '--json'],
    { env, maxBuffer: 2 ** 26 },
  )
  const { rows } = JSON.parse(stdout) as { rows: readonly Row[] }
  const valueOf = (name: RegExp): string[] =>
    rows.filter((row) => name.test(row.name)).map(({ value }) => String(value))
  assert.ok(rows.every(({ p50, value }) => value !== undefined || (p50 !== undefined && p50 > 0)))
  assert.deepEqual([...new Set(valueOf(/requests for each hit/))], ['1'])
  for (const kind of ['http', 's3']) {
    assert.match(valueOf(new RegExp(`^${kind}: hit$`))[0]!, /^1 requests /)
    assert.match(valueOf(new RegExp(`^${kind}: miss, computed and sent$`))[0]!, /^4 requests /)
  }
  const contended = valueOf(/^3 processes want/)
  assert.equal(contended.length, 3)
  for (const value of contended) assert.match(value, /^0 computed twice/)
  const [together] = valueOf(/^50 workers, all want the same 10 keys/)
  assert.match(together!, /^10 keys, 0 computed again/)
})
