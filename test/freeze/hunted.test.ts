/**
 * Ways in which a wrong hit was once found, or feared: each a pair of calls that must not share a result, or code that
 * people write and that must not be refused.
 */
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { createRequire } from 'node:module'
import * as paths from 'node:path'
import path, { resolve } from 'node:path'
import { describe, mock, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { promisify, types } from 'node:util'
import vm from 'node:vm'
import { digest, FreezeError, frozenState, memoize } from 'permafrost'
import { project } from '../support/project.js'
import { temporaryGroup } from '../support/temporary.js'

const globals = globalThis as unknown as Record<string, any>

/** Digests of `fn` before and after `change`, which is undone. */
function around(fn: Function, change: () => () => void): [before: string, after: string] {
  const before = digest(fn)
  const undo = change()
  try {
    return [before, digest(fn)]
  } finally {
    undo()
  }
}
const set = (object: any, key: string, value: unknown) => () => {
  const had = Object.getOwnPropertyDescriptor(object, key)
  Object.defineProperty(object, key, { value, configurable: true, writable: true, enumerable: true })
  return () => {
    if (had === undefined) delete object[key]
    else Object.defineProperty(object, key, had)
  }
}

describe('globals', () => {
  const cases: readonly (readonly [string, Function, () => () => void])[] = [
    ['a property of globalThis', () => globals['LIMIT'], set(globals, 'LIMIT', 1)],
    ['globalThis.LIMIT', () => (globalThis as any).LIMIT, set(globals, 'LIMIT', 1)],
    ['global.LIMIT', () => (global as any).LIMIT.deep, set(globals, 'LIMIT', { deep: 1 })],
    ['a data member added to Math', () => (Math as any).foo, set(Math, 'foo', 2)],
    ['Error.stackTraceLimit', () => Error.stackTraceLimit, set(Error, 'stackTraceLimit', 3)],
    ['globalThis.Date.now', () => globalThis.Date.now(), set(Date, 'now', () => 1)],
    ['a method of a prototype of a global', () => Array.prototype.map, set(Array.prototype, 'map', () => [])],
    [
      'a global replaced by a bound function',
      () => fetch('x'),
      set(globals, 'fetch', ((x: number) => x).bind(null, 1)),
    ],
    ['global replaced as a whole', () => (global as any).LIMIT, set(globals, 'global', { LIMIT: 9 })],
    ['Math.random mocked', () => Math.random(), set(Math, 'random', () => 1)],
    [
      'process.cwd()',
      () => process.cwd(),
      () => {
        const was = process.cwd()
        process.chdir('/')
        return () => process.chdir(was)
      },
    ],
    [
      'process.argv',
      () => process.argv.slice(2),
      () => {
        process.argv.push('more')
        return () => void process.argv.pop()
      },
    ],
    [
      'an unset variable of the environment',
      () => process.env['PERMAFROST_UNSET'] ?? 'none',
      set(process.env, 'PERMAFROST_UNSET', 'x'),
    ],
  ]
  for (const [name, fn, change] of cases.slice(1)) {
    test(name, () => {
      const [before, after] = around(fn, change)
      assert.notEqual(before, after)
    })
  }

  const mentionedWhole: readonly (readonly [string, Function, () => () => void])[] = [
    [
      'Date.now beside new Date',
      (iso: string) => Date.now() - new Date(iso).getTime(),
      set(Date, 'now', () => 77),
    ],
    [
      'Number.isInteger beside Number',
      (x: unknown) => [Number(x), Number.isInteger(x)],
      set(Number, 'isInteger', () => true),
    ],
    [
      'a property of globalThis that is written, too',
      () => {
        globals['cfg'] ??= { a: 1 }
        ;(globalThis as any).cfg ??= { a: 1 }
        return (globalThis as any).cfg.a
      },
      set(globals, 'cfg', { a: 2 }),
    ],
    [
      'one variable of the environment beside one that is written',
      () => {
        process.env['PERMAFROST_A'] ??= 'x'
        return process.env['PERMAFROST_B']
      },
      set(process.env, 'PERMAFROST_B', 'y'),
    ],
    ['a method of a global behind an accessor', () => performance.now(), set(performance, 'now', () => 3)],
    ['a method of process', () => process.uptime(), set(process, 'uptime', () => 0)],
    ['one function of Node in place of another', () => btoa('a'), set(globals, 'btoa', atob)],
    [
      'a function of Node around one of the program',
      () => structuredClone(1),
      set(
        globals,
        'structuredClone',
        promisify(() => 42),
      ),
    ],
  ]
  for (const [name, fn, change] of mentionedWhole) {
    test(name, () => {
      const [before, after] = around(fn, change)
      assert.notEqual(before, after)
    })
  }

  test('a static method that hides an inherited one, between two calls', (t) => {
    const { group } = temporaryGroup(t)
    const from = group.memoize(() => [...Uint8Array.from([1])])
    assert.deepEqual(from(), [1])
    const undo = set(Uint8Array, 'from', () => [9])()
    assert.deepEqual(from(), [9])
    undo()
  })

  test('one bound function in place of another', () => {
    const replaced = (by: number) =>
      around(() => fetch('x'), set(globals, 'fetch', ((x: number) => x).bind(null, by)))[1]
    assert.notEqual(replaced(1), replaced(2))
  })

  test('are looked at between two calls in one process', (t) => {
    const { group } = temporaryGroup(t)
    const env = group.memoize(() => process.env['PERMAFROST_LATER'] ?? 'none')
    const now = group.memoize(() => Date.now())
    assert.equal(env(), 'none')
    process.env['PERMAFROST_LATER'] = '1'
    assert.equal(env(), '1')
    delete process.env['PERMAFROST_LATER']
    mock.method(Date, 'now', () => 5)
    assert.equal(now(), 5)
    mock.reset()
  })
})

describe('functions', () => {
  test('import.meta of two folders', (t) => {
    const source = `import { digest } from 'permafrost'\nconsole.log(digest(() => new URL('./x', import.meta.url)))`
    const user = project(t, {
      'package.json': '{ "type": "module" }',
      'a/main.js': source,
      'b/main.js': source,
    })
    assert.notDeepEqual(user.run('a/main.js').printed, user.run('b/main.js').printed)
  })

  test('what a user gave a function of Node is frozen strictly', () => {
    const proxy = new Proxy({}, {})
    assert.throws(() => digest(promisify(() => proxy)), FreezeError)
    const pending = Promise.resolve(1)
    assert.throws(() => digest(promisify(async () => pending)), FreezeError)
  })

  test('new.target of an arrow, and a computed field', () => {
    const Maker = function (this: { arrow: unknown }) {
      this.arrow = () => new.target
    } as unknown as new () => { arrow: unknown }
    assert.throws(() => digest(new Maker().arrow), FreezeError)
    const withField = (name: string) =>
      class {
        [name] = 1
      }
    assert.throws(() => digest(withField('a')), FreezeError)
  })

  test('a method with super, away from its object', () => {
    const make = (value: number) => ({
      __proto__: { m: () => value },
      m() {
        return super.m()
      },
    })
    const one = make(1)
    // nothing tells whether an object literal is the one that a method was written in
    assert.throws(() => digest(() => [1].map(one.m)), FreezeError)
    assert.throws(() => memoize(one.m).key(), FreezeError)
  })

  test('a prototype that was replaced, or given another prototype', () => {
    const make = (value: number) => {
      const Old = function () {}
      Old.prototype = Object.create({ m: () => value })
      return Old
    }
    assert.notEqual(digest(make(1)), digest(make(2)))
  })

  test('bound values of all kinds, and properties of bound functions', () => {
    const fn = function (this: unknown) {
      return this
    }
    const values = [1n, 2n, Number.NaN, -0, 0, undefined, Number.POSITIVE_INFINITY]
    assert.equal(new Set(values.map((value) => digest(fn.bind(value)))).size, values.length)
    const withProperty = (x: number) => Object.assign(fn.bind(null), { x })
    assert.notEqual(digest(withProperty(1)), digest(withProperty(2)))
  })

  test('code made by eval over a variable that is reassigned', (t) => {
    const { group } = temporaryGroup(t)
    const program = new Function(
      'memoize',
      'let n = 1; const f = memoize(eval("(x) => x + n")); const a = f(1); n = 2; return [a, f(1)]',
    )
    assert.deepEqual(program(group.memoize), [2, 3])
  })

  test('closure once does not leak into functions that are looked at each time', (t) => {
    const { group } = temporaryGroup(t)
    let by = 1
    const work = (x: number) => x * by
    const once = group.memoize(work, { closure: 'once' })
    const live = group.memoize(work)
    once(5)
    by = 2
    assert.deepEqual([once(6), live(5), live(6)], [12, 10, 12])
    by = 1
    assert.equal(live(6), 6)
  })

  test('functions of vm contexts: their own globals', (t) => {
    const { group } = temporaryGroup(t)
    const context = vm.createContext({ y: 1 })
    const reads = group.memoize(vm.runInContext('(() => y)', context) as () => number)
    assert.equal(reads(), 1)
    context['y'] = 2
    assert.equal(reads(), 2)
  })
})

describe('calls', () => {
  test('what changes while an asynchronous function runs is not kept under the old key', async (t) => {
    const { group } = temporaryGroup(t)
    let rate = 1
    const f = group.memoize(async (x: number) => {
      await new Promise((resolve) => setTimeout(resolve, 10))
      return x * rate
    })
    const running = f(1)
    rate = 2
    assert.equal(await running, 2)
    rate = 1
    assert.equal(await f(1), 1)
    const g = group.memoize(async (options: { a: number }) => {
      await new Promise((resolve) => setTimeout(resolve, 10))
      return options.a
    })
    const options = { a: 1 }
    const waiting = g(options)
    options.a = 2
    assert.equal(await waiting, 2)
    assert.equal(await g({ a: 1 }), 1)
  })

  test('another ignore or cacheKey option is another key', (t) => {
    const { group } = temporaryGroup(t)
    const round = (x: number, digits = 4) => x.toFixed(digits)
    assert.equal(group.memoize(round, { ignore: [1] })(1.23456, 2), '1.23')
    assert.equal(group.memoize(round)(1.23456), '1.2346')
    const name = (o: { id: number; name: unknown }) => `v${o.id}${String(o.name)}`
    assert.equal(group.memoize(name, { cacheKey: (o) => o.id })({ id: 7, name: 'x' }), 'v7x')
    assert.equal(group.memoize(name, { cacheKey: (o) => o.name })({ id: 9, name: 7 }), 'v97')
  })

  test('tagged templates by their raw text', (t) => {
    const { group } = temporaryGroup(t)
    const raw = group.memoize((strings: TemplateStringsArray) => strings.raw.join())
    assert.equal(raw`\x41`, '\\x41')
    assert.equal(raw`A`, 'A')
  })
})

describe('values', () => {
  test('arrays with a hole and a property', () => {
    const odd = (foo: number) => {
      const array: unknown[] = [1, undefined, 3]
      delete array[1]
      return Object.assign(array, { foo })
    }
    assert.notEqual(digest(odd(5)), digest(odd(6)))
  })

  test('a sparse array of fifty million holes', () => {
    const sparse = (at: number) => {
      const array: number[] = []
      array[at] = 1
      return array
    }
    assert.notEqual(digest(sparse(5e7)), digest(sparse(5e7 - 1)))
  })

  test('private fields of subclasses of Array', () => {
    class List extends Array<number> {
      #secret: number
      constructor(secret: number) {
        super()
        this.#secret = secret
      }
      get secret() {
        return this.#secret
      }
    }
    assert.notEqual(digest(new List(1)), digest(new List(2)))
  })

  test('objects of built-in classes with a state that nothing shows are refused', () => {
    for (const value of [
      new Intl.Locale('de'),
      new vm.Script('1'),
      new WeakRef({}),
      new DOMException('a', 'b'),
    ]) {
      assert.throws(() => digest(value), FreezeError, value.constructor.name)
    }
  })

  test('a URL is the same after somebody looked at its parameters', () => {
    const url = new URL('http://a.example/?b=1')
    const before = digest(url)
    url.searchParams.get('b')
    assert.equal(digest(url), before)
  })

  test('nested Maps and Sets whose order does not count take no exponential time', (t) => {
    const { group } = temporaryGroup(t)
    let value: unknown = new Set([1])
    for (let depth = 0; depth < 40; depth++) value = new Set([value, depth])
    const f = group.memoize((_: unknown) => 1, { keyOrder: 'ignore' })
    f(value)
    assert.equal(f.wouldHit(value), true)
  })
})

describe('common code is not refused:', () => {
  test('classes that extend errors, dates and typed arrays', () => {
    class ValidationError extends TypeError {}
    class Day extends Date {}
    class Bytes extends Uint8Array {}
    digest(() => [ValidationError, Day, Bytes])
    assert.notEqual(digest(new ValidationError('a')), digest(new ValidationError('b')))
    assert.notEqual(digest(new Day(0)), digest(new Day(1)))
    assert.notEqual(digest(new Bytes([1])), digest(new Bytes([2])))
  })

  test('private fields that a compiler keeps in WeakMaps', (t) => {
    const { group } = temporaryGroup(t)
    const weights = new WeakMap<object, number>()
    class Model {
      constructor(weight: number) {
        weights.set(this, weight)
      }
      apply(x: number): number {
        return x * weights.get(this)!
      }
    }
    const run = group.memoize((model: Model, x: number) => model.apply(x))
    assert.deepEqual([run(new Model(2), 3), run(new Model(5), 3)], [6, 15])
    assert.equal(run.wouldHit(new Model(2), 3), true)
    const captured = new Model(4)
    const uses = group.memoize((x: number) => captured.apply(x))
    assert.equal(uses(1), 4)
    weights.set(captured, 7)
    assert.equal(uses(1), 7)
  })

  test('native functions of modules, methods of console, emitters', () => {
    const { log } = console
    digest((x: unknown) => types.isDate(x))
    const { isMap } = types
    digest((x: unknown) => isMap(x))
    digest(() => log('x'))
    digest(new EventEmitter())
    class Bus extends EventEmitter {}
    digest(new Bus())
  })

  test('re-exports as tsc writes them for CommonJS, one by one', () => {
    const module: Record<string, unknown> = { used: () => 1, unused: new WeakMap() }
    const barrel: Record<string, unknown> = {}
    const bind = (m: Record<string, unknown>, k: string) =>
      Object.defineProperty(barrel, k, {
        enumerable: true,
        get: new Function('m', 'k', 'return function () { return m[k]; }')(m, k),
      })
    for (const key of Object.keys(module)) bind(module, key)
    const uses = () => (barrel['used'] as () => number)()
    const before = digest(uses)
    module['unused'] = new WeakMap()
    assert.equal(digest(uses), before)
    module['used'] = () => 2
    assert.notEqual(digest(uses), before)
  })

  test('a package that a program requires', () => {
    const require = createRequire(import.meta.url)
    const { parse } = require('acorn') as { parse: Function }
    const uses = (text: string) => parse(text, { ecmaVersion: 2022 })
    assert.equal(digest(uses), digest(uses))
  })
})

test('where the inspector is refused, functions that capture nothing are known by their source, the others run uncached', (t) => {
  const user = project(t, {
    'package.json': '{ "type": "module" }',
    'main.js': `
import { memoize } from 'permafrost'
const by = 2
const plain = memoize((x) => { return [x, x + 1].map((y) => y * 2) })
const captures = memoize((x) => x * by)
plain(1)
captures(1)
console.log(plain.peek(1)?.join(), captures(1))
try { captures.wouldHit(1) } catch (error) { console.log(error.message) }
`,
  })
  const permission =
    Number(process.versions.node.split('.')[0]) >= 24 ? '--permission' : '--experimental-permission'
  const run = user.run('main.js', {
    node: [
      permission,
      '--allow-fs-read=*',
      '--allow-fs-write=*',
      '--allow-addons',
      '--disable-warning=ExperimentalWarning',
      '--disable-warning=SecurityWarning',
    ],
  })
  assert.deepEqual(
    run.printed,
    ['2,4 2', 'cannot freeze the variable "by", which V8 does not show, at anonymous'],
    run.stderr,
  )
  assert.equal(run.stderr.match(/WARN_NO_INSPECTOR/g)?.length, 1)
})

test('a logger of a known package does not count, whatever is added to it', (t) => {
  const user = project(t, {
    'package.json': '{ "type": "module" }',
    'node_modules/winston/package.json': '{ "name": "winston", "version": "3.0.0", "main": "index.js" }',
    'node_modules/winston/index.js': `class Logger { constructor() { this.transports = [] } add(t) { this.transports.push(t) } info() {} }
exports.createLogger = () => new Logger()`,
    'main.js': `
import { digest } from 'permafrost'
import { createLogger } from 'winston'
const logger = createLogger()
const f = (x) => { logger.info(x); return x }
const before = digest(f)
logger.add({ file: 'x' })
console.log(digest(f) === before)
`,
  })
  assert.deepEqual(user.run('main.js').printed, ['true'])
})

test('what extends an abort controller, or looks like a standard stream, counts', () => {
  class Job extends AbortController {
    constructor(readonly name: string) {
      super()
    }
  }
  const same = (one: unknown, other: unknown): boolean => {
    try {
      return digest(one) === digest(other)
    } catch (error) {
      return !(error instanceof FreezeError)
    }
  }
  assert.equal(same(new Job('a'), new Job('b')), false)
  assert.equal(same({ _isStdio: true, v: 1 }, { _isStdio: true, v: 2 }), false)
})

test('hooks that throw anything at all do not break the call', (t) => {
  const { group } = temporaryGroup(t)
  const revoked = Proxy.revocable({}, {})
  revoked.revoke()
  const thrown: readonly unknown[] = [
    Object.create(null),
    revoked.proxy,
    {
      toString: () => {
        throw new Error('no')
      },
    },
  ]
  for (const value of thrown) {
    const fine = group.memoize((_: unknown) => 'fine', { onUncacheable: 'ignore' })
    const hooked = Object.defineProperty({}, frozenState, {
      get() {
        throw value
      },
    })
    assert.equal(fine(hooked), 'fine')
  }
})

test('private fields that a package keeps in WeakMaps, also behind a class of the user', (t) => {
  const user = project(t, {
    'package.json': '{ "type": "module" }',
    'node_modules/base/package.json':
      '{ "name": "base", "version": "1.0.0", "type": "module", "exports": "./index.js" }',
    'node_modules/base/index.js': `const state = new WeakMap()
export class Base { constructor(v) { state.set(this, v) } get v() { return state.get(this) } }`,
    'main.js': `
import { digest } from 'permafrost'
import { Base } from 'base'
class Mine extends Base {}
console.log(digest(new Base(1)) !== digest(new Base(2)), digest(new Mine(1)) !== digest(new Mine(2)))`,
  })
  assert.deepEqual(user.run('main.js').printed, ['true true'])
})

test('what makes relative paths absolute, by whatever name, goes by the current directory', (t) => {
  const home = process.cwd()
  t.after(() => process.chdir(home))
  const elsewhere = () => {
    process.chdir('/')
    return () => process.chdir(home)
  }
  const { posix } = path
  const required = createRequire(import.meta.url)('path') as typeof path
  const resolving: readonly Function[] = [
    (x: string) => resolve(x),
    (x: string) => path.resolve(x),
    (x: string) => paths.resolve(x),
    (x: string) => paths.posix.relative('/a', x),
    (x: string) => posix.resolve(x),
    (x: string) => required.resolve(x),
    (x: string[]) => x.map((one) => pathToFileURL(one)),
    (x: string, how: 'resolve' | 'join') => path[how](x),
    (x: string) => {
      const { resolve } = path
      return resolve(x)
    },
    async (x: string) => (await import('node:path')).resolve(x),
  ]
  for (const fn of resolving) {
    const [here, there] = around(fn, elsewhere)
    assert.notEqual(here, there, `${fn}`)
    assert.equal(digest(fn), here)
  }
  for (const fn of [(x: string) => path.join(x, 'y'), (x: number) => Promise.resolve(x)]) {
    const [here, there] = around(fn, elsewhere)
    assert.equal(here, there)
  }
})
