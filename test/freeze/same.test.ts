/**
 * Pairs of calls that look alike and are not, as a third hunt found them: identity of objects, aliases of globals,
 * what a program put among the builtins, and what packages were given.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { codeVersion, digest, FreezeError } from 'permafrost'
import { project } from '../support/project.js'
import { temporaryGroup } from '../support/temporary.js'

describe('an argument that is a captured object is not one that merely looks like it', () => {
  const EMPTY = {}
  const [A, B] = [{ n: 'a' }, { n: 'a' }]
  const kinds = new Map([[A, 'first']])
  const S = Symbol('s')
  const list = [A]
  const make = () => class extends Object {}
  const [K1, K2] = [make(), make()]
  const cases: readonly (readonly [string, (x: any) => unknown, unknown, unknown])[] = [
    ['a sentinel', (x) => x === EMPTY, EMPTY, {}],
    ['a key of a Map', (x) => kinds.get(x) ?? 'unknown', A, B],
    ['a symbol', (x) => x[S] ?? 'none', { [S]: 1 }, { [Symbol('s')]: 1 }],
    ['an item of a list', (x) => list.indexOf(x), A, B],
    ['an instance', (x) => x instanceof K1, new K1(), new K2()],
    ['a function', (x) => x === make, make, () => class extends Object {}],
    ['something inside', (x) => x.deep[0] === EMPTY, { deep: [EMPTY] }, { deep: [{}] }],
  ]
  for (const [what, fn, one, other] of cases) {
    test(what, (t) => {
      const { group } = temporaryGroup(t)
      const f = group.memoize(fn)
      assert.deepEqual([f(one), f(other), f(one), f(other)], [fn(one), fn(other), fn(one), fn(other)])
      assert.equal(f.stats().hits, 2)
    })
  }

  test('and the same in the next process', (t) => {
    const user = project(t, {
      'main.mjs': `import { memoize } from 'permafrost'
const EMPTY = { a: 1 }
const f = memoize((x) => { console.error('computed ' + (x === EMPTY)); return x === EMPTY })
console.log(f(EMPTY), f({ a: 1 }))`,
    })
    assert.deepEqual(user.run('main.mjs').computed, ['true', 'false'])
    const again = user.run('main.mjs')
    assert.deepEqual([again.computed, again.printed], [[], ['true false']])
  })
})

describe('what a program put among the builtins before the first call', () => {
  const runs = (t: Parameters<typeof project>[0], source: string) => {
    const user = project(t, {
      'main.mjs': `import { digest } from 'permafrost'\nconst k = Number(process.argv[2])\n${source}`,
    })
    return ['1', '2'].map((k) => user.run('main.mjs', { args: [k] }).printed)
  }
  for (const [what, source] of [
    [
      'a bound function in place of Math.random',
      'Math.random = ((x) => x).bind(null, k); console.log(digest(() => Math.random()))',
    ],
    ['a bound fetch', 'globalThis.fetch = ((x) => x).bind(null, k); console.log(digest(() => fetch()))'],
    ['a helper on Math', 'Math.helper = ((x) => x).bind(null, k); console.log(digest(() => Math.helper()))'],
    [
      'a table on Date',
      'Date.masks = { iso: k }; const masks = Date.masks; console.log(digest(() => masks))',
    ],
    ['another Intl', 'globalThis.Intl = { limit: k }; console.log(digest(() => Intl))'],
    [
      'one original in place of another',
      'if (k === 1) Math.random = Math.max; console.log(digest(() => Math.random()))',
    ],
  ] as const) {
    test(what, (t) => {
      const [one, two] = runs(t, source)
      assert.equal(one!.length, 1)
      assert.notDeepEqual(one, two)
    })
  }
})

test('process under another name', (t) => {
  const user = project(t, {
    'a/package.json': '{}',
    'main.mjs': `import process, { cwd, env } from 'node:process'
import * as all from 'node:process'
import { digest } from 'permafrost'
const p = process
for (const f of [() => process.cwd(), () => p.cwd(), () => cwd(), () => all.cwd(), () => globalThis.process.cwd()]) console.log(digest(f))
for (const f of [() => process.env.BY, () => p.env.BY, () => env.BY, () => all.env.BY]) console.log(digest(f))`,
  })
  const here = user.run('main.mjs', { env: { BY: '1' } }).printed
  const there = user.run('main.mjs', { env: { BY: '1' }, cwd: 'a' }).printed
  const other = user.run('main.mjs', { env: { BY: '2' } }).printed
  for (let n = 0; n < 5; n++)
    assert.deepEqual([here[n] === there[n], here[n] === other[n]], [false, true], `${n}`)
  for (let n = 5; n < 9; n++)
    assert.deepEqual([here[n] === there[n], here[n] === other[n]], [true, false], `${n}`)
})

test('process as a whole, under another name, is said to be unseen', (t) => {
  const user = project(t, {
    'main.mjs': `import { memoize } from 'permafrost'\nconst p = process\nconst h = (q) => q.env.ZZ
memoize(() => h(p)).key()`,
  })
  assert.match(user.run('main.mjs').stderr, /process as a whole/)
})

describe('what a package made for a program', () => {
  for (const type of ['module', 'commonjs'] as const) {
    test(`a function with the program's functions on it: ${type}`, (t) => {
      const source = `callable = (h) => { const fn = (x) => fn.handler(x); fn.handler = h; return fn }
X.klass = (m) => { class K {} Object.assign(K.prototype, m); return K }`
      const user = project(t, {
        'node_modules/maker/package.json': `{ "name": "maker", "version": "1.0.0", "type": "${type}", "exports": "./index.js" }`,
        'node_modules/maker/index.js':
          type === 'commonjs'
            ? `exports.${source.replaceAll('X.', 'exports.')}`
            : `export const ${source.replace('X.klass', 'export const klass')}`,
        'main.mjs': `import { callable, klass } from 'maker'
import { digest } from 'permafrost'
const by = Number(process.argv[2])
const api = callable((x) => x * by), K = klass({ area() { return by } })
console.log(digest((x) => api(x)), digest(() => new K()), digest(new K()))`,
      })
      const [one, again, two] = ['1', '1', '2'].map((by) =>
        user.run('main.mjs', { args: [by] }).printed[0]!.split(' '),
      )
      assert.deepEqual(one, again)
      for (let n = 0; n < 3; n++) assert.notEqual(one![n], two![n], `${n}`)
    })
  }

  test('large tables that it exports are not searched for functions', (t) => {
    const user = project(t, {
      'node_modules/big/package.json': '{ "name": "big", "version": "1.0.0", "main": "index.js" }',
      'node_modules/big/index.js':
        'exports.table = new Uint8Array(8e6); exports.list = new Array(1e6).fill(0); exports.make = (v) => () => v',
      'main.mjs': `import big from 'big'\nimport { digest } from 'permafrost'
const h = big.make(1)\nconst began = performance.now()\ndigest(() => h())
console.log(performance.now() - began < 2000)`,
    })
    assert.deepEqual(user.run('main.mjs').printed, ['true'])
  })
})

test('what a program adds to a package counts, whatever it adds and where', (t) => {
  const source = (pre: string) => `class Base {}
class Model extends Base { run(x) { return this.area(x) } }
function fn() { return fn.hook() }
${pre}`
  const user = project(t, {
    'node_modules/es/package.json':
      '{ "name": "es", "version": "1.0.0", "type": "module", "exports": "./index.js" }',
    'node_modules/es/index.js': source('export { Base, Model, fn }'),
    'node_modules/cj/package.json': '{ "name": "cj", "version": "1.0.0", "main": "index.js" }',
    'node_modules/cj/index.js': source('module.exports = { Base, Model, fn }'),
    'main.mjs': `import { digest, memoize } from 'permafrost'
import cj from 'cj'
import * as es from 'es'
const told = []
for (const { Base, Model, fn } of [cj, es]) {
  const f = () => new Model().run(1), g = () => fn()
  const digests = [digest(f)]
  for (const area of [(x) => x * 1, (x) => x * 2, memoize((x) => x * 3), ((k, x) => x * k).bind(null, 4), ((k, x) => x * k).bind(null, 5)]) {
    Model.prototype.area = area
    digests.push(digest(f))
  }
  delete Model.prototype.area
  for (const area of [(x) => x * 6, (x) => x * 7]) { Base.prototype.area = area; digests.push(digest(f)) }
  told.push(new Set(digests).size)
  const hooks = [digest(g)]
  fn.hook = () => 7; hooks.push(digest(g))
  fn.hook = () => 8; hooks.push(digest(g))
  told.push(new Set(hooks).size)
}
console.log(told.join())`,
  })
  assert.deepEqual(user.run('main.mjs').printed, ['8,3,8,3'])
})

test('a module behind import() that is edited while the program runs is known by the code that runs', (t) => {
  const user = project(t, {
    'behind.mjs': 'export const f = (x) => x * 10',
    'main.mjs': `import { memoize } from 'permafrost'
import { writeFileSync } from 'node:fs'
const f = memoize(async (x) => (await import('./behind.mjs')).f(x))
if (process.argv[2]) { await f(1); writeFileSync('behind.mjs', 'export const f = (x) => x * 99'); await f(2) }
else console.log(await f(2), await f.fn(2))`,
  })
  user.run('main.mjs', { args: ['edit'] })
  assert.deepEqual(user.run('main.mjs').printed, ['198 198'])
})

test('a global replaced by a primitive, and one of Node by another of its name', async () => {
  const globals = globalThis as unknown as Record<string, unknown>
  const f = () => typeof fetch
  const g = () => setTimeout(() => 1)
  const [before, timer] = [digest(f), digest(g)]
  const { fetch: original, setTimeout: originalTimer } = globals
  try {
    globals['fetch'] = undefined
    assert.notEqual(digest(f), before)
    globals['setTimeout'] = (await import('node:timers/promises')).setTimeout
    assert.notEqual(digest(g), timer)
  } finally {
    globals['fetch'] = original
    globals['setTimeout'] = originalTimer
  }
  assert.deepEqual([digest(f), digest(g)], [before, timer])
})

test('globals that Node makes at first use have one key before and after', (t) => {
  const user = project(t, {
    'main.mjs': `import { digest } from 'permafrost'
for (const f of [() => new TextEncoder(), () => new Headers(), () => new MessageChannel(), () => new FormData(), () => fetch, () => new TextDecoder()]) {
  const before = digest(f)
  console.log(before === digest(f))
}`,
  })
  assert.deepEqual(new Set(user.run('main.mjs').printed), new Set(['true']))
})

test('a method with super on an object that does not inherit from its class', (t) => {
  const { group } = temporaryGroup(t)
  let k = 1
  class A {
    q() {
      return k
    }
  }
  class S extends A {
    m() {
      return super.q()
    }
  }
  const m = group.memoize(S.prototype.m, { onUncacheable: 'ignore' })
  const o = {} as S
  assert.equal(m.call(o), 1)
  k = 2
  assert.equal(m.call(o), 2)
})

test('require() by another name is refused', (t) => {
  const user = project(t, {
    'main.mjs': `import { createRequire } from 'node:module'\nimport { digest } from 'permafrost'
const load = createRequire(import.meta.url)
try { digest((x) => load('./data.json').limit * x) } catch (error) { console.log(error.message) }`,
    'data.json': '{"limit":1}',
  })
  assert.match(user.run('main.mjs').printed[0]!, /require\(\) by another name, "load"/)
})

test('cacheKey says what of the arguments counts, and the object still does', (t) => {
  const { group } = temporaryGroup(t)
  class A {
    constructor(
      readonly x: number,
      readonly noise = 0,
    ) {}
    g(y: number): number {
      return this.x + y
    }
    h(y: number): number {
      return this.x + y
    }
  }
  A.prototype.g = group.memoize(A.prototype.g, { cacheKey: (y) => y })
  assert.deepEqual([new A(1).g(1), new A(2).g(1)], [2, 3])
  const h = group.memoize(A.prototype.h, {
    cacheKey(this: A, y: number) {
      return [this.x, y]
    },
  } as never)
  A.prototype.h = h
  assert.deepEqual([new A(1, 1).h(1), new A(1, 2).h(1), new A(2).h(1)], [2, 2, 3])
  assert.equal((h as unknown as { stats(): { hits: number } }).stats().hits, 1)
})

test('what a function captured once counts in the key of the one around it', (t) => {
  const { group } = temporaryGroup(t)
  const run = () => {
    let by = 1
    const set = (to: number) => {
      by = to
    }
    const inner = group.memoize((x: number) => x * by, { closure: 'once' })
    const outer = group.memoize((x: number) => inner(x) + 0)
    return { outer, set }
  }
  const first = run()
  assert.equal(first.outer(1), 1)
  first.set(2)
  assert.equal(first.outer(1), 1)
  const second = run()
  second.set(2)
  assert.equal(second.outer(1), 2)
})

test('the default time zone and locale, where a function goes by them', (t) => {
  const user = project(t, {
    'main.mjs': `import { digest } from 'permafrost'
console.log(digest((iso) => new Date(iso).getHours()), digest((d) => d.toLocaleString()), digest((x) => x + 1))
process.env.TZ = 'America/New_York'
console.log(digest((iso) => new Date(iso).getHours()))
const f = (d) => d.getHours()
const before = digest(f)
process.env.TZ = 'Asia/Tokyo'
console.log(before !== digest(f))`,
  })
  const run = (TZ: string) => user.run('main.mjs', { env: { TZ } }).printed
  const [utc, tokyo] = [run('UTC'), run('Asia/Tokyo')]
  const [hours, local, plain] = utc[0]!.split(' ')
  const [otherHours, otherLocal, otherPlain] = tokyo[0]!.split(' ')
  assert.deepEqual([hours === otherHours, local === otherLocal, plain === otherPlain], [false, false, true])
  assert.equal(utc[1], tokyo[1])
  assert.deepEqual([utc[2], tokyo[2]], ['true', 'true'])
})

describe('rarer', () => {
  test('native functions look at this', (t) => {
    const { group } = temporaryGroup(t)
    const join = group.memoize(Array.prototype.join)
    assert.deepEqual([join.call([1, 2], '-'), join.call([3, 4], '-')], ['1-2', '3-4'])
  })

  test('a method with super, copied elsewhere', () => {
    class Base {
      q() {
        return 1
      }
    }
    class S extends Base {
      m() {
        return super.q()
      }
    }
    class D {
      q() {
        return 2
      }
    }
    digest(() => new S().m())
    Object.assign(D.prototype, { m: S.prototype.m })
    assert.throws(() => digest(() => new D()), FreezeError)
  })

  test('an alias of Math', () => {
    const M = Math
    const f = () => M.random() > 2
    const before = digest(f)
    const { random } = Math
    try {
      Math.random = () => 5
      assert.notEqual(digest(f), before)
    } finally {
      Math.random = random
    }
    assert.equal(digest(f), before)
  })

  test('a buffer and a view on it, shared or not', () => {
    const pair = (shared: boolean) => {
      const b = new ArrayBuffer(2)
      return { b, v: new Uint8Array(shared ? b : new ArrayBuffer(2)) }
    }
    assert.notEqual(digest(pair(true)), digest(pair(false)))
    const { b, v } = pair(true)
    assert.notEqual(digest({ v, b }), digest({ v, b: new ArrayBuffer(2) }))
    assert.notEqual(digest(new Uint8Array(2)), digest(new Uint8Array(new SharedArrayBuffer(2))))
  })

  test('values that imitate others', () => {
    assert.notEqual(digest(Symbol.iterator), digest(Symbol('Symbol.iterator')))
    class M extends Number {
      override valueOf() {
        return 1
      }
    }
    assert.notEqual(digest(new M(5)), digest(new M(6)))
    const url = (href: string) => Object.assign(new URL(href), { toString: () => 'x' })
    assert.notEqual(digest(url('http://a/')), digest(url('http://b/')))
    const arrays = [[1], Object.preventExtensions([1]), Object.seal([1]), Object.freeze([1])]
    assert.equal(new Set(arrays.map(digest)).size, 4)
  })

  test('what was put on a memoized function', (t) => {
    const { group } = temporaryGroup(t)
    const c = Object.assign(
      group.memoize((x: number) => x),
      { limit: 1 },
    )
    const f = group.memoize(() => c.limit)
    f()
    c.limit = 2
    assert.equal(f(), 2)
  })

  test('a codeVersion that is raised', () => {
    let k = 1
    const h = codeVersion(1, () => k)
    const f = () => h()
    const before = digest(f)
    k = 2
    assert.equal(digest(f), before)
    codeVersion(2, h)
    assert.notEqual(digest(f), before)
  })

  test('a builtin that a test mocks, imported by name', (t) => {
    const user = project(t, {
      'main.mjs': `import fs, { statSync } from 'node:fs'\nimport { syncBuiltinESMExports } from 'node:module'
import { digest } from 'permafrost'
const f = () => statSync('x')\nconst before = digest(f)
fs.statSync = () => 1\nsyncBuiltinESMExports()
console.log(digest(f) !== before, before === digest(() => statSync('x')))`,
    })
    assert.deepEqual(user.run('main.mjs').printed, ['true false'])
  })

  test('a script function that calls itself by a global name', (t) => {
    const user = project(t, {
      'main.mjs': `import vm from 'node:vm'\nimport { digest } from 'permafrost'
vm.runInThisContext('function again(n) { return n ? again(0) : 1 }')
const f = globalThis.again\nconst before = digest(f)\nglobalThis.again = () => 2\nconsole.log(digest(f) !== before)`,
    })
    assert.deepEqual(user.run('main.mjs').printed, ['true'])
  })

  test('new on a memoized constructor makes an object each time', (t) => {
    const { group } = temporaryGroup(t)
    function P(this: { x: number }, x: number) {
      this.x = x
    }
    const f = group.memoize(P) as unknown as new (x: number) => { x: number }
    const [one, two] = [new f(1), new f(1)]
    assert.deepEqual([one.x, two.x, one === two, one instanceof P], [1, 1, false, true])
  })

  test('a detached buffer is refused in words', () => {
    const buffer = new ArrayBuffer(8)
    const view = new Uint8Array(buffer)
    structuredClone(buffer, { transfer: [buffer] })
    assert.throws(() => digest(buffer), FreezeError)
    assert.throws(() => digest(view), FreezeError)
  })

  test('Headers are known by content', () => {
    assert.equal(digest(new Headers({ a: '1' })), digest(new Headers({ a: '1' })))
    assert.notEqual(digest(new Headers({ a: '1' })), digest(new Headers({ a: '2' })))
  })
})
