/**
 * What a function reaches by ways that no variable shows: modules behind `import()`, namespaces, closures of packages,
 * keys of WeakMaps that are no values, the state that a global hides. Each must count, or the function be refused.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { digest, FreezeError } from 'permafrost'
import { project } from '../support/project.js'

describe('a module behind import() counts with', () => {
  const main = `
import { digest } from 'permafrost'
console.log(digest(async (x) => (await import('./behind.mjs')).f(x)))`
  const files = {
    'main.mjs': main,
    'behind.mjs': `import { g } from './helper.cjs'\nexport const f = (x) => g(x) + Number(process.env.BY)`,
    'helper.cjs': `const { by } = require('./deep')\nconst { extname } = require('node:path')
exports.g = (x) => x * by + extname('a.b').length + (typeof LIMIT === 'number' ? LIMIT : 0)`,
    'deep.cjs': 'exports.by = 2',
    'deep.js': 'exports.by = 2',
    'setup.mjs': 'globalThis.LIMIT = Number(process.env.LIMIT)\nawait import("./main.mjs")',
  }
  test('what it requires, in turn', (t) => {
    const user = project(t, files)
    const before = user.run('main.mjs').printed
    assert.equal(before.length, 1)
    assert.deepEqual(user.run('main.mjs').printed, before)
    user.edit('deep.js', '2', '3')
    assert.notDeepEqual(user.run('main.mjs').printed, before)
    user.edit('deep.js', '3', '2 // two')
    assert.deepEqual(user.run('main.mjs').printed, before)
    user.edit('helper.cjs', 'x * by', 'x + by')
    assert.notDeepEqual(user.run('main.mjs').printed, before)
  })

  test('the environment and the globals it reads', (t) => {
    const user = project(t, files)
    const runs = [
      { BY: '1', LIMIT: '1' },
      { BY: '2', LIMIT: '1' },
      { BY: '1', LIMIT: '2' },
    ].map((env) => user.run('setup.mjs', { env }).printed[0])
    assert.equal(new Set(runs).size, 3)
  })

  test('a require() that only the run decides is said once', (t) => {
    const user = project(t, {
      'main.mjs': main,
      'behind.mjs': `import { createRequire } from 'node:module'
const load = createRequire(import.meta.url)\nexport const f = (x) => load('./' + x)`,
    })
    user.write({
      'main.mjs': `import { memoize } from 'permafrost'
memoize(async (x) => (await import('./behind.mjs')).f(x)).key(1)`,
    })
    assert.match(user.run('main.mjs').stderr, /require\(\) of a module that only the run decides/)
  })

  test('a package by version, by source not at all', (t) => {
    const user = project(t, {
      'main.mjs': `import { MemoizedGroup, FreezeError } from 'permafrost'
for (const packages of ['version', 'source', { pkg: 'ignore' }]) {
  const group = new MemoizedGroup({ temporary: true, packages })
  try { console.log(group.memoize(async () => import('pkg')).key().code) } catch (error) { console.log(error.name) }
}`,
      'node_modules/pkg/package.json':
        '{ "name": "pkg", "version": "1.0.0", "type": "module", "exports": "./index.js" }',
      'node_modules/pkg/index.js': 'export default 1',
    })
    const [version, source, ignored] = user.run('main.mjs').printed
    assert.equal(source, 'FreezeError')
    user.edit('node_modules/pkg/package.json', '1.0.0', '1.0.1')
    const [nextVersion, , nextIgnored] = user.run('main.mjs').printed
    assert.notEqual(version, nextVersion)
    assert.equal(ignored, nextIgnored)
  })
})

test("a namespace that exports a builtin as its default and something of its own beside counts as the user's", (t) => {
  const user = project(t, {
    'package.json': '{ "type": "module" }',
    'paths.js': `export * from 'node:path'\nexport { default } from 'node:path'\nexport const join = () => 1`,
    'main.js': `import * as paths from './paths.js'\nimport * as real from 'node:path'
import { digest } from 'permafrost'
console.log(digest(() => [paths]), digest(() => [real]))`,
  })
  const [one, real] = user.run('main.js').printed[0]!.split(' ')
  assert.notEqual(one, real)
  user.edit('paths.js', '=> 1', '=> 2')
  const [other, same] = user.run('main.js').printed[0]!.split(' ')
  assert.notEqual(one, other)
  assert.equal(real, same)
})

describe('what a package holds', () => {
  const files = {
    'package.json': '{ "type": "module" }',
    'node_modules/holder/package.json':
      '{ "name": "holder", "version": "1.0.0", "type": "module", "exports": "./index.js" }',
    'node_modules/holder/index.js': `export const hold = (value) => () => value
export const keep = (held) => { const queue = { held }; return () => queue }`,
  }
  test('a promise or proxy that it was given is refused', (t) => {
    const user = project(t, {
      ...files,
      'main.js': `import { digest } from 'permafrost'\nimport { hold } from 'holder'
for (const given of [Promise.resolve(1), new Proxy({}, {})]) {
  try { digest(hold(given)); console.log('kept') } catch (error) { console.log(error.name) }
}
console.log(digest(hold(1)) === digest(hold(1)), digest(hold(1)) === digest(hold(2)))`,
    })
    assert.deepEqual(user.run('main.js').printed, ['FreezeError', 'FreezeError', 'true false'])
  })

  test('is held strictly once the user reaches it as well, with what is in it', (t) => {
    const user = project(t, {
      ...files,
      'main.js': `import { digest } from 'permafrost'\nimport { keep } from 'holder'
const inner = { promise: Promise.resolve(1) }
const outer = { inner }
const kept = keep(outer)
const apart = () => kept
const both = () => [kept, outer]
for (const fn of [apart, both]) {
  try { digest(fn); console.log('kept') } catch (error) { console.log(error.message) }
}
try { digest([kept, [[[outer]]]]); console.log('kept') } catch (error) { console.log(error.message) }`,
    })
    const [apart, both, value] = user.run('main.js').printed
    assert.equal(apart, 'kept')
    assert.match(both!, /^cannot freeze a Promise at /)
    assert.match(value!, /^cannot freeze a Promise at /)
  })
})

test('a captured WeakMap is asked about prototypes and buffers, too', () => {
  const byPrototype = new WeakMap<object, number>()
  const limitOf = (x: object) => byPrototype.get(Object.getPrototypeOf(x))
  const proto = {}
  const value = Object.create(proto)
  const before = digest([limitOf, value])
  byPrototype.set(proto, 1)
  const one = digest([limitOf, value])
  byPrototype.set(proto, 2)
  assert.equal(new Set([before, one, digest([limitOf, value])]).size, 3)

  const byBuffer = new WeakMap<object, number>()
  const scale = (x: Uint8Array) => byBuffer.get(x.buffer)
  const bytes = new Uint8Array(4)
  const none = digest([scale, bytes])
  byBuffer.set(bytes.buffer, 1)
  assert.notEqual(digest([scale, bytes]), none)

  const ofArrays = new WeakMap<object, number>()
  const known = (x: unknown[]) => ofArrays.get(Object.getPrototypeOf(x))
  const without = digest([known, [1]])
  ofArrays.set(Array.prototype, 1)
  assert.notEqual(digest([known, [1]]), without)
})

test('parts of process that are objects count by content', () => {
  const own = process as unknown as { settings?: { limit: number } }
  const read = () => (process as unknown as { settings: object }).settings
  const versions = digest(() => process.versions)
  own.settings = { limit: 1 }
  const one = digest(read)
  own.settings.limit = 2
  assert.notEqual(digest(read), one)
  delete own.settings
  assert.equal(
    digest(() => process.versions),
    versions,
  )
})

test('a function that traded its name for another property is looked at again', () => {
  const helper = () => (helper as unknown as { limit?: number }).limit
  const fn = () => helper()
  const before = digest(fn)
  assert.equal(digest(fn), before)
  delete (helper as { name?: string }).name
  Object.defineProperty(helper, 'limit', { value: 5, configurable: true })
  const five = digest(fn)
  assert.notEqual(five, before)
  Object.defineProperty(helper, 'limit', { value: 6 })
  assert.notEqual(digest(fn), five)
})

test('FreezeError says where a promise is that a package was given', () => {
  assert.throws(
    () => digest({ a: [Promise.resolve(1)] }),
    (error) => {
      assert.ok(error instanceof FreezeError)
      assert.equal(error.path, 'value.a[0]')
      return true
    },
  )
})
