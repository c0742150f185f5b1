import assert from 'node:assert/strict'
import { Session } from 'node:inspector'
import { test } from 'node:test'
import { runInThisContext } from 'node:vm'
import { scriptFacts } from '#src/freeze/script.js'

/** Where this engine says a function is. */
function locationOf(fn: Function): { lineNumber: number; columnNumber: number } {
  const session = new Session()
  session.connect()
  const post = (method: string, parameters: object): any => {
    let answer: unknown
    session.post(method, parameters, (error, result) => {
      if (error) throw error
      answer = result
    })
    return answer
  }
  try {
    ;(globalThis as any).functionInQuestion = fn
    const { result } = post('Runtime.evaluate', { expression: 'functionInQuestion' })
    const { internalProperties } = post('Runtime.getProperties', {
      objectId: result.objectId,
      ownProperties: true,
    })
    return internalProperties.find(({ name }: { name: string }) => name === '[[FunctionLocation]]').value
      .value
  } finally {
    session.disconnect()
    delete (globalThis as any).functionInQuestion
  }
}

function nameOf(source: string, fn: Function): string | undefined {
  const { lineNumber, columnNumber } = locationOf(fn)
  return scriptFacts(source).nameAt(lineNumber, columnNumber)
}

/** Expression or statements whose last value is the function → its name. */
const NAMES: Readonly<Record<string, string | undefined>> = {
  'function f (a) {} f': 'f',
  'async function /* ( */ f // (\n (a) {} f': 'f',
  'function * f(a) {} f': 'f',
  'async function*f(a) {} f': 'f',
  'var f = function (a) {}; f': 'f',
  'var f = function g (a) {}; f': 'g',
  'var f = async function(a) {}; f': 'f',
  'var f = (a) => 1; f': 'f',
  'var f = a => 1; f': 'f',
  'var f = async (a) => 1; f': 'f',
  'var f = async a => 1; f': 'f',
  'var f = ((a) => 1); f': 'f',
  'var f = id((a) => 1); f': 'f',
  'var f = id(async function (a) {}, { k: () => 1 }); f': 'f',
  'var f = id(function g(a) {}); f': 'g',
  'var f = lib.id({ k: 1 })(x => 1); f': 'f',
  'var f = (0, lib.id)((a) => 1); f': 'f',
  'var f; f = id((a) => 1); f': 'f',
  'var o = {}; o.f = (a) => 1; o.f': 'f',
  "var o = {}; o['f g'] = id((a) => 1); o['f g']": 'f g',
  'var o = {}; o[1 + 1] = id((a) => 1); o[2]': undefined,
  'var o = { f: (a) => 1 }; o.f': 'f',
  'var o = { f: id((a) => 1) }; o.f': 'f',
  'var o = { f (a) {} }; o.f': 'f',
  'var o = { async * f (a) {} }; o.f': 'f',
  "var o = { 'f g' (a) {} }; o['f g']": 'f g',
  'var o = { get f () { return 1 } }; Object.getOwnPropertyDescriptor(o, "f").get': 'f',
  'var A = class { m (a) {} }; A.prototype.m': 'A.m',
  '(class A { m (a) {} }).prototype.m': 'A.m',
  '(class A { static async m (a) {} }).m': 'A.m',
  '(class A { static #p (a) {} static p = A.#p }).p': 'A.#p',
  '(class A { m = (a) => 1 }); new (class A { m = id((a) => 1) })().m': 'A.m',
  '(class A { static m = id(function (a) {}) }).m': 'A.m',
  '(class A { set f (v) {} }); Object.getOwnPropertyDescriptor((class B { set f (v) {} }).prototype, "f").set':
    'B.f',
  "(class A { 'm n' (a) {} }).prototype['m n']": 'A.m n',
  '(class A { [1 + 1] (a) {} }).prototype[2]': undefined,
  '(class { m (a) {} }).prototype.m': 'm',
  '(class A {})': 'A',
  '(class A { constructor (a) {} m() {} })': 'A',
  "(class A { 'constructor' (a) {} m() {} })": 'A',
  '(class A extends Object { x = 1; constructor () { super() } })': 'A',
  'var A = class {}; A': 'A',
  'var A = id(class extends Object {}); A': 'A',
  'var { f = (a) => 1 } = {}; f': 'f',
  'var f = false || ((a) => 1); f': 'f',
  'var f = true ? (a) => 1 : null; f': 'f',
  'var f = id(null, (a) => 1); id2(f) || lib.last': undefined,
  '(a) => 1': undefined,
  '(function (a) {})': undefined,
  'id((a) => 1)': undefined,
  'var g = (x) => (y) => 1; g(1)': undefined,
  'var f = id(id((a) => 1)); f': undefined,
  '\u2028;\r\n/* */\r(function f (a) {})': 'f',
}

test('names are found at the place where the engine says the function is', () => {
  const before =
    'var id = (x) => x, id2 = id; var lib = { id: (x) => (typeof x === "function" ? x : id), last: [(x) => x][0] };'
  for (const [code, name] of Object.entries(NAMES)) {
    const source = before + code
    const fn = runInThisContext(source)
    assert.equal(typeof fn, 'function', code)
    assert.equal(nameOf(source, fn), name, code)
  }
})

test('names are found in modules', async () => {
  const source = `#!/usr/bin/env node
    const memoize = (x) => x, group = { memoize }
    export const clean = memoize((x) => x)
    export const f = group.memoize(async function (x) {}, { cacheKey: (x) => x })
    export default memoize((x) => x)
    export class A { m = memoize(() => 1); static s = memoize(() => 2) }
    export async function* g (x) {}`
  const module = await import(`data:text/javascript,${encodeURIComponent(source)}`)
  const name = (fn: Function): string | undefined => nameOf(source, fn)
  assert.equal(name(module.clean), 'clean')
  assert.equal(name(module.f), 'f')
  assert.equal(name(module.default), 'default')
  assert.equal(name(module.A), 'A')
  assert.equal(name(new module.A().m), 'A.m')
  assert.equal(name(module.A.s), 'A.s')
  assert.equal(name(module.g), 'g')
})

test('a default export without a name is called default', async () => {
  for (const source of [
    'export default function () {}',
    'export default class {}',
    'export default async (x) => x',
  ]) {
    const module = await import(`data:text/javascript,${encodeURIComponent(source)}`)
    assert.equal(nameOf(source, module.default), 'default', source)
  }
})

test('places without a function have no name', () => {
  const { nameAt } = scriptFacts('const a = () => 1\n')
  assert.equal(nameAt(0, 10), 'a')
  for (const [line, column] of [
    [0, 9],
    [0, 11],
    [1, 0],
    [2, 0],
    [-1, 0],
    [0, -1],
    [9, 9],
  ] as const) {
    assert.equal(nameAt(line, column), undefined)
  }
})
