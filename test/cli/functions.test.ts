import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { project } from '../support/project.js'
import { permafrost } from './command-line.js'

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
