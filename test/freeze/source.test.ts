// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are programs in strings
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type FreeVariable, sourceOf } from '#src/freeze/source.js'

const names = (text: string): string =>
  sourceOf(text)
    .free.map(({ name }) => name)
    .join(' ')

/** `name` whole, `name.a.b` a path, `()` called, `=` assigned, `?` only under typeof. */
const uses = (text: string): string => sourceOf(text).free.map(spell).join(' ')
function spell({ name, paths, assigned, typeofOnly }: FreeVariable): string {
  const marks = `${assigned ? '=' : ''}${typeofOnly ? '?' : ''}`
  if (paths === undefined) return name + marks
  return paths.map(({ path, called }) => [name, ...path].join('.') + (called ? '()' : '')).join(' ') + marks
}

/** text → its free variables. */
const FREE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'plain functions': {
    'function f(a) { return a + b }': 'b',
    'function (a, b = a, c = d) { return c }': 'd',
    'a => b => c => a + b + c + d': 'd',
    'async x => await y(x)': 'y',
    'function* g() { yield* h() }': 'h',
    'async function* g() { for await (const x of y) yield x }': 'y',
    'function f() { return arguments[0] }': '',
    '() => arguments[0]': 'arguments',
    '() => function () { return arguments }': '',
    'function f() { return () => arguments }': '',
    'function f() { return new.target }': '',
    'function f() { return undefined }': 'undefined',
  },
  'the name of the function itself': {
    'function f() { return f() }': 'f',
    'function f(f) { return f() }': '',
    'async function f() { return () => f }': 'f',
    'class A { m() { return A } }': '',
    'class A extends A {}': '',
    'x => function g() { return g }': '',
    'm() { return m }': 'm',
  },
  hoisting: {
    'function f() { x = 1; var x }': '',
    'function f() { { var x } return x }': '',
    'function f() { return g(); function g() { return h } }': 'h',
    'function f() { return x; let x }': '',
    'function f() { { let x } return x }': 'x',
    'function f() { { const x = 1; { x } } x }': 'x',
    'function f() { { function g() {} } }': '',
    'function f() { for (var i of a) {} return i }': 'a',
    'function f() { for (let i of a) {} return i }': 'a i',
    'function f() { for (let i = 0, n = a.length; i < n; i++) {} }': 'a',
    'function f() { for (const k in a) k }': 'a',
    'function f() { switch (a) { case b: let c; c } c }': 'a b c',
    'function f() { x: for (;;) { break x } }': '',
  },
  parameters: {
    'function f(a = () => b) { var b; return a }': 'b',
    'function f(a = b, b) {}': '',
    'function f({ a, b: { c = d }, ...e }, [g, , h = i, ...j]) { return [a, b, c, e, g, h, j] }': 'b d i',
    'function f({ [k]: v }) { return v }': 'k',
    '({ a = b }) => a': 'b',
    '([a = b] = c) => a': 'b c',
  },
  destructuring: {
    'function f() { const { a, b: [c], ...d } = e; return a + c + d }': 'e',
    'function f() { let a; ({ a, b: c.d, e = g, [h]: i } = j) }': 'c e g h i j',
    'function f() { [a, b.c, ...d] = e }': 'a b d e',
    'function f() { for ({ a } of b) {} }': 'a b',
    'function f() { for (a.b in c) {} }': 'a c',
  },
  catch: {
    'function f() { try { a } catch { b } finally { c } }': 'a b c',
    'function f() { try {} catch (e) { e } e }': 'e',
    'function f() { try {} catch ({ message, cause = x }) { message + cause } }': 'x',
    'function f() { try {} catch (e) { var g = e } return g }': '',
  },
  classes: {
    'class { a = b; static c = d; [e] = f; #g = h; static { i; let j; j } }': 'b d e f h i',
    'class { m(a = b) { return a + c } get d() { return e } set f(g) { h(g) } }': 'b c e h',
    'class extends mixin(Base) {}': 'Base mixin',
    'class { #p; m(o) { return #p in o && o.#p } }': '',
    'class { static { var x } m() { return x } }': 'x',
    'class A { static B = class B { c = A + B } }': '',
    'function f() { class A {} return [A, B] }': 'B',
    'function f() { return new (class C { d = C })() }': '',
    'constructor(a) { b(a) }': 'b',
  },
  'methods and accessors': {
    'm(a) { return b }': 'b',
    'get x() { return y }': 'y',
    'set x(v) { y = v }': 'y',
    'async m() { await n }': 'n',
    '*m() { yield n }': 'n',
    'async *[Symbol.asyncIterator]() { yield n }': 'Symbol n',
    "['a' + b]() {}": 'b',
    '#p() { return q }': 'q',
    'get #p() { return this.#q(r) }': 'r',
    "'a b'() { return c }": 'c',
    '12() { return c }': 'c',
    'get() { return a }': 'a',
    'set(a) { return b }': 'b',
    'async() { return a }': 'a',
    'static() { return a }': 'a',
    'async *async() { return a }': 'a',
    'async get() { return await a }': 'a',
    'get get() { return a }': 'a',
    'function() { return a }': 'a',
    '[await a]() { return b }': 'a b',
    'class { [await a] = b }': 'a b',
    'class extends (yield a) {}': 'a',
  },
  expressions: {
    'x => `${a}${`${b}`}`': 'a b',
    'x => a`${b}`': 'a b',
    'x => ({ a, b: c, [d]: e, ...f, g() { return h } })': 'a c d e f h',
    'x => x?.[a]?.(b)': 'a b',
    'x => [...a, , b]': 'a b',
    'x => a ? b : c': 'a b c',
    'x => new a.b(c)': 'a c',
    'x => (a, b)': 'a b',
    'x => delete a.b': 'a',
    "x => import('./y.js')": '',
    'x => import(a, { with: b })': 'a b',
    'x => import.meta.url': '',
    'x => x.a.b.c': '',
  },
  'sloppy code': {
    'function f() { with (a) { b } }': 'a b',
    'function f(let_) { var yield, await, let, static; return yield + await + let + static }': '',
    'function await_() { await: for (;;) break await }': '',
    'function f(a, a) { return a + 010 + b }': 'b',
    'function f() { return arguments.callee }': '',
    'function f() { if (a) function g() {} }': 'a',
    'yield_ => yield': 'yield',
    'await => await': '',
    'x => await': 'await',
  },
}

for (const [title, table] of Object.entries(FREE)) {
  test(`free variables: ${title}`, () => {
    for (const [text, expected] of Object.entries(table)) assert.equal(names(text), expected, text)
  })
}

/** text → how its free variables are used. */
const USES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'a read of a member is a path, however it is spelled': {
    'x => cfg.a.b': 'cfg.a.b',
    "x => cfg['a'][`b`]": 'cfg.a',
    "x => cfg['a']['b c']": 'cfg.a.b c',
    'x => cfg?.a?.b': 'cfg.a.b',
    'x => (cfg?.a).b': 'cfg.a.b',
    'x => cfg[0]': 'cfg.0',
    'x => x[cfg.a] + -cfg.b': 'cfg.a cfg.b',
    'x => ({ ...cfg.a, k: cfg.b, [cfg.c]: 1 })': 'cfg.a cfg.b cfg.c',
    'x => typeof cfg.a': 'cfg.a',
    'x => x in cfg.a': 'cfg.a',
    'class extends ns.Base {}': 'ns.Base',
  },
  'a path ends where the rest is not plain members': {
    'x => cfg.a[x]': 'cfg.a',
    'x => cfg.a().b': 'cfg.a()',
    'x => cfg.a.b().c.d()': 'cfg.a.b()',
    'x => cfg.a.#p': 'cfg.a',
    'x => cfg.a[x] = 1': 'cfg.a',
  },
  'a call knows its receiver': {
    'x => ns.f(x)': 'ns.f()',
    'x => ns?.f?.(x)': 'ns.f()',
    'x => ns.f`x`': 'ns.f()',
    'x => (ns.f)(x)': 'ns.f()',
    'x => (ns?.f)(x)': 'ns.f()',
    'x => (0, ns.f)(x)': 'ns.f',
    'x => new ns.F(x)': 'ns.F',
    'x => x.map(ns.f)': 'ns.f',
    'x => ns.f(x) + ns.f': 'ns.f()',
    'x => ns.f + ns.f(x)': 'ns.f()',
    'x => f(x)': 'f',
    'x => f.call(x)': 'f.call()',
  },
  'paths are minimal and sorted': {
    'x => cfg.a.b + cfg.a': 'cfg.a',
    'x => cfg.b + cfg.a.c + cfg.a.b': 'cfg.a.b cfg.a.c cfg.b',
    'x => cfg.a.b + cfg.ab': 'cfg.a.b cfg.ab',
    "x => cfg['a-'].z + cfg.a.b + cfg.a": 'cfg.a cfg.a-.z',
    'x => ns.a.f() + ns.a': 'ns.a',
    'x => ns.a() + ns.a.f': 'ns.a()',
  },
  'any other use is a use of the whole': {
    'x => cfg': 'cfg',
    'x => cfg.a + cfg': 'cfg',
    'x => cfg[x]': 'cfg',
    'x => cfg[`a${x}`]': 'cfg',
    'x => [...cfg]': 'cfg',
    'x => ({ cfg })': 'cfg',
    "x => 'a' in cfg": 'cfg',
    'x => cfg.#p': 'cfg',
    'x => cfg(x)': 'cfg',
    'x => x(cfg)': 'cfg',
    'x => cfg.a = 1': 'cfg',
    'x => cfg.a.b += 1': 'cfg',
    'x => cfg.a++': 'cfg',
    'x => delete cfg.a': 'cfg',
    'x => delete cfg?.a': 'cfg',
    'x => { [cfg.a] = x }': 'cfg',
    'x => { [...cfg.a] = x }': 'cfg',
    'x => { [cfg.a = 1] = x }': 'cfg',
    'x => { ({ k: cfg.a } = x) }': 'cfg',
    'x => { ({ k: cfg.a = 1 } = x) }': 'cfg',
    'x => { ({ ...cfg.a } = x) }': 'cfg',
    'x => { for (cfg.a of x); }': 'cfg',
    'x => { for (cfg.a in x); }': 'cfg',
  },
  'destructuring takes the named members': {
    'x => { const { a, b: { c }, d = 1 } = cfg }': 'cfg.a cfg.b cfg.d',
    'x => { const { a } = cfg.z }': 'cfg.z.a',
    "x => { const { 'a b': c, 0: d } = cfg }": 'cfg.0 cfg.a b',
    'x => { const { a, ...b } = cfg }': 'cfg',
    'x => { const { [x]: a } = cfg }': 'cfg',
    'x => { const {} = cfg }': 'cfg',
    'x => { const [a] = cfg }': 'cfg',
    'x => { ({ a: x } = cfg) }': 'cfg',
  },
  'writes and typeof are told': {
    'x => { n = x }': 'n=',
    'x => n++': 'n=',
    'x => { for (n of x); }': 'n=',
    'x => { [n] = x }': 'n=',
    'x => { ({ n = 1 } = x) }': 'n=',
    'x => { n ??= x.n }': 'n=',
    'x => { n = 1; return n.a }': 'n=',
    'x => typeof n': 'n?',
    'x => typeof (n)': 'n?',
    'x => typeof n + n': 'n',
    'x => typeof n + n.a': 'n',
    'x => typeof n + typeof n': 'n?',
  },
}

for (const [title, table] of Object.entries(USES)) {
  test(title, () => {
    for (const [text, expected] of Object.entries(table)) assert.equal(uses(text), expected, text)
  })
}

test('free variables are sorted by code units, once each', () => {
  assert.equal(names('x => [b, a, Z, ä, a, _, $]'), '$ Z _ a b ä')
})

test('this is found in the function and its arrows, not in what has its own', () => {
  const used = [
    'function f() { return this }',
    '() => this',
    'function f() { return () => () => this.x }',
    'm() { this.#x }',
    'function f() { class A { [this.k]() {} } }',
    'function f() { class A extends this.B {} }',
    'function f(a = this) {}',
    "function f() { eval('x') }",
    "() => () => eval('x')",
    'm() { super.m() }',
    'get x() { return super.x }',
    'function f() { return class { [this.x] = 1 } }',
    'function f() { return { [this.x]() {} } }',
    'm() { return { x: this } }',
  ]
  const unused = [
    'function f() { return function () { return this } }',
    '() => function () { return this }',
    'function f() { return { m() { this } } }',
    'function f() { return { get x() { return this } } }',
    'function f() { class A { x = this; static y = this; static { this } m() { this } } }',
    'class A { x = this; m() { return this } static { this } }',
    'class extends B { m() { super.m(); return () => this } }',
    "function f() { return function () { eval('x') } }",
    "() => (0, eval)('this')",
    'function f(a = function () { this }) {}',
    'x => x.this',
  ]
  for (const text of used) assert.equal(sourceOf(text).usesThis, true, text)
  for (const text of unused) assert.equal(sourceOf(text).usesThis, false, text)
})

test('super is that of the function itself, not of classes and methods inside it', () => {
  const used = [
    'm() { super.m() }',
    'get x() { return () => super.x }',
    '() => super.x',
    '() => { super(1) }',
    'm(a = super.x) {}',
  ]
  const unused = [
    'm() { return class extends B { n() { super.n() } } }',
    'm() { return { n() { super.n() } } }',
    'class A extends B { constructor() { super() } }',
  ]
  for (const text of used) assert.equal(sourceOf(text).usesSuper, true, text)
  for (const text of unused) assert.equal(sourceOf(text).usesSuper, false, text)
})

test('what cannot be seen through is told with its place', () => {
  const dynamic = (text: string): string =>
    sourceOf(text)
      .dynamic.map(({ kind, line, column }) => `${kind}@${line}:${column}`)
      .join(' ')
  const table: Record<string, string> = {
    'x => eval(x)': 'eval@0:5',
    '  x => eval(x)': 'eval@0:7',
    'x => (0, eval)(x)': 'eval@0:9',
    'x => eval?.(x)': 'eval@0:5',
    'x => [x].map(eval)': 'eval@0:13',
    'eval => eval(1)': 'eval@0:8',
    'x => ({ eval: x }).eval': '',
    'function f() {\n  with (a) {\r\n    eval(b)\n  }\n}': 'with@1:2 eval@2:4',
    'm() { return new Function(a) }': 'new Function@0:17',
    'x => Function(x)': 'new Function@0:5',
    'Function => new Function(x)': '',
    'x => x instanceof Function': '',
    'x => import(x)': 'import@0:5',
    'x => import(`a${x}`)': 'import@0:5',
    "x => import('a')": '',
    'x => 1': '',
  }
  for (const [text, expected] of Object.entries(table)) assert.equal(dynamic(text), expected, text)
})

test('dynamic code leaves the other free variables visible', () => {
  assert.equal(names("function f() { var a; eval('a'); return a + b }"), 'b eval')
  assert.equal(names('function f(a) { with (a) { return b + c } }'), 'b c')
})

test('dynamic code may read any member, so none is singled out', () => {
  assert.equal(uses("x => cfg.a + eval('cfg.b')"), 'cfg eval')
  assert.equal(uses('function f() { with (cfg.a) { cfg.b } }'), 'cfg')
  assert.equal(uses('x => cfg.a + new Function(x)'), 'Function cfg.a')
})

test('imports with a literal are listed once, sorted', () => {
  const text = "async x => [await import('b'), import('a'), () => import('b'), import(`c`), import('a' + x)]"
  assert.deepEqual(sourceOf(text).imports, ['a', 'b', 'c'])
})

test('import.meta is noticed', () => {
  assert.equal(sourceOf('() => import.meta.dirname').usesImportMeta, true)
  assert.equal(sourceOf('m() { return () => import.meta }').usesImportMeta, true)
  assert.equal(sourceOf("() => 'import.meta'").usesImportMeta, false)
})

test('the kind of function is told', () => {
  const kinds = (texts: string[]): string[] => texts.map((text) => sourceOf(text).kind)
  assert.deepEqual(
    kinds(['function () {}', 'async x => x', 'class {}', 'get x() {}', '#p() {}', '*g() {}']),
    ['function', 'arrow', 'class', 'method', 'method', 'method'],
  )
})

test('what may be a comment in a script and code in a module is refused unless only one can be', () => {
  assert.throws(() => sourceOf('() => { return a <!--b\n }'), /comment or code/)
  assert.equal(names('() => { return a <!-- b c\n }'), 'a')
  assert.equal(names("() => '<!--' + a"), 'a')
  assert.equal(names('(n) => { while (n --> 0) a }'), 'a')
})

test('the text of functions as this engine prints them can be read', () => {
  class A {
    static #count = 0
    #x = 1
    static async *s(a: number) {
      yield a + A.#count
    }
    static 'quoted key'() {
      return 1
    }
    get g() {
      return this.#x
    }
    set g(v) {
      this.#x = v
    }
    static get() {
      return 1
    }
    static static() {
      return 2
    }
    static async() {
      return 3
    }
    static [Symbol.iterator]() {
      return 4
    }
    static 12() {
      return 5
    }
    ['a' + 'b']() {
      return 6
    }
    arrow = () => this.#x
  }
  const descriptor = Object.getOwnPropertyDescriptor(A.prototype, 'g') as { get: Function; set: Function }
  const functions: Function[] = [
    A,
    A.s,
    A['quoted key'],
    A.get,
    A.static,
    A.async,
    A[Symbol.iterator],
    A[12],
    (A.prototype as any).ab,
    new A().arrow,
    descriptor.get,
    descriptor.set,
    { function() {} }.function,
    { async function() {} }.function,
    { *g() {} }.g,
    { async *'x y'() {} }['x y'],
    async () => {},
    async () => {},
    function* () {},
    async function* () {},
  ]
  for (const one of functions) assert.equal(sourceOf(String(one)).dynamic.length, 0, String(one))
  for (const native of [Math.max, Map, (() => 1).bind(null)])
    assert.throws(() => sourceOf(String(native)), SyntaxError)
})
