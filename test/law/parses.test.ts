/** What is kept of a text is what reading it gives, whatever the memory does. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { afterEach, test } from 'node:test'
import { parse } from 'acorn'
import fc from 'fast-check'
import { FACTS, keepParsesIn, type Memory, type Reading, readOnce } from '#src/freeze/kept.js'
import { MODULE, readModule } from '#src/freeze/modules.js'
import { answersOf, readScript, SCRIPT } from '#src/freeze/script.js'
import { FUNCTION, readFunction } from '#src/freeze/source.js'
import { eachChild, isClass, isFunction, type Node } from '#src/freeze/tree.js'
import type { Digest } from '#src/types.js'

const FILES = [
  'acorn/dist/acorn.js',
  'commander/lib/command.js',
  'cbor-x/encode.js',
  'debug/src/common.js',
  'fast-check/lib/fast-check.js',
  'eslint-scope/lib/scope.js',
  'eslint-scope/dist/eslint-scope.cjs',
  'tinybench/dist/index.js',
  'pretty-bytes/index.js',
]

const require = createRequire(import.meta.url)
const root = require.resolve('acorn/package.json').replace(/acorn.package\.json$/, '')
const sources = FILES.map((file) => readFileSync(root + file, 'utf8'))
const functions = sources.flatMap((source) => {
  const texts: string[] = []
  let program: unknown
  try {
    program = parse(source, { ecmaVersion: 'latest', sourceType: 'module' })
  } catch {
    program = parse(source, { ecmaVersion: 'latest', sourceType: 'script' })
  }
  const stack = [program as Node]
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    // what is a member's alone is not always a function's text
    if (isFunction(node) || isClass(node)) texts.push(source.slice(node.start, node.end))
    eachChild(node, (child) => stack.push(child))
  }
  return texts.filter(readable)
})

function readable(text: string): boolean {
  try {
    readFunction(text)
    return true
  } catch {
    return false
  }
}

/** Some that use more of what there is to say. */
const RICH = [
  'function f(a, { b }, ...c) { eval(a); with (b) { import(c) } return require(a) + f(new.target, this) }',
  '(a = super.b) => ns.c.d() + new Date() + `${typeof e}`',
  'class A extends B { [x] = 1; static { import("m") } #p = import.meta }',
  'function () { return ns["\\ud800"] + ns["λ"]["__proto__"] }',
  '() => { const { a, b } = ns; ns.c = 1; require("x") }',
]
const RICH_SOURCES = [
  'import a, { b as c } from "x"; import * as ns from "y"; export * from "z"; export * as q from "z"\nexport { c as "any λ text", a as default }; export let d = 1, [e] = [2]; d++',
  'export default function () {}\nexport class K { static m() {} }\nvar f = function g() { return () => g }',
  'module.exports = function named() { with (a) b = 1 }',
  'let __proto__ = 1; __proto__ = 2; const o = { constructor() {}, get x() { return 1 } }',
]

const texts = [...RICH, ...functions]
const allSources = [...RICH_SOURCES, ...sources]

const revived = <T>(facts: T): T => JSON.parse(JSON.stringify(facts)) as T

afterEach(() => keepParsesIn(undefined))

test('what is read survives JSON, and is of the form in which it is kept', () => {
  assert.ok(functions.length > 500, `${functions.length} functions`)
  const each = <T>(reading: Reading<T>, of: readonly string[]): void => {
    for (const text of of) {
      const facts = reading.read(text)
      assert.ok(facts !== undefined, text.slice(0, 100))
      assert.deepStrictEqual(revived(facts), facts)
      assert.ok(reading.isSound(revived(facts)), `${reading.name} ${text.slice(0, 100)}`)
    }
  }
  each(FUNCTION, texts)
  each(SCRIPT, allSources)
  each(MODULE, allSources)
})

test('the answers about a script are the same out of what was kept', () => {
  for (const source of allSources) {
    const data = readScript(source)!
    const [fresh, kept] = [answersOf(data, source), answersOf(revived(data), source)]
    for (const name of new Set(source.match(/[\w$]+/g)))
      assert.equal(kept.isReassigned(name), fresh.isReassigned(name), name)
    assert.deepEqual([kept.imports, kept.exports], [fresh.imports, fresh.exports])
    let named = 0
    for (const [line, text] of source.split('\n').slice(0, 500).entries()) {
      for (let column = 0; column < Math.min(text.length, 200); column++) {
        if (fresh.nameAt(line, column) !== undefined) named++
        assert.equal(kept.nameAt(line, column), fresh.nameAt(line, column))
      }
      assert.deepEqual(kept.functionNamesAround(line, 5), fresh.functionNamesAround(line, 5))
    }
    assert.ok(named > 0 || data.named.length === 0 || source.length > 10_000)
  }
})

/** One that keeps what it is given, and gives what `tell` makes of it. */
function memory(tell: (text: string, key: Digest) => string | undefined = (text) => text): Memory & {
  readonly kept: Map<Digest, string>
} {
  const kept = new Map<Digest, string>()
  return {
    kept,
    get: (key) => {
      const text = kept.get(key)
      return text === undefined ? undefined : tell(text, key)
    },
    set: (key, text) => void kept.set(key, text),
  }
}

/** Reads it with that memory; the second time with what the first one left there. */
function twice<T>(text: string, reading: Reading<T>, lent: Memory): T | undefined {
  keepParsesIn(lent)
  readOnce(text, reading)
  return readOnce(text, reading)
}

const text = fc.constantFrom(...RICH, ...functions.filter(({ length }) => length < 3000))

test('with a faithful memory nothing is read twice, and what is told is the same', () => {
  const faithful = memory()
  for (const one of texts) {
    let read = 0
    const counted: Reading<unknown> = {
      ...FUNCTION,
      read: (of) => {
        read++
        return readFunction(of)
      },
    }
    assert.deepStrictEqual(twice(one, counted, faithful), readFunction(one))
    assert.ok(read <= 1)
  }
  assert.equal(faithful.kept.size, new Set(texts).size)
})

test('what a memory cuts short, or makes something else of, is read again', () => {
  fc.assert(
    fc.property(text, fc.nat(), fc.json(), (one, length, other) => {
      const fresh = readFunction(one)
      const cut = memory((kept) => kept.slice(0, length % kept.length))
      assert.deepStrictEqual(twice(one, FUNCTION, cut), fresh)
      assert.deepStrictEqual(
        twice(
          one,
          FUNCTION,
          memory(() => other),
        ),
        fresh,
      )
    }),
    { numRuns: 300 },
  )
})

test('whatever part of what is kept is missing or of another type, it is read again', () => {
  const check = <T extends object>(reading: Reading<T>, one: string): void => {
    const fresh = reading.read(one)!
    for (const name of Object.keys(fresh)) {
      for (const value of [undefined, null, 1.5, true, {}, [[[]]], 'other', [null], -1]) {
        const kept = JSON.stringify({ ...fresh, [name]: value })
        // that of the same form something else is told is for a seal to notice
        if (reading.isSound(JSON.parse(kept))) {
          assert.match(name, /^(?:name|parameters|uses\w+)$/, kept)
          continue
        }
        assert.deepStrictEqual(
          twice(
            one,
            reading,
            memory(() => kept),
          ),
          fresh,
        )
      }
    }
  }
  for (const one of RICH) check(FUNCTION, one)
  for (const one of RICH_SOURCES) {
    check(SCRIPT, one)
    check(MODULE, one)
  }
})

test('a memory that throws is as good as none', () => {
  const broken: Memory = {
    get: () => {
      throw new Error('gone')
    },
    set: () => {
      throw new Error('full')
    },
  }
  for (const one of RICH) assert.deepStrictEqual(twice(one, FUNCTION, broken), readFunction(one))
})

test('different texts, and different readings of one text, never meet', () => {
  const shared = memory()
  keepParsesIn(shared)
  const one = 'x => x'
  const wide = [one, `${one} `, 'x=>x', `\ud800${one}`, `\ud801${one}`]
  for (const each of wide.slice(0, 3)) readOnce(each, FUNCTION)
  const sized = shared.kept.size
  assert.equal(sized, 3)
  readOnce(one, SCRIPT)
  readOnce(one, MODULE)
  assert.equal(shared.kept.size, 5)
  for (const each of wide.slice(3)) {
    const quiet: Reading<unknown> = { name: 'function', read: () => ({}), isSound: () => false }
    readOnce(each, quiet)
  }
  assert.equal(shared.kept.size, 7)
})

test('what cannot be read is not kept, and throws each time', () => {
  const shared = memory()
  keepParsesIn(shared)
  for (let time = 0; time < 2; time++) {
    assert.throws(() => readOnce('function () { [native code] }', FUNCTION), SyntaxError)
    assert.equal(readOnce('this is no script', SCRIPT), undefined)
    assert.equal(readOnce('this is no module', MODULE), undefined)
  }
  assert.equal(shared.kept.size, 0)
})

/**
 * What is read out of some texts, for each number that FACTS ever had. If this fails, processes would find what an
 * earlier version read otherwise: raise FACTS, and add a line here.
 */
const GOLDEN: Readonly<Record<number, string>> = {
  1: '68f35f19b5feabc52879c43f4dfbfa3a',
  2: 'fdfaa7af6e151a63250bfd07a28cc672',
}

test('FACTS rises whenever something else is read out of a text', async () => {
  const { digest } = await import('permafrost')
  const read = [
    ...RICH.map(readFunction),
    ...RICH_SOURCES.map((source) => readScript(source)),
    ...RICH_SOURCES.map((source) => readModule(source)),
  ]
  assert.equal(digest(JSON.stringify(read)), GOLDEN[FACTS])
})
