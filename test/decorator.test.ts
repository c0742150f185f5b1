import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MemoizedGroup, memoize } from 'permafrost'
import { temporaryGroup } from './support/temporary.js'

const counter = { computed: 0 }
;(globalThis as unknown as Record<string, unknown>)['decoratorCounter'] = counter
/** Reaches the counter by a name that only the call decides, which the key does not see. */
const count = () => {
  ;(globalThis as unknown as Record<string, { computed: number }>)[`${'decorator'}Counter`]!.computed++
}
const computedBy = (act: () => void): number => {
  const before = counter.computed
  act()
  return counter.computed - before
}

describe('@group.memoize', () => {
  test('identifies a method by the state of its object', (t) => {
    const { group } = temporaryGroup(t)
    class Model {
      #bias = 0
      weight = 1
      @group.memoize
      predict(x: number): number {
        count()
        return x * this.weight + this.#bias
      }
      set bias(value: number) {
        this.#bias = value
      }
    }
    const model = new Model()
    assert.equal(
      computedBy(() => assert.deepEqual([model.predict(2), model.predict(2), model.predict(3)], [2, 2, 3])),
      2,
    )
    assert.equal(
      computedBy(() => assert.equal(new Model().predict(2), 2)),
      0,
    )
    model.weight = 5
    assert.equal(
      computedBy(() => assert.equal(model.predict(2), 10)),
      1,
    )
    model.bias = 1
    assert.equal(
      computedBy(() => assert.equal(model.predict(2), 11)),
      1,
    )
    assert.equal(Model.prototype.predict.call(model, 2), 11)
  })

  test('sees inherited methods, static members and overrides', (t) => {
    const { group } = temporaryGroup(t)
    const family = (factor: number, override?: number) => {
      class Base {
        factor(): number {
          return factor
        }
        @group.memoize
        scaled(x: number): number {
          count()
          return x * this.factor()
        }
      }
      class Child extends Base {}
      if (override !== undefined) Child.prototype.factor = () => override
      return new Child()
    }
    assert.equal(
      computedBy(() => assert.equal(family(2).scaled(3), 6)),
      1,
    )
    assert.equal(
      computedBy(() => assert.equal(family(2).scaled(3), 6)),
      0,
    )
    assert.equal(
      computedBy(() => assert.equal(family(4).scaled(3), 12)),
      1,
    )
    assert.equal(
      computedBy(() => assert.equal(family(2, 10).scaled(3), 30)),
      1,
    )
  })

  test('works on static methods, getters and async methods', async (t) => {
    const { group } = temporaryGroup(t)
    class Table {
      static rows = [1, 2]
      limit = 3
      @group.memoize
      static last(): number | undefined {
        count()
        return Table.rows.at(-1)
      }
      @group.memoize
      get squared(): number {
        count()
        return this.limit ** 2
      }
      @group.memoize
      async load(x: number): Promise<number> {
        count()
        return x + this.limit
      }
    }
    assert.equal(
      computedBy(() => assert.deepEqual([Table.last(), Table.last()], [2, 2])),
      1,
    )
    Table.rows.push(3)
    assert.equal(
      computedBy(() => assert.equal(Table.last(), 3)),
      1,
    )
    const table = new Table()
    assert.equal(
      computedBy(() => assert.deepEqual([table.squared, table.squared], [9, 9])),
      1,
    )
    assert.deepEqual(await Promise.all([table.load(1), table.load(1)]), [4, 4])
    assert.equal(await table.load(1), 4)
  })

  test('takes options', (t) => {
    let now = 0
    const { group } = temporaryGroup(t, { clock: () => now })
    class Clock {
      @group.memoize({ ttl: 100, name: 'Clock.read' })
      read(): number {
        count()
        return 1
      }
    }
    const clock = new Clock()
    assert.equal(
      computedBy(() => void [clock.read(), clock.read()]),
      1,
    )
    now = 101
    assert.equal(
      computedBy(() => void clock.read()),
      1,
    )
    assert.equal([...group.entries({ name: 'Clock.read' })].length, 1)
  })

  test('calls of super count the parent', (t) => {
    const { group } = temporaryGroup(t)
    const make = (value: number) => {
      class Parent {
        base(): number {
          return value
        }
      }
      class Child extends Parent {
        @group.memoize
        total(x: number): number {
          count()
          return super.base() + x
        }
      }
      return new Child()
    }
    assert.equal(
      computedBy(() => assert.deepEqual([make(1).total(1), make(1).total(1), make(2).total(1)], [2, 2, 3])),
      2,
    )
  })

  test('refuses private methods and fields, by name', () => {
    const decorate = memoize as unknown as (value: unknown, context: object) => unknown
    const context = (kind: string, more: object) => ({
      kind,
      name: 'secret',
      private: false,
      addInitializer: () => {},
      ...more,
    })
    assert.throws(() => decorate(() => 1, context('method', { private: true })), /private method "secret"/)
    assert.throws(() => decorate(() => 1, context('setter', {})), /not a setter \("secret"\)/)
    assert.throws(() => decorate(() => 1, context('class', {})), TypeError)
  })
})

test('a group can be given as an option, too', (t) => {
  const { group } = temporaryGroup(t)
  const f = memoize((x: number) => x, { group, name: 'f' })
  f(1)
  assert.equal(f.group, group)
  assert.equal(group.stats().entries, 1)
  assert.ok(group instanceof MemoizedGroup)
})
