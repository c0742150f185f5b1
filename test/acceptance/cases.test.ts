/**
 * The acceptance cases that the tests of charmonium.cache make, as far as they are about when a call hits.
 */
import { again, type Cases, runCases } from '../support/cases.js'

const cases: Cases = {
  ac13: {
    name: 'AC-13 a captured local, a variable of the module and an imported binding count as they are now',
    source: `
import { memoize } from 'permafrost'
import { count, raise } from './ac13counter.ts'
let level: number = 1
const make = () => {
  let i = 0
  const square = memoize((x: number) => { console.error('computed ac13 local'); return x ** 2 + i })
  return { square, set: (value: number) => { i = value } }
}
const byModule = memoize((x: number) => { console.error('computed ac13 module'); return x * level })
const byImport = memoize((x: number) => { console.error('computed ac13 import'); return x + count })
export const run = () => {
  const { square, set } = make()
  const seen = [square(2)]
  for (const value of [1, 0]) { set(value); seen.push(square(2)) }
  for (const value of [1, 5]) { level = value; seen.push(byModule(2)) }
  seen.push(byImport(2)); raise(); seen.push(byImport(2))
  return seen
}`,
    beside: {
      ac13counter: 'export let count: number = 10\nexport const raise = () => { count++ }\n',
    },
    steps: [
      {
        value: [4, 5, 4, 2, 10, 12, 13],
        computed: ['local', 'local', 'module', 'module', 'import', 'import'],
      },
      again([4, 5, 4, 2, 10, 12, 13]),
    ],
  },
  ac17: {
    name: 'AC-17 a memoized function that calls another counts its code',
    source: `
import { memoize } from 'permafrost'
const inner = memoize((x: number) => { console.error('computed ac17 inner'); return x + 1 })
const outer = memoize((x: number) => { console.error('computed ac17 outer'); return inner(x) * 10 })
export const run = () => [outer.wouldHit(3), outer(3), outer.wouldHit(3)]`,
    steps: [
      { value: [false, 40, true], computed: ['outer', 'inner'] },
      again([true, 40, true]),
      { edits: [['x + 1', 'x + 2']], value: [false, 50, true], computed: ['outer', 'inner'] },
    ],
  },
  ac24: {
    name: 'AC-24 a method counts the state of its object, whichever object it is',
    source: `
import { memoize } from 'permafrost'
class Model {
  y: number
  constructor(y: number) { this.y = y }
  @memoize
  scaled(x: number): number { console.error('computed ac24 ' + this.y); return x * this.y }
  declare plain: (x: number) => number
}
Model.prototype.plain = memoize(function (this: Model, x: number) {
  console.error('computed ac24 plain ' + this.y)
  return x + this.y
})
export const run = () => {
  const model = new Model(2)
  const seen = [model.scaled(4), model.scaled(4), model.scaled(5)]
  model.y = 3
  seen.push(model.scaled(4), new Model(3).scaled(4), new Model(5).scaled(4))
  seen.push(model.plain(4), new Model(3).plain(4), new Model(5).plain(4))
  return [...seen, Model.prototype.scaled.call(new Model(5), 4), Model.prototype.scaled.call(model, 4)]
}`,
    steps: [
      {
        value: [8, 8, 10, 12, 12, 20, 7, 7, 9, 20, 12],
        computed: ['2', '2', '3', '5', 'plain 3', 'plain 5'],
      },
      again([8, 8, 10, 12, 12, 20, 7, 7, 9, 20, 12]),
    ],
  },
  ac25: {
    name: 'AC-25 a static method counts what it reads of its class',
    source: `
import { memoize } from 'permafrost'
class Table {
  static x: number[] = [1, 2]
  @memoize
  static last(): number | undefined { console.error('computed ac25 last'); return this.x.at(-1) }
}
export const run = () => {
  const seen = [Table.last(), Table.last()]
  Table.x.push(7)
  return [...seen, Table.last(), Table.last()]
}`,
    steps: [{ value: [2, 2, 7, 7], computed: ['last', 'last'] }, again([2, 2, 7, 7])],
  },
  ac26: {
    name: 'AC-26 a static method hits',
    source: `
import { memoize } from 'permafrost'
class Maths {
  @memoize
  static cube(x: number): number { console.error('computed ac26 ' + x); return x ** 3 }
}
export const run = () => [Maths.cube(2), Maths.cube(3), Maths.cube(2)]`,
    steps: [{ value: [8, 27, 8], computed: ['2', '3'] }, again([8, 27, 8])],
  },
  ac29: {
    name: 'AC-29 wrappers inside and outside, whose timers are ignored, do not hinder',
    source: `
import { AsyncLocalStorage } from 'node:async_hooks'
import { ignore, memoize } from 'permafrost'
const timers = ignore(new Map<string, number>())
const context = ignore(new AsyncLocalStorage<string>())
const timed = (name: string, fn: (x: number) => number) => (x: number): number =>
  context.run(name, () => {
    const began = performance.now()
    try { return fn(x) } finally { timers.set(name, performance.now() - began) }
  })
const double = timed('outside', memoize(timed('inside', (x) => { console.error('computed ac29 double'); return x * 2 })))
export const run = () => [double(4), [...timers.keys()], double(4)]`,
    steps: [
      { value: [8, ['inside', 'outside'], 8], computed: ['double'] },
      again([8, ['outside'], 8]),
      { edits: [['x * 2', 'x * 3']], value: [12, ['inside', 'outside'], 12], computed: ['double'] },
    ],
  },
  ac30: {
    name: 'AC-30 the example of the README: prints once, and once more when the variable changes',
    source: `
import { memoize } from 'permafrost'
let i = 0
const square = memoize((x: number) => { console.error('computed ac30 square'); return x ** 2 + i })
export const run = () => {
  const seen = [square(4), square(4)]
  i = 1
  return [...seen, square(4), square(4)]
}`,
    steps: [{ value: [16, 16, 17, 17], computed: ['square', 'square'] }, again([16, 16, 17, 17])],
  },
  ac31: {
    name: 'AC-31 a parent method that changed, and an override that a child gained, are misses',
    source: `
import { memoize } from 'permafrost'
class Parent {
  step(x: number): number { return x + 1 }
}
class Child extends Parent {
  other(): string { return 'unused' }
}
const work = memoize((x: number) => { console.error('computed ac31 work'); return new Child().step(x) })
export const run = () => work(4)`,
    steps: [
      { value: 5, computed: ['work'] },
      again(5),
      { edits: [['x + 1', 'x + 2']], value: 6, computed: ['work'] },
      { edits: [['other()', 'step(x) { return x * 100 }\n  other()']], value: 400, computed: ['work'] },
    ],
  },
  ac32: {
    name: 'AC-32 a member read by a computed name counts',
    source: `
import { memoize } from 'permafrost'
const table: Record<string, number> = { a: 1, b: 2 }
const read = memoize((key: string) => { console.error('computed ac32 ' + key); return table[key] })
export const run = () => {
  const seen = [read('a'), read('b'), read('b')]
  table['b'] = 3
  return [...seen, read('b'), read('b')]
}`,
    steps: [{ value: [1, 2, 2, 3, 3], computed: ['a', 'b', 'b'] }, again([1, 2, 2, 3, 3])],
  },
  ac33: {
    name: 'AC-33 a global behind a computed name is not tracked, as documented; by its own name it is',
    source: `
import { memoize } from 'permafrost'
const globals = globalThis as unknown as Record<string, unknown>
const name = ['ac33', 'hidden'].join('')
const hidden = memoize(() => { console.error('computed ac33 hidden'); return (globalThis as any)[name] })
const named = memoize(() => { console.error('computed ac33 named'); return (globalThis as any)['ac33named'] })
export const run = () => {
  const seen: unknown[] = []
  for (const value of [1, 2]) {
    globals['ac33hidden'] = value
    globals['ac33named'] = value
    seen.push(hidden(), named())
  }
  return seen
}`,
    warnings: ['WARN_UNSOUND'],
    steps: [{ value: [1, 1, 1, 2], computed: ['hidden', 'named', 'named'] }, again([1, 1, 1, 2])],
  },
  ac34: {
    name: 'AC-34 a captured random number generator counts with its state',
    source: `
import { memoize } from 'permafrost'
class Random {
  #state = 7
  seed(value: number): void { this.#state = value }
  next(): number { this.#state = (this.#state * 48271) % 2147483647; return this.#state }
}
const random = new Random()
const roll = memoize((sides: number) => { console.error('computed ac34 roll'); return random.next() % sides })
export const run = () => {
  const seen = [roll(1000)]
  random.seed(7)
  seen.push(roll(1000))
  random.seed(7)
  random.next()
  return [...seen, roll(1000)]
}`,
    steps: [{ value: [897, 897, 558], computed: ['roll', 'roll'] }, again([897, 897, 558])],
  },
  ac36: {
    name: 'AC-36 comments, white space, parentheses and the spelling of numbers do not count',
    source: `
import { memoize } from 'permafrost'
const factor = 3
const helper = (x: number) => x ** 2
const work = memoize((x: number) => {
  console.error('computed ac36 work')
  return helper(x) * factor
})
export const run = () => work(4)`,
    steps: [
      { value: 48, computed: ['work'] },
      again(48),
      {
        edits: [
          ['return helper', '/* why */ return   helper'],
          ['x ** 2', '(x\n    **   2) // squared'],
          ['factor = 3', 'factor = 0x3'],
          ['const helper', '\n\n// a helper\nconst helper'],
        ],
        ...again(48),
      },
      { edits: [['factor = 0x3', 'factor = 0x4']], value: 64, computed: ['work'] },
    ],
  },
  ac48: {
    name: 'AC-48 of a captured object only the members that are read count',
    source: `
import { memoize } from 'permafrost'
const cfg = { a: { b: 2, more: 0 }, c: 10 }
const work = memoize((x: number) => { console.error('computed ac48 work'); return x * cfg.a.b })
export const run = () => {
  const first = work(4)
  cfg.c++
  cfg.a.more++
  return [first, work(4)]
}`,
    steps: [
      { value: [8, 8], computed: ['work'] },
      again([8, 8]),
      { edits: [['c: 10', 'c: 11']], ...again([8, 8]) },
      { edits: [['b: 2', 'b: 5']], value: [20, 20], computed: ['work'] },
    ],
  },
}

runCases(cases)
