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
  assert.match(run('verify').stdout, /nothing wrong/)
  assert.match(run('recover', '--dry-run').stdout, /0 objects could be adopted/)
  assert.match(run('clear', '--tag', 'maths').stdout, /3 results forgotten/)
  assert.match(run('clear').stderr, /clear takes the name of a function, --tag, or --all/)
  assert.match(run('clear', '--all').stdout, /1 results forgotten/)
  assert.equal(JSON.parse(run('ls', '--json').stdout).length, 0)
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
