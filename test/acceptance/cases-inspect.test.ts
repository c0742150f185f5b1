/**
 * Acceptance cases about asking why: of methods, of references, of code that was compiled, of CommonJS.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { forms, program } from '../support/forms.js'
import { project } from '../support/project.js'

const main = `
import { memoize } from 'permafrost'

class Model {
  constructor(readonly y: number) {}
  @memoize
  scaled(x: number): number { return x * this.y }
}
const model = new Model(2)
model.scaled(4)
const wouldHit = (model.scaled as any).wouldHit.call(model, 4)

const wait = () => { for (const end = performance.now() + 5; performance.now() < end; ); }
const given = memoize((x: unknown) => { wait(); return typeof x }, { name: 'given' })
const backTo = (root: boolean) => {
  const child: Record<string, unknown> = {}
  const tree = { child }
  child.back = root ? tree : child
  return tree
}
given(backTo(true))
const reference = given.why(backTo(false))

const helper = (x: number) => x + 1
const slow = memoize((x: number) => { wait(); return helper(x) }, { name: 'slow' })
const edited = slow.why(10)
slow(10)
console.log(JSON.stringify({ wouldHit, reference, edited }))
`

for (const form of forms) {
  test(`in ${form.name}`, async (t) => {
    const user = program(t, form, { main })
    const [told, again] = [0, 1].map((step) => {
      if (step === 1) user.edit('main', 'x + 1', 'x + 2')
      const { printed, stderr } = user.run('main')
      assert.equal(printed.length, 1, stderr)
      return JSON.parse(printed[0]!)
    })

    await t.test('AC-24 wouldHit() of a method is asked on its object', () => {
      assert.equal(told.wouldHit, true)
    })
    await t.test('AC-47 a reference that leads elsewhere is told', () => {
      assert.match(told.reference, /: args\[0\]\.child\.back /)
    })
    // tsx puts all code on line 1, and has a source map
    await t.test('AC-47 the line of an edited helper is that of the file', () => {
      const { length } = readFileSync(join(user.directory, user.file('main')), 'utf8')
        .split('const helper')[0]!
        .split('\n')
      assert.ok(again.edited.endsWith(`: helper in ${user.file('main')}:${length} changed`), again.edited)
    })
  })
}

test('AC-47 why on the command line finds what CommonJS exports', (t) => {
  const user = project(t, {
    'package.json': '{ "name": "user", "type": "commonjs" }',
    'main.js': `
const { memoize } = require('permafrost')
module.exports = { first: memoize((x) => x), second: memoize((x) => x + 1) }
`,
  })
  const { printed, stderr } = user.run('node_modules/permafrost/dist/cli/main.js', {
    args: ['why', 'main.js#second', '1'],
  })
  assert.match(printed[0] ?? stderr, /^absent: nothing is kept of /)
})
