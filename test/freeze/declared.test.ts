import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { defaultWalkOptions, freezeValue } from '#src/freeze/freeze.js'
import { factsOf } from '#src/freeze/function.js'
import { internalsOf, scriptOf } from '#src/freeze/inspect.js'
import { folderWith } from '../support/temporary.js'

/** By the name of a variable; `root` calls them all. */
const DECLARED = `
  export function plain(x) { return x + arrow(x) + '\u{1f600}' }
  const arrow = (x) => other(x); let other = async x => x
  export const [a, b] = [1, 2], late = function (x) { return [x, a, plain] }
  \u2028export async function * generator ( /* ( */ ) { yield * hidden() }
  function hidden() { return globalThis.missing } var last = async function* () {}
  export const wrapped = (((x) => x + 1))
`
const OTHERS = `
  const holder = { plain: (x) => x }
  const picked = holder.plain
  const made = ((y) => (x) => x + y)(1)
  const named = function named() { return named }
  class Class { method() { return a } }
  let reassigned = () => 1
  const reassign = () => { reassigned = () => 2 }
  const reassignedToo = reassigned
  const bound = plain.bind(null)
  const chosen = a > 0 ? () => 1 : () => 2
  { const plain = () => 'inner'; var inBlock = () => plain }
  export default function () { return 1 }
`
const names = (text: string): string[] => [
  ...new Set(
    [...text.matchAll(/(?:function\s*\*?|const|let|var|,) (\w+)(?= ?[=(])/g)].map(([, name]) => name!),
  ),
]

test('of functions that a module declares, V8 would say the same', async (t) => {
  const shown = names(DECLARED)
  assert.deepEqual(shown, ['plain', 'arrow', 'other', 'late', 'generator', 'hidden', 'last', 'wrapped'])
  const { at } = folderWith(t, {
    'module.mjs': `${DECLARED}${OTHERS}
      export const root = () => [${shown.join(', ')}]
      export const all = { ${shown.join(', ')} }`,
  })
  const { all, root } = await import(pathToFileURL(at('module.mjs')).href)
  freezeValue(root, 'root', defaultWalkOptions)
  const { scopes } = factsOf(root).internals
  for (const name of shown) {
    const fn = all[name]
    const facts = factsOf(fn)
    const asked = internalsOf(fn)
    assert.equal(facts.internals.scopes[0], scopes[0], `${name} was asked for`)
    assert.deepEqual(facts.internals.location, asked.location, name)
    assert.deepEqual(
      facts.internals.scopes.map(({ kind, variables }) => [kind, Object.keys(variables)]),
      asked.scopes.map(({ kind, variables }) => [kind, Object.keys(variables)]),
      name,
    )
    assert.equal(facts.internals.global, asked.global)
    assert.equal(facts.url, scriptOf(asked.location!.scriptId)!.url)
    assert.equal(facts.mentionsThis, false)
    assert.equal(facts.native, false)
  }
})

test('a variable that is declared as anything else, or holds something else by now, says nothing', async (t) => {
  const asked = 'picked made named Class reassigned reassignedToo bound chosen inBlock'.split(' ')
  const { at } = folderWith(t, {
    'module.mjs': `${DECLARED}${OTHERS}
      export const root = () => [${asked.join(', ')}]
      export const all = { ${asked.join(', ')} }
      reassign()`,
  })
  const { all, root } = await import(pathToFileURL(at('module.mjs')).href)
  freezeValue(root, 'root', defaultWalkOptions)
  const { scopes } = factsOf(root).internals
  for (const name of asked)
    assert.notEqual(factsOf(all[name]).internals.scopes[0]?.variables, scopes[0]!.variables, name)
})

test('a function of a module inside of a closure is found in the module', async (t) => {
  const { at } = folderWith(t, {
    'module.mjs': `
      const base = 3
      function plain(x) { return x + base }
      export const make = (plus) => (x) => plain(x) + plus
      export const fn = plain`,
  })
  const { fn, make } = await import(pathToFileURL(at('module.mjs')).href)
  const inner = make(1)
  freezeValue(inner, 'inner', defaultWalkOptions)
  const { scopes } = factsOf(inner).internals
  assert.deepEqual(
    scopes.map(({ kind }) => kind),
    ['Closure', 'Module'],
  )
  assert.deepEqual(factsOf(fn).internals.scopes, scopes.slice(1))
})
