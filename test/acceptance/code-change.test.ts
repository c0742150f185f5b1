/**
 * The promise people come for: run a program twice in fresh processes, edit it in between, and only what the edit
 * changes is computed again.
 */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { describe, test } from 'node:test'
import { type Project, project } from '../support/project.js'

const esm = {
  'package.json': '{ "name": "user", "type": "module" }',
  'main.js': `
import { memoize } from 'permafrost'
import { readFileSync } from 'node:fs'
import * as shapes from './shapes.js'
import { scale } from './helper.js'
import Settings, { limit as most } from './settings.js'

const FACTOR = 3
let offset = 1
const table = { used: 2, unused: 9 }
function square(x) { return x ** 2 }
function unrelated() { return 'unrelated' }
class Shape { static sides = 4; area(x) { return x * Shape.sides } }
const callback = (list) => list.map((item) => item + nested())
function nested() { return 0 }
const config = { deep: { value: 1 }, other: 2 }

export const work = memoize(function work(x, extra = 5) {
  console.error('computed work')
  const shape = new Shape()
  return [square(x) * FACTOR + offset + table['used'] + scale(x), shape.area(x), callback([x]), Math.max(x, extra),
    shapes.circle(x), Settings.depth, most, config.deep.value, \`text \${x} text\`, /a+b/i.test('AB'), x?.foo]
})
console.log(JSON.stringify(work(4)))
unrelated()
`,
  'helper.js': `
import { deeper } from './deeper.js'
export const scale = (x) => deeper(x) + 1
export const notUsed = () => 'nothing'
`,
  'deeper.js': 'export function deeper(x) { return x * 10 }\n',
  'shapes.js': 'export const circle = (r) => r * 3.14\nexport const cube = (r) => r ** 3\n',
  'settings.js': 'export default class Settings { static depth = 7 }\nexport const limit = 100\n',
}

const toCommonJs = (text: string): string =>
  text
    .replace(/^import \{ ?(\w+) ?\} from '([^']+)'$/gm, "const { $1 } = require('$2')")
    .replace(/^import \* as (\w+) from '([^']+)'$/gm, "const $1 = require('$2')")
    .replace(
      /^import (\w+), \{ (\w+) as (\w+) \} from '([^']+)'$/gm,
      "const { default: $1, $2: $3 } = require('$4')",
    )
    .replace(/^export const (\w+)/gm, 'const $1 = exports.$1')
    .replace(/^export function (\w+)/gm, 'exports.$1 = $1; function $1')
    .replace(/^export default class (\w+)(.*)$/gm, 'class $1$2\nexports.default = $1')

const commonJs = {
  ...Object.fromEntries(Object.entries(esm).map(([name, text]) => [name, toCommonJs(text)])),
  'package.json': '{ "name": "user", "type": "commonjs" }',
}

const inTypeScript = (text: string): string =>
  text
    .replaceAll(".js'", ".ts'")
    .replace(/function (\w+)\(x\)/g, 'function $1(x: number): number')
    .replace('work(x: number): number', 'work(x)')
    .replace('= (list) =>', '= (list: readonly number[]): number[] =>')

const typescript = Object.fromEntries(
  Object.entries(esm).map(([name, text]) => [name.replace(/js$/, 'ts'), inTypeScript(text)]),
)

type Edit = readonly [what: string, file: string, from: string, to: string]

const misses: readonly Edit[] = [
  ['an operator of the function', 'main.js', '* FACTOR', '+ FACTOR'],
  ['a default argument', 'main.js', 'extra = 5', 'extra = 6'],
  ['a helper of the same file', 'main.js', 'x ** 2', 'x ** 3'],
  ['an imported helper', 'helper.js', '+ 1', '+ 2'],
  ['a helper of an imported helper', 'deeper.js', '* 10', '* 11'],
  ['a captured constant', 'main.js', 'FACTOR = 3', 'FACTOR = 4'],
  ['a captured variable', 'main.js', 'offset = 1', 'offset = 2'],
  ['a member it reads of a captured object', 'main.js', 'used: 2', 'used: 3'],
  ['a nested member it reads', 'main.js', 'value: 1', 'value: 2'],
  ['a static field of a captured class', 'main.js', 'sides = 4', 'sides = 5'],
  ['a method of a captured class', 'main.js', 'x * Shape', 'x + Shape'],
  ['a function used only in a nested callback', 'main.js', 'return 0', 'return 1'],
  ['the name of a builtin', 'main.js', 'Math.max', 'Math.min'],
  ['a member of an imported namespace', 'shapes.js', '3.14', '3.14159'],
  ['a static field of an imported default class', 'settings.js', 'depth = 7', 'depth = 8'],
  ['an imported constant', 'settings.js', 'limit = 100', 'limit = 101'],
  ['white space in a template literal', 'main.js', 'text ${x}', 'text  ${x}'],
  ['a flag of a regular expression', 'main.js', '/a+b/i', '/a+b/gi'],
  ['a member name', 'main.js', 'x?.foo', 'x?.bar'],
  ['an optional chain', 'main.js', 'x?.foo', 'x.foo'],
]

const hits: readonly Edit[] = [
  ['a comment in the function', 'main.js', 'const shape =', '/* why */ const shape ='],
  ['white space', 'main.js', 'square(x) * FACTOR', 'square( x )\n   *   FACTOR'],
  ['quotes and parentheses', 'main.js', "table['used']", '(table["used"])'],
  ['the spelling of a number', 'main.js', 'FACTOR = 3', 'FACTOR = 0x3'],
  ['a trailing comma', 'main.js', 'Math.max(x, extra)', 'Math.max(x, extra,)'],
  ['an unrelated function of the same file', 'main.js', "'unrelated'", "'still unrelated'"],
  ['lines above the function', 'main.js', 'const FACTOR', '// a comment\n\n\nconst FACTOR'],
  ['a member it does not read', 'main.js', 'unused: 9', 'unused: 10'],
  ['another member it does not read', 'main.js', 'other: 2', 'other: 3'],
  ['an unused export of an imported module', 'helper.js', "'nothing'", "'something'"],
  ['an unused member of an imported namespace', 'shapes.js', 'r ** 3', 'r ** 4'],
  ['a comment in a helper of a helper', 'deeper.js', 'return', '// ten times\n return'],
]

for (const [kind, files, extension, node] of [
  ['ESM', esm, '.js', []],
  ['CommonJS', commonJs, '.js', []],
  ['TypeScript', typescript, '.ts', ['--import', createRequire(import.meta.url).resolve('tsx')]],
] as const) {
  const named = (file: string) => file.replace('.js', extension)
  const runMain = (user: Project) => user.run(named('main.js'), { node })
  describe(`AC-35 in ${kind}`, () => {
    test('a second process hits', (t) => {
      const user = project(t, files)
      const first = runMain(user)
      assert.deepEqual(first.computed, ['work'], first.stderr)
      const second = runMain(user)
      assert.equal(second.stderr, '')
      assert.deepEqual(second.printed, first.printed)
      user.write({
        [named('entry.js')]: `${kind === 'CommonJS' ? 'require' : 'import'}('./${named('main.js')}')`,
      })
      const imported = user.run(named('entry.js'), { node })
      assert.equal(imported.stderr, '')
      assert.deepEqual(imported.printed, first.printed)
    })
    test('an edit of what the function depends on is a miss, and going back hits again', (t) => {
      const user = project(t, files)
      runMain(user)
      for (const [what, file, from, to] of misses) {
        user.edit(named(file), from, to)
        const edited = runMain(user)
        assert.deepEqual(edited.computed, ['work'], `not noticed: ${what}`)
        user.edit(named(file), to, from)
      }
      const back = runMain(user)
      assert.equal(back.stderr, '')
    })
    test('an edit of anything else is a hit', (t) => {
      const user = project(t, files)
      const { printed } = runMain(user)
      for (const [what, file, from, to] of hits) {
        user.edit(named(file), from, to)
        const edited = runMain(user)
        assert.equal(edited.stderr, '', `computed again for: ${what}`)
        assert.deepEqual(edited.printed, printed)
        user.edit(named(file), to, from)
      }
    })
  })
}
