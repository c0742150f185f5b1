// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are programs in strings
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sourceOf } from '#src/freeze/source.js'
import { syntaxBytes } from '#src/freeze/syntax.js'

const hex = (text: string): string => Buffer.from(sourceOf(text).syntax).toString('hex')
const body = (code: string): string => hex(`function f(a, b, c) { ${code} }`)

const SAME: readonly [name: string, ...texts: string[]][] = [
  ['comments', 'x => x', 'x /* in */ => /* after */ x', 'x => // line\n x'],
  ['white space and lines', 'function f(a) { return a }', 'function  f ( a )\n{\n\treturn a\n}\n'],
  ['blanks where types were', '(x, y) => x', '(x        , y         )         => x'],
  ['parentheses', 'x => x + 1 * y', 'x => (x + ((1) * y))', '(x) => (x + 1 * y)'],
  ['quote style', "() => 'a'", '() => "a"'],
  ['string escapes', "() => 'aé😀\\n'", "() => '\\x61\\u00e9\\u{1F600}\\u000a'", "() => 'a\\\né😀\\n'"],
  ['trailing commas', 'f => f([1, 2], {a: 1})', 'f => f([1, 2,], {a: 1,},)', '(f,) => f([1, 2], {a: 1})'],
  ['numeric spelling', '() => 16', '() => 0x10', '() => 1.6e1', '() => 0b1_0000', '() => 16.0', '() => 0o20'],
  ['bigint spelling', '() => 16n', '() => 0x10n', '() => 1_6n'],
  ['octal of sloppy code', 'function () { return 010 }', 'function () { return 8 }'],
  ['quoted keys', '() => ({a: 1, 2: 3})', "() => ({'a': 1, '2': 3})"],
  ['quoted class members', 'class { a = 1; m() {} }', "class { 'a' = 1; 'm'() {} }"],
  [
    'semicolons',
    'function f() { a; return b }',
    'function f() { a; ; return b; ; }',
    'function f() { a\nreturn b }',
  ],
  ['semicolons in classes and switches', 'class { a; m() {} }', 'class { a; ; m() {}; }'],
  [
    'semicolons in cases',
    'function f() { switch (a) { case 1: b } }',
    'function f() { switch (a) { case 1: b;; } }',
  ],
  [
    'the place of use strict',
    "function f() { 'use strict'; 'x'; a }",
    'function f() { "x"; "use strict"; a }',
  ],
  ['use strict said twice', "function f() { 'use strict' }", 'function f() { "use strict"; "use strict" }'],
  ['order of flags', 'x => /a/gi', 'x => /a/ig'],
  ['identifier escapes', 'x => abc', 'x => \\u0061bc'],
  ['line ends in templates', 'x => `a\nb`', 'x => `a\r\nb`'],
  ['parentheses around a chain that end it anyway', 'a => a?.b', 'a => (a?.b)'],
]

for (const [name, first, ...others] of SAME) {
  test(`these do not count: ${name}`, () => {
    for (const other of others) assert.equal(hex(other as string), hex(first as string), other)
  })
}

/** Each line: statements that mean different things from one another. */
const DIFFERENT: readonly string[][] = [
  ['return a + b', 'return a - b', 'return b + a', 'return a', 'return +a', 'return -a', 'return', 'a + b'],
  ['return a && b', 'return a || b', 'return a ?? b', 'return a & b', 'return a | b'],
  ['return a == b', 'return a === b', 'return a != b', 'return a !== b', 'return a < b', 'return a <= b'],
  [
    'return 1',
    "return '1'",
    'return 1n',
    'return true',
    'return -1',
    'return /1/',
    'return `1`',
    'return [1]',
    'return',
  ],
  [
    'return 0',
    'return -0',
    'return 1e-320',
    'return 1e-321',
    'return 9007199254740993n',
    'return 9007199254740992',
  ],
  [
    'return null',
    'return undefined',
    'return void 0',
    'return false',
    "return 'null'",
    'return {}',
    'return []',
  ],
  ["return ''", "return ' '", "return '\\ud800'", "return '\\ud801'", "return '\\ufffd'", "return '\\0'"],
  [
    'return `a`',
    'return `a `',
    "return 'a'",
    'return `${a}`',
    'return `${a} `',
    'return ` ${a}`',
    'return `a${a}`',
  ],
  ['return a`\\x41`', 'return a`A`', 'return a`\\u0041`', 'return a`\\u`', 'return a(`A`)', 'return a`\\ux`'],
  [
    'return /a/',
    'return /a/g',
    'return /a/i',
    'return /b/',
    'return /a/gi',
    "return 'a'",
    'return /a/u',
    'return /a/v',
  ],
  [
    'return Math.max(a, b)',
    'return Math.min(a, b)',
    'return Math.max(b, a)',
    'return Math.max(a)',
    'return max(a, b)',
  ],
  [
    'return a.b',
    'return a.c',
    'return a?.b',
    'return a[b]',
    "return a['b c']",
    'return a.b.c',
    'return a.b()',
    'return a`b`',
  ],
  ['return a?.b.c', 'return (a?.b).c', 'return a?.b?.c', 'return a.b?.c', 'return a.b.c'],
  ['return a?.(b)', 'return a(b)', 'return a?.[b]', 'return new a(b)', 'return new a', 'return new (a(b))'],
  ['return new a.b()', 'return new (a.b())()', 'return new (a().b)()', 'return new a().b()'],
  ['return (a, b)', 'return a, b, c', 'return [a, b]', 'return a(b)', 'return (0, a)(b)'],
  ['return a ? b : c', 'return a ? c : b', 'if (a) return b; return c', 'if (a) return b; else return c'],
  [
    'return [a, b]',
    'return [a, , b]',
    'return [a, b, ,]',
    'return [, a, b]',
    'return [...a, b]',
    'return [a, ...b]',
    'return [[a], b]',
  ],
  [
    'return {a, b}',
    'return {b, a}',
    'return {a: b}',
    'return {[a]: b}',
    'return {a() {}}',
    'return {get a() {}}',
    'return {set a(x) {}}',
  ],
  [
    'return {a: function () {}}',
    'return {a() {}}',
    'return {async a() {}}',
    'return {*a() {}}',
    'return {a: () => {}}',
    'return {async *a() {}}',
  ],
  ['return {__proto__: a}', 'return {["__proto__"]: a}', 'return {__proto__() {}}', 'return {...a}'],
  ['return {__proto__: __proto__}', 'return {__proto__}'],
  ['var x = a', 'let x = a', 'const x = a', 'x = a', 'var y = a', 'var x; a', 'var x = a, y'],
  [
    'let {x} = a',
    'let {x = 1} = a',
    'let {y: x} = a',
    'let {...x} = a',
    'let [x] = a',
    'let [x = 1] = a',
    'let [...x] = a',
    'let [, x] = a',
  ],
  [
    'x: for (;;) { break x }',
    'x: for (;;) { continue x }',
    'x: for (;;) { break }',
    'y: for (;;) { break y }',
  ],
  ['for (;;) a', 'while (true) a', 'do a; while (true)', 'for (a;;) a', 'for (;a;) a', 'for (;;a) a'],
  [
    'for (let x in a) b',
    'for (let x of a) b',
    'for (var x of a) b',
    'for (const x of a) b',
    'for (x of a) b',
  ],
  [
    'if (a) { b } c',
    'if (a) { b; c }',
    'if (a) {} b; c',
    'if (a); else b',
    'if (a); b',
    '{ a } b',
    'a; { b }',
  ],
  [
    'try { a } catch { b }',
    'try { a } catch (e) { b }',
    'try { a } finally { b }',
    'try { b } catch { a }',
    'try { a } catch {} finally { b }',
  ],
  [
    'switch (a) { case 1: b; case 2: c }',
    'switch (a) { case 1: b; break; case 2: c }',
    'switch (a) { case 1: b; default: c }',
    'switch (a) { case 1: case 2: b; c }',
  ],
  ['a++', '++a', 'a--', 'a += 1', 'a -= 1', 'a = a + 1', 'a ||= 1', 'a ??= 1', 'a &&= 1', 'a **= 1'],
  ['!a', '~a', 'typeof a', 'void a', 'delete a', '-a', '+a', '!!a'],
  [
    'return function () {}',
    'return () => {}',
    'return function* () {}',
    'return async function () {}',
    'return async () => {}',
    'return function x() {}',
    'return class {}',
    'return async function* () {}',
  ],
  [
    'return () => {}',
    'return () => ({})',
    'return () => { return {} }',
    'return x => {}',
    'return (...x) => {}',
    'return ([x]) => {}',
    'return (x = 1) => {}',
  ],
  [
    'return class { a = 1 }',
    'return class { static a = 1 }',
    'return class { #a = 1 }',
    'return class { [a] = 1 }',
    'return class { a() { 1 } }',
    'return class { a }',
    'return class x { a = 1 }',
    'return class extends b { a = 1 }',
  ],
  [
    'return class { get a() {} }',
    'return class { set a(x) {} }',
    'return class { a() {} }',
    'return class { static get a() {} }',
    'return class { static { } }',
    'return class { static a() {} }',
  ],
  ['return this', 'return new.target', 'return arguments', 'return {}.a', 'debugger'],
  [
    'return import(a)',
    "return import('a')",
    "return import('a', b)",
    "return import('b')",
    "return require('a')",
  ],
  ["'use strict'; a", 'a', "('use strict'); a"],
  ['x = () => 1', '(x) = () => 1'],
  ['return eval(a)', 'return (0, eval)(a)', 'return eval?.(a)'],
]

for (const codes of DIFFERENT) {
  test(`these are different: ${codes[0]}, ${codes[1]}, …`, () => {
    const seen = new Map<string, string>()
    for (const code of codes) {
      const bytes = body(code)
      assert.equal(seen.get(bytes), undefined, `${code} has the bytes of ${seen.get(bytes)}`)
      seen.set(bytes, code)
    }
  })
}

test('the kind, name, parameters and defaults of the function itself count', () => {
  const texts = [
    'function () {}',
    'function f() {}',
    'function g() {}',
    'function f(a) {}',
    'function f(b) {}',
    'function f(a = 1) {}',
    'function f(a = 2) {}',
    'function f(...a) {}',
    'function f(a, b) {}',
    'function f({a}) {}',
    'function f({a = 1}) {}',
    'async function f() {}',
    'function* f() {}',
    'async function* f() {}',
    '() => {}',
    'async () => {}',
    'f() {}',
    'g() {}',
    'async f() {}',
    '*f() {}',
    'async *f() {}',
    'get f() {}',
    'set f(a) {}',
    '[f]() {}',
    "['f' + 1]() {}",
    '#f() {}',
    'get #f() {}',
    'class {}',
    'class f {}',
    'class f extends g {}',
    'class f extends null {}',
    'get() {}',
    'async() {}',
    'static() {}',
    'constructor() {}',
  ]
  assert.equal(new Set(texts.map(hex)).size, texts.length)
})

test('numbers are told apart by their bits', () => {
  const numbers = [
    '0',
    '1',
    '0.1',
    '0.1000000000000001',
    '1e308',
    '1e309',
    '5e-324',
    '4294967296',
    '2147483648',
  ]
  assert.equal(new Set(numbers.map((n) => hex(`() => ${n}`))).size, numbers.length)
})

test('very deep trees are written without recursion', () => {
  const at = { start: 0, end: 0 }
  let tree: Parameters<typeof syntaxBytes>[0] = { type: 'Identifier', name: 'a', ...at }
  for (let depth = 0; depth < 200_000; depth++) tree = { type: 'ArrayExpression', elements: [tree], ...at }
  assert.ok(syntaxBytes(tree).length > 200_000)
})

test('a long chain is read, and what is too deep for the parser is a SyntaxError', () => {
  assert.ok(sourceOf(`a => ${Array(1500).fill('a').join('+')}`).syntax.length > 1500)
  assert.throws(() => sourceOf(`a => ${Array(200_000).fill('a').join('+')}`), SyntaxError)
  assert.throws(() => sourceOf(`a => ${'['.repeat(50_000)}${']'.repeat(50_000)}`), SyntaxError)
})

test('the bytes are fixed: a change here makes every stored result a miss', () => {
  assert.equal(hex('x => 1'), '2a000701000000100301000000780004000000000000f03f')
  assert.equal(
    hex('m(a = "s") { return /r/g }'),
    '3103010000006d0029020000070100000043100301000000610003010000007300150701000000190601000000720003' +
      '010000006700030400000069006e0069007400010000',
  )
  assert.equal(
    hex('class A extends B { static #p = 1n }'),
    '4510030100000041001003010000004200460701000000481103010000007000050100000031000001',
  )
})

test('a text that is not one function is a SyntaxError', () => {
  const texts = [
    '',
    '1',
    'a',
    'function f() { [native code] }',
    'function () { [native code] }',
    'class { [native code] }',
    'f(), g()',
    'function f() {} function g() {}',
    'm() {}, n() {}',
    'm() {} n() {}',
    'a: 1',
    'a',
    'a = 1',
    '() => {}; 1',
    '...a',
    '(() => 1)',
    '}) ; ({ a() {}',
    'x) => ((y',
    '() => {',
    '=> 1',
    'static {}',
    'a; b() {}',
  ]
  for (const text of texts) assert.throws(() => sourceOf(text), SyntaxError, text)
})
