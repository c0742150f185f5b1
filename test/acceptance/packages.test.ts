/**
 * Code under node_modules is its package's name and version; linked packages are the user's own code.
 */
import assert from 'node:assert/strict'
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { type Project, project } from '../support/project.js'

const pkg = (version: string) =>
  `{ "name": "shapes", "version": "${version}", "main": "index.js", "exports": "./index.js" }`

const files = (packages: string) => ({
  'package.json': '{ "name": "user", "type": "module" }',
  'main.js': `
import { MemoizedGroup } from 'permafrost'
import { area, scaler, limit } from 'shapes'
const group = new MemoizedGroup({ packages: ${packages} })
const twice = scaler(2)
export const work = group.memoize((x) => {
  console.error('computed work')
  for (const end = performance.now() + 2; performance.now() < end; );
  return [area(x), twice(x), limit]
}, { name: 'work' })
if (process.argv[2] === 'why') console.log(work.why(3))
else console.log(JSON.stringify(work(3)))
`,
})

const shapes = {
  commonjs: `
const square = (x) => x * x
exports.area = (x) => square(x)
exports.scaler = (by) => (x) => x * by
exports.limit = 10
`,
  esm: `
const square = (x) => x * x
export const area = (x) => square(x)
export const scaler = (by) => (x) => x * by
export const limit = 10
`,
}

function installed(t: Parameters<typeof project>[0], packages: string, kind: keyof typeof shapes): Project {
  const user = project(t, {
    ...files(packages),
    'node_modules/shapes/package.json': pkg('1.0.0').replace(
      '"main"',
      kind === 'esm' ? '"type": "module", "main"' : '"main"',
    ),
    'node_modules/shapes/index.js': shapes[kind],
  })
  assert.deepEqual(user.run('main.js').computed, ['work'])
  assert.equal(user.run('main.js').stderr, '')
  return user
}

for (const kind of ['commonjs', 'esm'] as const) {
  describe(`a package in ${kind}`, () => {
    test('by version: another version is a miss that says so, an edited helper of the same version a hit', (t) => {
      const user = installed(t, "'version'", kind)
      user.edit('node_modules/shapes/index.js', 'x * x', 'x + x')
      assert.equal(user.run('main.js').stderr, '')
      user.edit('node_modules/shapes/package.json', '1.0.0', '1.0.1')
      const why = user.run('main.js', { args: ['why'] }).printed[0]!
      assert.match(why, /^code: .*shapes@1\.0\.0 → shapes@1\.0\.1/)
      assert.deepEqual(user.run('main.js').computed, ['work'])
    })

    test('by version: what the program gave it counts, and so does data it exports', (t) => {
      const user = installed(t, "'version'", kind)
      user.edit('main.js', 'scaler(2)', 'scaler(3)')
      assert.deepEqual(user.run('main.js').computed, ['work'])
      user.edit('node_modules/shapes/index.js', 'limit = 10', 'limit = 11')
      assert.deepEqual(user.run('main.js').computed, ['work'])
    })

    test('by source, for all packages or for one', (t) => {
      for (const packages of ["'source'", "{ shapes: 'source' }"]) {
        const user = installed(t, packages, kind)
        user.edit('node_modules/shapes/index.js', 'x * x', 'x + x')
        assert.deepEqual(user.run('main.js').computed, ['work'])
        user.edit('node_modules/shapes/index.js', 'x + x', '(x) /* sum */ + x')
        assert.equal(user.run('main.js').stderr, '')
      }
    })

    test('ignored: no version of it counts', (t) => {
      const user = installed(t, "{ shapes: 'ignore' }", kind)
      user.edit('node_modules/shapes/package.json', '1.0.0', '2.0.0')
      assert.equal(user.run('main.js').stderr, '')
    })
  })
}

test("a linked package is the user's own code", (t) => {
  const user = project(t, {
    ...files("'version'"),
    'packages/shapes/package.json': pkg('1.0.0').replace('"main"', '"type": "module", "main"'),
    'packages/shapes/index.js': shapes.esm,
  })
  symlinkSync(join(user.directory, 'packages', 'shapes'), join(user.directory, 'node_modules', 'shapes'))
  user.run('main.js')
  assert.equal(user.run('main.js').stderr, '')
  user.edit('packages/shapes/index.js', 'x * x', 'x + x')
  assert.deepEqual(user.run('main.js').computed, ['work'])
})
