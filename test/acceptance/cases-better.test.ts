/**
 * The acceptance cases that charmonium.cache itself does not pass: calls and edits that it takes for others.
 */
import { again, type Cases, runCases } from '../support/cases.js'

const cases: Cases = {
  ac56: {
    name: 'AC-56 null, undefined and empty containers are different arguments',
    source: `
import { memoize } from 'permafrost'
const kind = memoize((x: unknown) => {
  const name = Object.prototype.toString.call(x).slice(8, -1)
  console.error('computed ac56 ' + name)
  return name
})
export const run = () => [null, [], {}, new Map(), undefined, new Set()].map((value) => kind(value))`,
    steps: [
      {
        value: ['Null', 'Array', 'Object', 'Map', 'Undefined', 'Set'],
        computed: ['Null', 'Array', 'Object', 'Map', 'Undefined', 'Set'],
      },
      again(['Null', 'Array', 'Object', 'Map', 'Undefined', 'Set']),
    ],
  },
  ac59: {
    name: 'AC-59 a variable that a local one, or a parameter, shadows does not count',
    source: `
import { memoize } from 'permafrost'
const g = () => 'outer'
const local = memoize(() => { console.error('computed ac59 local'); const g = () => 'inner'; return g() })
const given = memoize((g: string) => { console.error('computed ac59 given'); return g })
const module = memoize(() => { console.error('computed ac59 module'); return g() })
export const run = () => [local(), given('mine'), module()]`,
    steps: [
      { value: ['inner', 'mine', 'outer'], computed: ['local', 'given', 'module'] },
      again(['inner', 'mine', 'outer']),
      { edits: [['outer', 'another']], value: ['inner', 'mine', 'another'], computed: ['module'] },
    ],
  },
  ac62: {
    name: 'AC-62 edits of a default, a builtin, a member, and of variables in nested code are misses',
    source: `
import { memoize } from 'permafrost'
const inArrow = 1
const inCallback = 2
const inMethod = 3
const inTemplate = 4
const inChain: { deep?: number } | undefined = { deep: 5 }
const thing: Record<string, number> = { foo: 6, bar: 7 }
const byDefault = memoize((x: number, extra = 8) => { console.error('computed ac62 default'); return x + extra })
const builtin = memoize((x: number) => { console.error('computed ac62 builtin'); return Math.max(x, 9) })
const member = memoize(() => { console.error('computed ac62 member'); return thing.foo })
const arrow = memoize(() => { console.error('computed ac62 arrow'); return (() => () => inArrow)()() })
const callback = memoize(() => { console.error('computed ac62 callback'); return [1].map((x) => x + inCallback) })
const method = memoize(() => {
  console.error('computed ac62 method')
  class Local { read() { return inMethod } }
  return new Local().read()
})
const template = memoize(() => { console.error('computed ac62 template'); return \`<\${inTemplate}>\` })
const chain = memoize(() => { console.error('computed ac62 chain'); return inChain?.deep })
const untouched = memoize(() => { console.error('computed ac62 untouched'); return thing.foo })
export const run = () => [
  byDefault(1), builtin(1), member(), arrow(), callback(), method(), template(), chain(), untouched(),
]`,
    steps: [
      {
        value: [9, 9, 6, 1, [3], 3, '<4>', 5, 6],
        computed: [
          'default',
          'builtin',
          'member',
          'arrow',
          'callback',
          'method',
          'template',
          'chain',
          'untouched',
        ],
      },
      again([9, 9, 6, 1, [3], 3, '<4>', 5, 6]),
      {
        edits: [
          ['extra = 8', 'extra = 18'],
          ['Math.max', 'Math.min'],
          ['thing.foo', 'thing.bar'],
          ['inArrow = 1', 'inArrow = 11'],
          ['inCallback = 2', 'inCallback = 12'],
          ['inMethod = 3', 'inMethod = 13'],
          ['inTemplate = 4', 'inTemplate = 14'],
          ['deep: 5', 'deep: 15'],
        ],
        value: [19, 1, 7, 11, [13], 13, '<14>', 15, 6],
        computed: ['default', 'builtin', 'member', 'arrow', 'callback', 'method', 'template', 'chain'],
      },
    ],
  },
  ac63: {
    name: 'AC-63 a handler added to a logger does not count',
    source: `
import { Console } from 'node:console'
import { ignore, memoize } from 'permafrost'
import { createLogger } from 'winston'
const logger = createLogger('known')
const handlers: ((text: string) => void)[] = []
const own = ignore({ handlers, log(text: string) { for (const handler of this.handlers) handler(text) } })
let print = new Console(process.stdout)
const work = memoize((x: number) => {
  console.error('computed ac63 work')
  logger.log('working')
  own.log('working')
  print.group()
  return x + 1
})
export const run = () => {
  const seen: unknown[] = [work(1)]
  const heard: string[] = []
  logger.add((text: string) => heard.push(text))
  handlers.push((text) => heard.push(text))
  print = new Console(process.stderr)
  return [...seen, work(1), heard.length, work(2), heard.length]
}`,
    files: {
      'node_modules/winston/package.json': '{ "name": "winston", "version": "3.0.0" }',
      'node_modules/winston/index.js': `
exports.createLogger = (name) => new Logger(name)
class Logger {
  constructor(name) { this.name = name; this.transports = [] }
  add(transport) { this.transports.push(transport) }
  log(text) { for (const transport of this.transports) transport(text) }
}
`,
    },
    steps: [
      { value: [2, 2, 0, 3, 2], computed: ['work', 'work'] },
      again([2, 2, 0, 3, 0]),
      { edits: [['const handlers', '// handlers\nconst handlers']], ...again([2, 2, 0, 3, 0]) },
    ],
  },
  ac72: {
    name: 'AC-72 what an inner function depends on, the outer one does: state, age, files',
    source: `
import { readFileSync, writeFileSync } from 'node:fs'
import { file, ignore, MemoizedGroup, memoize } from 'permafrost'
const moving = ignore({ state: 1, time: 0 })

const stated = memoize((x: number) => { console.error('computed ac72 stated'); return x * moving.state }, { state: () => moving.state })
const overStated = memoize((x: number) => { console.error('computed ac72 overStated'); return stated(x) })

const group = new MemoizedGroup({ directory: process.env['PERMAFROST_DIR']! + '-aged', clock: () => moving.time })
const aged = group.memoize((x: number) => { console.error('computed ac72 aged'); return x }, { ttl: 100 })
const overAged = group.memoize((x: number) => { console.error('computed ac72 overAged'); return aged(x) })

const input = file('ac72.txt')
const read = memoize(() => { console.error('computed ac72 read'); return readFileSync(input.path, 'utf8') })
const overRead = memoize(() => { console.error('computed ac72 overRead'); return read() })

const readGiven = memoize((given: typeof input) => readFileSync(given.path, 'utf8'))
const hidden = memoize(() => { console.error('computed ac72 hidden'); return readGiven(file(['ac72', 'txt'].join('.'))) })

export const run = () => {
  const seen: unknown[] = []
  for (const state of [1, 2, 1]) { moving.state = state; seen.push(overStated(3)) }
  for (const time of [0, 99, 101]) { moving.time = time; seen.push(overAged(3)) }
  for (const text of ['a', 'b', 'a']) { writeFileSync('ac72.txt', text); seen.push(overRead(), hidden()) }
  return seen
}`,
    warnings: ['ERR_UNCERTAIN'],
    steps: [
      {
        value: [3, 6, 3, 3, 3, 3, 'a', 'a', 'b', 'b', 'a', 'a'],
        computed: [
          ...['overStated', 'stated', 'overStated', 'stated'],
          ...['overAged', 'aged', 'overAged', 'aged'],
          ...['overRead', 'read', 'hidden', 'overRead', 'read', 'hidden', 'hidden'],
        ],
      },
      { value: [3, 6, 3, 3, 3, 3, 'a', 'a', 'b', 'b', 'a', 'a'], computed: ['hidden', 'hidden', 'hidden'] },
    ],
  },
  ac73: {
    name: 'AC-73 two closures of one factory keep results apart',
    source: `
import { memoize } from 'permafrost'
const make = (factor: number) => memoize((x: number) => { console.error('computed ac73 ' + factor); return x * factor })
export const run = () => {
  const one = make(1)
  const two = make(2)
  return [one(5), two(5), one(5), two(5), make(2)(5)]
}`,
    steps: [{ value: [5, 10, 5, 10, 10], computed: ['1', '2'] }, again([5, 10, 5, 10, 10])],
  },
  ac78: {
    name: 'AC-78 static values that swap places are a miss',
    source: `
import { memoize } from 'permafrost'
class Pair {
  static left = 7
  static right = 2
}
const work = memoize((sign: number) => { console.error('computed ac78 work'); return sign * (Pair.left - Pair.right) })
export const run = () => {
  const seen = [work(1)]
  ;[Pair.left, Pair.right] = [Pair.right, Pair.left]
  return [...seen, work(1)]
}`,
    steps: [
      { value: [5, -5], computed: ['work', 'work'] },
      again([5, -5]),
      {
        edits: [
          ['left = 7', 'left = 2'],
          ['right = 2', 'right = 7'],
        ],
        ...again([-5, 5]),
      },
      { edits: [['left = 2', 'left = 3']], value: [-4, 4], computed: ['work', 'work'] },
    ],
  },
}

runCases(cases)
