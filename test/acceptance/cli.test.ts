import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { project, root } from '../support/project.js'
import { temporaryGroup } from '../support/temporary.js'

const permafrost = (...args: string[]) => {
  const { stderr, stdout, status } = spawnSync(process.execPath, [join(root, 'dist/cli/main.js'), ...args], {
    encoding: 'utf8',
  })
  return { stderr, stdout, status }
}

test('ls, stats, gc, verify, recover and clear on a directory', (t) => {
  const { group } = temporaryGroup(t)
  const square = group.memoize((x: number) => x * x, { name: 'square', tags: ['maths'] })
  const half = group.memoize((x: number) => x / 2, { name: 'half', ttl: '1h' })
  for (const x of [1, 2, 3]) square(x)
  square(3)
  half(4)
  group.close()
  const { directory } = group
  const run = (...args: string[]) => permafrost('--directory', directory, ...args)

  const listed = run('ls')
  assert.equal(listed.status, 0, listed.stderr)
  assert.equal(listed.stdout.split('\n').filter((line) => line.startsWith('square')).length, 3)
  assert.match(listed.stdout, /half .* never|half .* \d+(?:m|h)/)
  assert.equal(
    run('ls', 'half')
      .stdout.split('\n')
      .filter((line) => line.startsWith('half')).length,
    1,
  )
  assert.match(run('ls', '--limit', '2').stdout, /… and 2 more/)
  assert.equal((JSON.parse(run('ls', '--json').stdout) as unknown[]).length, 4)

  assert.match(run('stats').stdout, /square +1 +3/)
  const stats = JSON.parse(run('stats', '--json').stdout) as { hits: number; entries: number }
  assert.deepEqual([stats.hits, stats.entries], [1, 4])

  assert.match(run('gc').stdout, /0 expired, 0 evicted, 0 orphans removed; 0 B freed/)
  assert.match(run('verify').stdout, /^step +checked +took[\s\S]*\nentries +4 .*\n[\s\S]*nothing wrong/)
  assert.match(run('recover', '--dry-run').stdout, /0 objects could be adopted/)
  const file = join(directory, '..', 'results')
  assert.match(run('export', file, '--name', 'sq*', '--since', '1h').stdout, /^3 results of \d+ B exported/)
  assert.match(run('export', file, '--since', 'yesterday').stderr, /since/)
  assert.match(
    run('import', file).stdout,
    /^0 results imported, 3 were there, 0 have expired, 0 found no room/,
  )
  assert.match(run('import', join(directory, 'permafrost.json')).stderr, /was not exported by permafrost/)
  assert.match(run('clear', '--tag', 'maths').stdout, /3 results forgotten/)
  assert.match(run('clear').stderr, /clear takes the name of a function, --tag, or --all/)
  assert.match(run('clear', '--all').stdout, /1 results forgotten/)
  assert.equal(JSON.parse(run('ls', '--json').stdout).length, 0)
  assert.deepEqual(JSON.parse(run('import', file, '--json').stdout), {
    imported: 3,
    present: 0,
    expired: 0,
    refused: 0,
  })

  const fresh = join(directory, '..', 'fresh')
  assert.match(permafrost('--directory', fresh, 'import', file).stdout, /^3 results imported/)
  assert.match(permafrost('--directory', fresh, 'ls').stdout, /^square/m)
})

test('mistakes are one line on stderr and exit code 1', () => {
  const missing = permafrost('--directory', join(root, 'build', 'no such folder'), 'ls')
  assert.equal(missing.status, 1)
  assert.match(missing.stderr, /^permafrost: there is no cache directory .*no such folder\n$/)
  const unknown = permafrost('lss')
  assert.equal(unknown.status, 1)
  assert.match(unknown.stderr, /unknown command 'lss'/)
})

test('hash prints the digest of an exported function', (t) => {
  const user = project(t, {
    'package.json': '{ "type": "module" }',
    'work.js': `import { memoize } from 'permafrost'
      import { by } from './by.js'
      export const scale = (x) => x * by
      export const kept = memoize(scale)
      export const list = [1]`,
    'by.js': 'export const by = 2',
  })
  const hash = (name: string) => permafrost('hash', `${join(user.directory, 'work.js')}#${name}`)
  const before = hash('scale').stdout
  assert.match(before, /^[0-9a-f]{32}\n$/)
  assert.equal(hash('kept').stdout, before)
  user.edit('by.js', '2', '0x2')
  assert.equal(hash('scale').stdout, before)
  user.edit('by.js', '0x2', '3')
  assert.notEqual(hash('scale').stdout, before)
  assert.match(hash('list').stderr, /exports no function "list"; it exports kept, list, scale/)
})

test('why tells what changed since the last run, across processes', (t) => {
  const user = project(t, {
    'package.json': '{ "type": "module" }',
    'work.js': `import { memoize } from 'permafrost'
      import { scale } from './helper.js'
      const TABLE = [1, 2, 3]
      export const work = memoize((x) => {
        for (const end = performance.now() + 2; performance.now() < end; );
        return scale(x) + TABLE[2]
      })`,
    'helper.js': 'export const scale = (x) => x * 2',
    'main.js': `import { work } from './work.js'\nwork(4)`,
  })
  const why = (...args: string[]) => {
    const run = user.run('../../../dist/cli/main.js', {
      args: ['why', join(user.directory, 'work.js#work'), ...args],
    })
    return run.printed[0] ?? run.stderr
  }
  assert.equal(why('4'), 'absent: nothing is kept of work.js#work')
  user.run('main.js')
  assert.match(why('4'), /^hit: kept since/)
  assert.equal(why('5'), 'args: work.js#work was not called with these arguments before: args[0] 4 → 5')
  user.edit('work.js', '[1, 2, 3]', '[1, 2, 4]')
  assert.equal(why('4'), 'code: the code of work.js#work, or what it captures, changed: TABLE[2] 3 → 4')
  user.edit('work.js', '[1, 2, 4]', '[1, 2, 3]')
  user.edit('helper.js', 'x * 2', 'x * 3')
  assert.equal(
    why('4'),
    'code: the code of work.js#work, or what it captures, changed: scale in helper.js:1 changed',
  )
})
