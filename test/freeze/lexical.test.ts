import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { createContext, runInContext, runInThisContext } from 'node:vm'
import { digest, memoize } from 'permafrost'
import { leadsToGlobal } from '#src/freeze/lexical.js'
import { folderWith } from '../support/temporary.js'

const globals = globalThis as Record<string, unknown>

test('a name leads to a global until a script declares one before it', () => {
  globals['lexicalOne'] = 1
  assert.ok(leadsToGlobal('lexicalOne'))
  globals['lexicalOne'] = 2
  assert.ok(leadsToGlobal('lexicalOne'))
  runInThisContext('let lexicalOne = 3')
  assert.ok(!leadsToGlobal('lexicalOne'))
  for (const name of ['process', 'Math', 'NaN', 'Buffer', 'performance']) assert.ok(leadsToGlobal(name), name)
})

test('one that is missing, not initialised, no name for a variable, or has a getter of the program is not looked at', () => {
  let runs = 0
  Object.defineProperty(globalThis, 'lexicalGetter', { get: () => runs++, configurable: true })
  for (const name of ['lexicalMissing', 'lexicalGetter', 'arguments', 'toString', 'class', 'a b'])
    assert.ok(!leadsToGlobal(name), name)
  assert.equal(runs, 0)
  globals['lexicalDead'] = 1
  assert.throws(() => runInThisContext('throw new Error(); let lexicalDead = 1'))
  assert.ok(!leadsToGlobal('lexicalDead'))
})

const MODULE = `
  export let calls = 0
  export const call = () => { calls++ }
  export const fn = () => [calls, lexicalTwo, typeof lexicalThree, Math.max(1)]`

test('what code sees under the name of a global is looked at in each walk', async (t) => {
  const { at } = folderWith(t, { 'module.mjs': MODULE })
  const { fn } = await import(pathToFileURL(at('module.mjs')).href)
  globals['lexicalTwo'] = 'a'
  const first = digest(fn)
  assert.equal(digest(fn), first)
  globals['lexicalTwo'] = 'b'
  const second = digest(fn)
  assert.notEqual(second, first)
  globals['lexicalTwo'] = 'a'
  assert.equal(digest(fn), first)
  runInThisContext("let lexicalTwo = 'b'")
  const third = digest(fn)
  assert.notEqual(third, first)
  runInThisContext("lexicalTwo = 'c'")
  assert.notEqual(digest(fn), third)
  const fourth = digest(fn)
  globals['lexicalThree'] = 1
  assert.notEqual(digest(fn), fourth)
})

test('code made at run time may declare a variable between a function and its globals', async (t) => {
  const { at } = folderWith(t, {
    'module.cjs': `
      globalThis.lexicalFour = 'global'
      exports.make = function* () {
        yield () => lexicalFour
        eval("var lexicalFour = 'near'")
      }`,
  })
  const { default: module } = await import(pathToFileURL(at('module.cjs')).href)
  const made = module.make()
  const fn = made.next().value
  const before = digest(fn)
  assert.equal(digest(fn), before)
  assert.equal(fn(), 'global')
  made.next()
  assert.equal(fn(), 'near')
  assert.notEqual(digest(fn), before)
})

test("a script's variable before a global of the language or of Node is noticed where nothing else changes", async (t) => {
  const { at } = folderWith(t, {
    'module.mjs': `
      export const escaped = () => escape('x')
      export const decoded = () => atob('aGk=')`,
  })
  const module = await import(pathToFileURL(at('module.mjs')).href)
  const memos = [memoize(module.escaped), memoize(module.decoded)] as (() => unknown)[]
  const keys = () => memos.map((memo) => (memo as any).key().digest as string)
  const before = keys()
  assert.deepEqual(keys(), before)
  runInThisContext(`
    const escape = () => 1
    let atob = () => 2`)
  assert.deepEqual([module.escaped(), module.decoded()], [1, 2])
  for (const [index, key] of keys().entries()) assert.notEqual(key, before[index])
})

test('so is one of another context', (t) => {
  const { at } = folderWith(t, {})
  const context = createContext({})
  const fn = runInContext('() => Number.isInteger(1)', context, { filename: at('script.js') })
  const memo = memoize(fn as () => boolean)
  const before = memo.key().digest
  assert.equal(memo.key().digest, before)
  runInContext('const Number = { isInteger: () => 2 }', context)
  assert.equal(memo.fn(), 2)
  assert.notEqual(memo.key().digest, before)
})
