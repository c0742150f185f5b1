import assert from 'node:assert/strict'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../support/temporary.js'
import { filled, json, on } from './command-line.js'

const count = (run: ReturnType<typeof on>): number => json(run('ls', '--json')).total

test('gc removes what expired, and keeps to no limit that it does not know', (t) => {
  const { directory, reopen } = filled(t)
  const group = reopen()
  // more than a group's default limit of bytes would have room for
  const large = group.memoize((n: number) => new Uint8Array(1000).fill(n), { name: 'many', version: 1 })
  for (let n = 0; n < 50; n++) large(n)
  group.close()
  const run = on(directory)
  assert.match(run('gc').stdout, /^1 expired, 0 evicted, 0 orphans removed; \d+ B freed\n$/)
  assert.equal(count(run), 54)
  assert.deepEqual(json(run('gc', '--json')), { expired: 0, evicted: 0, orphans: 0, bytesFreed: 0 })
})

test('evict makes room: to a size, to a number, or of those that are meant', (t) => {
  const run = on(filled(t).directory)
  assert.match(run('evict', '--larger-than', '10KB').stdout, /^1 result evicted; [\d.]+ kB freed\n$/)
  assert.match(run('evict', '*half', '--older-than', '1d').stdout, /^1 result evicted; /)
  assert.match(run('evict', '--entries', '2').stdout, /^1 result evicted; /)
  assert.equal(count(run), 2)
  assert.deepEqual(json(run('evict', '--to', '1GB', '--json')), { evicted: 0, bytesFreed: 0 })
  assert.match(run('evict', '--to', '1B').stdout, /^2 results evicted; /)
  assert.equal(count(run), 0)
  for (const args of [
    ['evict'],
    ['evict', '--to', '1GB', '--tag', 'x'],
    ['evict', '--entries', '0'],
    ['evict', '--to', '9 MB'],
  ]) {
    const { status, stderr } = run(...args)
    assert.equal(status, 2, args.join(' '))
    assert.match(stderr, /^permafrost: .*\n$/)
  }
})

test('forget takes keys, and forgets all of them or none', (t) => {
  const run = on(filled(t).directory)
  const keys = json(run('ls', 'src/maths*', '--json')).entries.map(
    ({ key }: { key: { digest: string } }) => key.digest,
  )
  const none = run('forget', keys[0], '0'.repeat(32))
  assert.deepEqual([none.status, count(run)], [1, 5])
  assert.equal(run('forget', keys[0], keys[1].slice(0, 16), keys[0]).stdout, '2 results forgotten\n')
  assert.deepEqual(json(run('forget', keys[2], '--json')), { forgotten: [keys[2]] })
  assert.equal(count(run), 2)
})

test('clear forgets what is meant, and everything only if that is said', (t) => {
  const run = on(filled(t).directory)
  const { status, stderr } = run('clear')
  assert.deepEqual([status, count(run)], [2, 5])
  assert.match(stderr, /^permafrost: clear takes the name of a function, .*\n$/)
  assert.equal(run('clear', '--tag', 'maths').stdout, '3 results forgotten\n')
  assert.equal(run('clear', 'src/l*').stdout, '1 result forgotten\n')
  assert.deepEqual(json(run('clear', '--all', '--json')), { cleared: 1 })
})

test('verify and recover on a sound directory', (t) => {
  const run = on(filled(t).directory)
  const { status, stdout } = run('verify')
  assert.equal(status, 0)
  assert.match(stdout, /^step +checked +took[\s\S]*\nentries +5 .*\n[\s\S]*nothing wrong\n$/)
  assert.deepEqual(json(run('verify', '--json')).problems, [])
  assert.equal(run('recover', '--dry-run').stdout, '0 objects could be adopted\n')
  assert.deepEqual(json(run('recover', '--json')), { adopted: 0 })
})

test('what is exported is imported elsewhere', (t) => {
  const { directory } = filled(t)
  const run = on(directory)
  const folder = temporaryFolder(t)
  const file = join(folder, 'results')
  assert.match(run('export', file, 'src/ma*').stdout, /^3 results of \d+ B exported\n$/)
  assert.match(
    run('export', file, '--tag', 'maths', '--newer-than', '2026-01-01T01:30:00Z').stdout,
    /^2 results /,
  )
  assert.match(
    run('import', file).stdout,
    /^0 results imported, 2 were there, 0 have expired, 0 found no room\n$/,
  )
  run('clear', '--all')
  assert.deepEqual(json(run('import', file, '--json')), { imported: 2, present: 0, expired: 0, refused: 0 })
  assert.deepEqual(json(run('export', file, 'nobody', '--json')), { entries: 0, bytes: 0 })

  const foreign = run('import', join(directory, 'permafrost.json'))
  assert.deepEqual([foreign.status, foreign.stdout], [2, ''])
  assert.match(foreign.stderr, /^permafrost: .* was not exported by permafrost.*\n$/)
  const missing = run('import', join(folder, 'nothing'))
  assert.deepEqual(
    [missing.status, missing.stderr.split(';')[0]],
    [2, `permafrost: there is no file ${join(folder, 'nothing')}`],
  )
  writeFileSync(join(folder, 'cut'), 'permafrost-exp\x01\nxyz', 'latin1')
  assert.match(run('import', join(folder, 'cut')).stderr, /^permafrost: .*cut short.*\n$/)
  const nowhere = run('export', join(folder, 'no', 'such', 'folder'))
  assert.equal(nowhere.status, 1)
  assert.match(nowhere.stderr, /^permafrost: exporting to .*ENOENT.*\n$/)
  assert.deepEqual(readdirSync(folder).sort(), ['cut', 'results'])
  assert.equal(existsSync(join(directory, 'index.sqlite')), true)
})
