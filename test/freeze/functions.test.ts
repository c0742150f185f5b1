import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import vm from 'node:vm'
import { codeVersion, digest, FreezeError, ignore, MemoizedGroup } from 'permafrost'

const make = (captured: unknown) => () => captured
let counter = 0
let reassigned = 1
const table = { used: 1, unused: 1 }
const readsTable = () => table.used
const readsCounter = () => counter
const readsReassigned = (x: number) => x + reassigned

describe('what a function captures counts:', () => {
  test('closures of one factory with different values differ, with equal values do not', () => {
    assert.notEqual(digest(make(1)), digest(make(2)))
    assert.notEqual(digest(make(1)), digest(make('1')))
    assert.equal(digest(make([1])), digest(make([1])))
  })

  test('a captured variable that is reassigned', () => {
    const before = digest(readsReassigned)
    reassigned = 2
    const after = digest(readsReassigned)
    reassigned = 1
    assert.notEqual(before, after)
    assert.equal(digest(readsReassigned), before)
  })

  test('a captured variable that counts up', () => {
    const seen = new Set([digest(readsCounter)])
    counter++
    seen.add(digest(readsCounter))
    counter++
    seen.add(digest(readsCounter))
    assert.equal(seen.size, 3)
  })

  test('a captured object that is mutated, but only where it is read', () => {
    const before = digest(readsTable)
    table.unused++
    assert.equal(digest(readsTable), before)
    table.used++
    assert.notEqual(digest(readsTable), before)
  })

  test('a captured array that grows', () => {
    const list = [1]
    const includes = (x: number) => list.includes(x)
    const before = digest(includes)
    list.push(2)
    assert.notEqual(digest(includes), before)
  })

  test('a method that looks at the whole object', () => {
    const model = {
      weight: 1,
      scale(x: number) {
        return x * this.weight
      },
    }
    const uses = (x: number) => model.scale(x)
    const before = digest(uses)
    model.weight = 2
    assert.notEqual(digest(uses), before)
  })

  test('a static field, a replaced method, an added property', () => {
    class Service {
      static level = 1
      run() {
        return 1
      }
    }
    const uses = () => new Service().run() + Service.level
    const seen = new Set([digest(uses)])
    Service.level = 2
    seen.add(digest(uses))
    Service.prototype.run = () => 2
    seen.add(digest(uses))
    ;(Service as unknown as Record<string, unknown>)['extra'] = 1
    seen.add(digest(uses))
    assert.equal(seen.size, 4)
  })

  test('static fields that are private, or named as those of every function', () => {
    class Service {
      static #level = 1
      static override = 1
      static raise() {
        Service.#level++
      }
      run() {
        return Service.#level
      }
    }
    const uses = () => new Service().run()
    const before = digest(uses)
    Service.raise()
    assert.notEqual(digest(uses), before)
    const named = (value: string) =>
      class {
        static name = value
      }
    assert.notEqual(digest(named('a')), digest(named('b')))
  })

  test('a parent class, at any distance', () => {
    const family = (value: number) => {
      class A {
        m() {
          return value
        }
      }
      class B extends A {}
      return class C extends B {}
    }
    assert.notEqual(digest(family(1)), digest(family(2)))
    assert.equal(digest(family(1)), digest(family(1)))
    assert.notEqual(digest(new (family(1))()), digest(new (family(2))()))
  })

  test('a property of a function', () => {
    const helper: { (): number; factor?: number } = () => helper.factor ?? 1
    const uses = () => helper()
    const before = digest(uses)
    helper.factor = 2
    assert.notEqual(digest(uses), before)
  })

  test('old-style constructors with methods on the prototype', () => {
    const Old = function (this: { x: number }) {
      this.x = 1
    } as unknown as { new (): { x: number }; prototype: Record<string, unknown> }
    const before = digest(Old)
    Old.prototype['m'] = () => 1
    assert.notEqual(digest(Old), before)
  })

  test('recursion and mutual recursion', () => {
    const pair = (step: number) => {
      const even = (n: number): boolean => n === 0 || odd(n - step)
      const odd = (n: number): boolean => n !== 0 && even(n - step)
      return even
    }
    assert.equal(digest(pair(1)), digest(pair(1)))
    assert.notEqual(digest(pair(1)), digest(pair(2)))
  })

  test('a named function expression that calls itself', () => {
    const make = (by: number) =>
      function down(n: number): number {
        return n <= 0 ? 0 : down(n - by)
      }
    assert.equal(digest(make(1)), digest(make(1)))
    assert.notEqual(digest(make(1)), digest(make(2)))
  })

  test('bound functions: target and arguments', () => {
    const add = (a: number, b: number) => a + b
    assert.notEqual(digest(add.bind(null, 1)), digest(add.bind(null, 2)))
    assert.notEqual(digest(add.bind(null, 1)), digest(((a: number, b: number) => a - b).bind(null, 1)))
  })

  test('what a function of Node was given', () => {
    const one = promisify((done: (error: null, value: number) => void) => done(null, 1))
    const two = promisify((done: (error: null, value: number) => void) => done(null, 2))
    assert.notEqual(digest(one), digest(two))
  })

  test('a global that was replaced', () => {
    const uses = () => fetch('x')
    const before = digest(uses)
    const original = globalThis.fetch
    globalThis.fetch = (async () => new Response('mock')) as typeof fetch
    try {
      assert.notEqual(digest(uses), before)
    } finally {
      globalThis.fetch = original
    }
    assert.equal(digest(uses), before)
  })

  test('a global that a program defines', () => {
    const globals = globalThis as unknown as Record<string, unknown>
    const uses = new Function('return () => userDefined + 1')() as () => number
    const seen = new Set([digest(uses)])
    globals['userDefined'] = 1
    seen.add(digest(uses))
    globals['userDefined'] = 2
    seen.add(digest(uses))
    delete globals['userDefined']
    assert.equal(seen.size, 3)
  })

  test('a variable of the environment read by name', () => {
    const uses = () => process.env['PERMAFROST_TEST_VARIABLE']
    const before = digest(uses)
    process.env['PERMAFROST_TEST_VARIABLE'] = 'set'
    assert.notEqual(digest(uses), before)
    delete process.env['PERMAFROST_TEST_VARIABLE']
  })

  test('a shadowed name is not the outer variable', () => {
    const helper = (x: number) => x
    const shadows = (helper: number) => helper + 1
    void helper
    const same = (helper: number) => helper + 1
    assert.equal(digest(shadows), digest(same))
  })

  test('a memoized function: its own function, version and state', () => {
    using group = new MemoizedGroup({
      temporary: true,
      directory: `${import.meta.dirname}/../../projects/inner-${process.pid}`,
    })
    const inner = (by: number, options: object) =>
      group.memoize((x: number) => x * by, { name: 'inner', ...options })
    const outer = (memoized: (x: number) => number) => (x: number) => memoized(x)
    let state = 1
    const seen = [
      digest(outer(inner(1, {}))),
      digest(outer(inner(2, {}))),
      digest(outer(inner(1, { version: '1' }))),
      digest(outer(inner(1, { version: '2' }))),
      digest(outer(inner(1, { state: () => state }))),
    ]
    state = 2
    seen.push(digest(outer(inner(1, { state: () => state }))))
    assert.equal(new Set(seen).size, seen.length)
    assert.equal(digest(outer(inner(1, {}))), seen[0])
  })
})

describe('what does not count:', () => {
  test('an ignored object and a versioned function', () => {
    const logger = ignore({ lines: [] as string[] })
    const uses = () => logger.lines.length
    const before = digest(uses)
    logger.lines.push('a')
    assert.equal(digest(uses), before)
    const versioned = (body: () => number) => {
      const helper = codeVersion('1', body)
      return () => helper()
    }
    assert.equal(digest(versioned(() => 1)), digest(versioned(() => 2)))
    assert.notEqual(digest(codeVersion('1', () => 1)), digest(codeVersion('2', () => 1)))
  })

  test('consoles and standard streams', () => {
    const out = process.stdout
    const uses = () => {
      console.log(1)
      out.write('')
    }
    const before = digest(uses)
    process.stdout.listenerCount('x')
    assert.equal(digest(uses), before)
  })
})

describe('what cannot be seen is refused:', () => {
  test('the this of an arrow function', () => {
    class Counter {
      step = 1
      next = (x: number) => x + this.step
    }
    assert.throws(() => digest(new Counter().next), FreezeError)
  })

  test('a function inside a named function expression that uses that name', () => {
    const inner = (function secret(): () => unknown {
      return () => secret
    })()
    assert.throws(() => digest(inner), /"secret"/)
  })

  test('import() of what only the call names', () => {
    assert.throws(() => digest((name: string) => import(name)), FreezeError)
  })

  test('a captured promise', () => {
    const pending = Promise.resolve(1)
    assert.throws(
      () => digest(async () => (await pending) + 1),
      (error: unknown) => error instanceof FreezeError && error.path.includes('pending'),
    )
  })
})

test('eval counts all variables in reach', () => {
  // made at run time, so that this whole module is not in reach
  const make = new Function('hidden', 'unused', 'return function run(text) { return eval(text) }') as (
    ...captured: unknown[]
  ) => Function
  assert.notEqual(digest(make(1)), digest(make(2)))
  assert.notEqual(digest(make(1, 1)), digest(make(1, 2)))
  assert.equal(digest(make(1)), digest(make(1)))
})

test('functions of vm contexts and of new Function', () => {
  const context = vm.createContext({})
  const one = vm.runInContext('let by = 1; (x) => x + by', context) as () => number
  const two = vm.runInContext('let by2 = 1; (x) => x - by2', context) as () => number
  assert.notEqual(digest(one), digest(two))
  const before = digest(one)
  vm.runInContext('by = 2', context)
  assert.notEqual(digest(one), before)
  const global = vm.createContext({ helper: 1 })
  const reads = vm.runInContext('() => helper', global) as () => number
  const withOne = digest(reads)
  global['helper'] = 2
  assert.notEqual(digest(reads), withOne)
  assert.equal(digest(new Function('a', 'return a + 1')), digest(new Function('a', 'return a+1')))
  assert.notEqual(digest(new Function('a', 'return a + 1')), digest(new Function('a', 'return a + 2')))
})

test('generators, async functions, methods, accessors and classes differ by kind', () => {
  const kinds = [
    () => 1,
    async () => 1,
    function () {
      return 1
    },
    function* () {
      return 1
    },
    async function* () {
      return 1
    },
    {
      m() {
        return 1
      },
    }.m,
    Object.getOwnPropertyDescriptor(
      {
        get m() {
          return 1
        },
      },
      'm',
    )!.get,
    class {},
  ]
  assert.equal(new Set(kinds.map((one) => digest(one))).size, kinds.length)
})
