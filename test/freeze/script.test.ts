import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scriptFacts } from '#src/freeze/script.js'

/** The names among those in the source that are reassigned. */
function reassigned(source: string): string {
  const { isReassigned } = scriptFacts(source)
  const names = new Set(source.match(/\b[a-z]\b/g) ?? [])
  return [...names].filter(isReassigned).sort().join(' ')
}

const REASSIGNED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'what is written once is not': {
    'const a = 1; let b = 2; var c = 3': '',
    'function a() {} class b {}': '',
    'function f(a, b = 1, { c }, [d], ...e) { var g = a; let h = b; const i = c }': '',
    'for (const a of b) {} for (let c in d) {}': '',
    'try {} catch (e) { const f = e }': '',
    'while (a) { let b = 1; const c = 2 }': '',
    "import a, { b } from 'x'; import * as c from 'y'": '',
    'export let a = 1; export default function b() {} export class c {}': '',
    'a.b = 1; a.c++; delete a.d; [a.e] = []': '',
    'const a = function b() { return b }': '',
    'function f() { var a = 1 } function g() { var a = 2 }': '',
    'function f(a) {} function g(a) {}': '',
    'var { a, b: [c] } = d': '',
  },
  'what is assigned is': {
    'let a; a = 1': 'a',
    'let a = 1; function f() { a += 1 }': 'a',
    'let a = 1; () => () => a++': 'a',
    'let a = 1; --a': 'a',
    'let a, b, c, d, e; [a, [b], ...c] = []; ({ k: d, e = 1 } = {})': 'a b c d e',
    'let a; ({ ...a } = {})': 'a',
    'let a, b; for (a of []) {} for (b in {}) {}': 'a b',
    'let a; for ([a] of []) {}': 'a',
    'let a; a ??= 1': 'a',
    'for (let i = 0; i < 9; i++) {}': 'i',
    'function f(a) { a = 1 }': 'a',
    'try {} catch (e) { e = 1 }': 'e',
    'class A { static { let a; a = 1 } }': 'a',
    'class A { x = (b = 1) }; let b': 'b',
    'var a; (function (a) {})(a || (a = {}))': 'a',
    'export let a; export function f() { a = 1 }': 'a',
  },
  'a var that may be set again is': {
    'for (var i = 0;;) {}': 'i',
    'for (var a of b) {}': 'a',
    'for (var [a] in b) {}': 'a',
    'while (c) { if (d) { var a = 1 } }': 'a',
    'do { var a = 1 } while (c)': 'a',
    'while (c) (function () { var a = 1 })()': '',
    'while (c) { class A { static { var a = 1 } } }': '',
    'var a = 1; var a = 2': 'a',
    'function f(a) { var a = 1 }': 'a',
    'function f({ a }) { { var a = 1 } }': 'a',
    'var a = 1; function a() {}': 'a',
    'function a() {} function a() {}': 'a',
    'function f() { function a() {} var a }': 'a',
    'try {} catch (e) { var e = 1 }': 'e',
    'function f(a, a) {}': 'a',
  },
  'sloppy code has more ways to write': {
    'if (c) { function a() {} }': 'a',
    'if (c) function a() {}': 'a',
    'switch (c) { case 1: function a() {} }': 'a',
    'x: function a() {}': 'a',
    'export {}; if (c) { function a() {} }': '',
    'function f(a, b) { arguments[0] = 1 }': 'a b',
    'function f(a, b) { return () => arguments }': 'a b',
    'function f(a) { return function (b) { arguments } }': 'b',
    'const f = (a) => function (b) { arguments }': 'b',
    'export {}; function f(a) { arguments[0] = 1 }': '',
  },
  'code made at run time may write all': {
    'let a = 1; function f(c) { eval(c) }': 'a c f',
    'let a = 1; with (b) { a }': 'a b',
    'let a = 1; (0, eval)(b)': '',
    'let a = 1; eval?.(b)': '',
  },
  'a source that cannot be read says nothing': {
    'let a = ; b': 'a b',
    'let a = 1; a <!--b': 'a b',
  },
}

for (const [title, table] of Object.entries(REASSIGNED)) {
  test(`reassigned names: ${title}`, () => {
    for (const [source, expected] of Object.entries(table)) assert.equal(reassigned(source), expected, source)
  })
}

test('imports lead to a specifier and a name', () => {
  const { imports } = scriptFacts(
    `import d from 'm'; import e, * as ns from "n"; import { a, b as c, 'x y' as f, default as g } from './o.js'; import 'p'
     import j from './j.json' with { type: 'json' }`,
  )
  assert.deepEqual(Object.fromEntries(imports), {
    d: { specifier: 'm', imported: 'default' },
    e: { specifier: 'n', imported: 'default' },
    ns: { specifier: 'n', imported: '*' },
    a: { specifier: './o.js', imported: 'a' },
    c: { specifier: './o.js', imported: 'b' },
    f: { specifier: './o.js', imported: 'x y' },
    g: { specifier: './o.js', imported: 'default' },
    j: { specifier: './j.json', imported: 'default' },
  })
})

test('exports lead to a local name or another module', () => {
  const { exports, starExports } = scriptFacts(
    `import { i } from 'i'
     export const a = 1, { b, c: [d], ...e } = x; export function f() {} export class G {} export { y, z as 'z z', i }
     export { m, n as o, default as p, default } from 'm'; export * from 's'; export * as t from 't'; export * from 'u'
     let y, z`,
  )
  const local = (name: string): object => ({ local: name })
  assert.deepEqual(Object.fromEntries(exports), {
    ...Object.fromEntries(['a', 'b', 'd', 'e', 'f', 'G', 'y', 'i'].map((name) => [name, local(name)])),
    'z z': local('z'),
    m: { specifier: 'm', imported: 'm' },
    o: { specifier: 'm', imported: 'n' },
    p: { specifier: 'm', imported: 'default' },
    default: { specifier: 'm', imported: 'default' },
    t: { specifier: 't', imported: '*' },
  })
  assert.deepEqual(starExports, ['s', 'u'])
})

test('a default export has the name of its declaration or none', () => {
  const local = (source: string): unknown => scriptFacts(source).exports.get('default')
  assert.deepEqual(local('export default function f() {}'), { local: 'f' })
  assert.deepEqual(local('export default class A {}'), { local: 'A' })
  assert.deepEqual(local('const f = 1; export { f as default }'), { local: 'f' })
  for (const anonymous of ['function () {}', 'class {}', '() => 1', 'f', '(function f() {})', 'memoize(f)']) {
    assert.deepEqual(local(`let f; export default ${anonymous}`), { local: '*default*' }, anonymous)
  }
})

test('scripts, hashbangs, top-level await and return can be read', () => {
  for (const source of [
    '#!/usr/bin/env node\nlet a = 1; a = 2',
    'let a = 1; a = 2; return a',
    'let a = await b; a = 2',
    'var await; let a = 010; a = 2',
    '"use strict"; let a; a = exports.b; require("x")',
    'const fs = require("fs"); with_; let a; a = await fs; return',
  ]) {
    const { isReassigned } = scriptFacts(source)
    assert.equal(isReassigned('a'), true, source)
    assert.equal(isReassigned('nothing'), false, source)
  }
})

test('a source that cannot be read gives facts that claim nothing', () => {
  for (const source of ['let a = ;', "import { a } from 'b'; with (c) {} ", `a = ${'['.repeat(50_000)}`]) {
    const facts = scriptFacts(source)
    assert.equal(facts.isReassigned('anything'), true)
    assert.equal(facts.imports.size + facts.exports.size + facts.starExports.length, 0)
    assert.equal(facts.nameAt(0, 0), undefined)
  }
})
