/**
 * The acceptance cases of keys and messages: keys are the same wherever the program runs, what cannot be identified is
 * refused by its path, misses are explained, and size costs no more than it must.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forms, program } from '../support/forms.js'
import type { RunOptions } from '../support/project.js'

const keys = `
import { memoize } from 'permafrost'
import { scale } from './helper.ts'
const table = { used: new Map([['a', [1, 2n]]]), unused: 1 }
class Shape { static sides = 4; #area = 2; area(x: number): number { return x * this.#area * Shape.sides } }
const pattern = /a+b/gi
const functions = {
  helper: memoize((x: unknown, ...more: unknown[]) => scale(2)),
  captured: memoize((x: unknown, ...more: unknown[]) => [table.used, pattern, Math.max(1, 2)]),
  shape: memoize(async (x: unknown, ...more: unknown[]) => new Shape().area(2)),
  bound: memoize((scale as any).bind(null, 3)),
}
for (const [name, f] of Object.entries(functions) as [string, any][])
  for (const args of [[], [1], [{ a: new Date(5), shape: new Shape() }, [Shape, (x: number) => x + 1]]])
    console.log(name, f.key(...args).digest)
`
const helper = 'export const factor = 2\nexport const scale = (x: number): number => x * factor\n'

/** What another day, another shell and another machine of the same kind may change. */
const places: readonly (readonly [module: string, options: RunOptions])[] = [
  ['keys', {}],
  ['keys', { cwd: 'elsewhere' }],
  ['keys', { cwd: '..' }],
  ['elsewhere/deep/keys', {}],
  ['elsewhere/deep/keys', { cwd: 'elsewhere/deep' }],
  ['keys', { node: ['--max-old-space-size=300', '--expose-gc'] }],
  ['keys', { node: ['--stack-size=500', '--max-lazy'] }],
  ['keys', { node: ['--enable-source-maps', '--random-seed=7', '--hash-seed=7'] }],
  ['keys', { env: { TZ: 'Asia/Tokyo', LANG: 'tr_TR.UTF-8', NODE_ENV: 'production', HOME: '/nowhere' } }],
  ['keys', { args: ['more', '--arguments'], env: { PERMAFROST_DIR: 'other', DEBUG: 'permafrost:*' } }],
]

const refused = `
import { createReadStream } from 'node:fs'
import { Socket } from 'node:net'
import { memoize, MemoizedGroup } from 'permafrost'
const told = (act: () => unknown): string => {
  try { return String(act()) } catch (error) { const { name, message } = error as Error; return name + ': ' + message }
}
const strict = memoize((x: unknown) => 1, { onUncacheable: 'throw' })
const lenient = memoize((x: unknown) => { console.error('computed lenient'); return 2 })
const reading = createReadStream(process.argv[1]!)
const values = {
  reading, socket: new Socket(), promise: Promise.resolve(1), generator: (function* () { yield 1 })(), iterator: [1].values(),
  blob: new Blob(['a']), reference: new WeakRef({}), proxy: new Proxy({}, {}), weak: new WeakMap(),
}
const options = (given: object) => () => memoize(() => 1, given) !== undefined
console.log(JSON.stringify({
  refused: Object.values(values).map((stream) => told(() => strict({ opts: { stream } }))),
  lenient: [lenient({ opts: { stream: reading } }), lenient({ opts: { stream: reading } })],
  options: [
    told(options({ keyorder: 'ignore' })), told(options({ keyOrder: 'sorted' })), told(options({ maxDepth: 3 })).split(';')[0],
    told(() => new MemoizedGroup({ maxsize: 1 } as object)), told(options({ keyOrder: 'ignore' })),
  ],
}))
reading.destroy()
`

const large = `
import { inspect } from 'node:util'
import { setTimeout as wait } from 'node:timers/promises'
import { digest, memoize } from 'permafrost'

const listOf = (length: number) => {
  let list: object | null = null
  for (let i = 0; i < length; i++) list = { i, next: list }
  return list
}
const length = memoize((list: any) => { let n = 0; for (; list !== null; list = list.next) n++; return n })
const deep = [length(listOf(100_000)), length.wouldHit(listOf(100_000)), length.wouldHit(listOf(100_001))]

const dagOf = (leaf: unknown) => { let dag = leaf; for (let i = 0; i < 25; i++) dag = [dag, dag]; return dag }
const kind = memoize((x: unknown) => typeof x)
const fastest = (act: () => unknown) => Math.min(...[1, 2, 3, 4, 5].map(() => {
  const began = performance.now()
  act()
  return performance.now() - began
}))
const dag = [kind(dagOf(1)), kind.wouldHit(dagOf(1)), kind.wouldHit(dagOf(2)), fastest(() => kind(dagOf(1)))]

const buffer = Buffer.alloc(10_000_000, 'x')
let spelled = 0
for (const prototype of [Buffer.prototype, Object.getPrototypeOf(Uint8Array.prototype)]) {
  for (const name of ['toString', 'toJSON', 'toLocaleString', 'join', 'latin1Slice', 'utf8Slice', 'hexSlice', inspect.custom]) {
    const method = Object.getOwnPropertyDescriptor(prototype, name)?.value
    if (method === undefined) continue
    prototype[name] = function (...args: unknown[]) { if (this.length > 1e6) spelled++; return method.apply(this, args) }
  }
}
const size = memoize((bytes: Uint8Array) => bytes.length)
size(buffer)
const quickest = fastest(() => size(buffer))
const without = spelled
buffer.toString('latin1')

const collect = (globalThis as any).gc as () => void
const digests = new Set<string>()
let wrong = 0
let collected = 0
const registry = new FinalizationRegistry(() => { collected++ })
const call = memoize((made: any) => made.value ?? made())
const makeMany = async () => {
  for (let i = 0; i < 10_000; i++) {
    const made = i % 2 === 0 ? ((value: number) => class Short { static value = value })(i) : ((value: number) => () => value)(i)
    registry.register(made, i)
    digests.add(digest(made))
    if (i % 10 < 2 && call(made) !== i) wrong++
    if (i % 500 !== 499) continue
    await wait(1)
    collect()
  }
  await wait(1)
}
makeMany().then(() => {
  const short = [digests.size, wrong, collected > 9000]
  console.log(JSON.stringify({ deep, dag, buffer: [quickest, without, spelled > without], short }))
})
`

const work = `
import { memoize } from 'permafrost'
const table = [0, 1, 2, new Set([3, 4]), { a: 5, b: 6, c: 7 }, 8]
const helper = (x: number) => x + 1
const empty = new Set<number>()
const wait = () => { for (const end = performance.now() + 5; performance.now() < end; ); }
export const slow = memoize((x: number) => { wait(); return [table, helper(x), empty] }, { name: 'slow' })
export const given = memoize((x: unknown) => { wait(); return typeof x }, { name: 'given' })
`

const why = `
import { given, slow } from './work.ts'
const backTo = (root: boolean) => {
  const child: Record<string, unknown> = {}
  const tree = { child }
  child.back = root ? tree : child
  return tree
}
const one = [0, 1, 2, new Set([3, 4]), { a: 5, b: 6, c: 7 }, 8]
const other = [0, 8, 2, new Set([3, 5]), { a: 5, b: 7, d: 8 }]
const said: string[] = [slow.why(10)]
slow(10)
said.push(slow.why(10), slow.why(11))
given.clear(); given(one); said.push(given.why(other))
given.clear(); given(backTo(true)); said.push(given.why(backTo(false)))
given.clear(); given(new Set()); said.push(given.why(new Set()))
for (const line of said) console.log(line.replace(/since .*/, 'since'))
`

for (const form of forms) {
  test(`in ${form.name}`, async (t) => {
    const moved = 'elsewhere/deep'
    const modules = {
      keys,
      helper,
      [`${moved}/keys`]: keys,
      [`${moved}/helper`]: helper,
      refused,
      large,
      why,
      work,
    }
    const user = program(t, form, modules)

    await t.test('AC-37 ten processes in other places, with other flags, have the same keys', () => {
      const [first, ...others] = places.map(([module, options]) => {
        const { printed, status, stderr } = user.run(module, options)
        assert.equal(status, 0, stderr)
        return printed
      })
      assert.equal(new Set(first).size, 12)
      for (const other of others) assert.deepEqual(other, first)
    })

    const { computed, printed, stderr } = user.run('refused')
    const told = JSON.parse(printed[0]!)

    await t.test(
      'AC-44 streams, sockets, promises and the like are refused, and the message says where',
      () => {
        const what = ['stream', 'stream', 'Promise', 'generator in flight', 'iterator in flight', 'Blob']
        assert.deepEqual(
          told.refused,
          [
            ...what.map((one) => (/^i/.test(one) ? `an ${one}` : `a ${one}`)),
            'a WeakRef',
            'a Proxy',
            'a WeakMap',
          ].map((one) => `FreezeError: cannot freeze ${one} at args[0].opts.stream`),
        )
      },
    )

    await t.test('AC-44 unless asked to throw, the call runs uncached and warns once', () => {
      assert.deepEqual(told.lenient, [2, 2])
      assert.deepEqual(computed, ['lenient', 'lenient'])
      const warnings = [...stderr.matchAll(/\[(\w+)\] PermafrostWarning: (.*?);/g)].map(([, code, text]) => [
        code,
        text,
      ])
      const name = `${user.file('refused')}#lenient`
      assert.deepEqual(warnings, [
        ['ERR_UNFREEZABLE', `${name}: cannot freeze a stream at args[0].opts.stream`],
      ])
    })

    await t.test('AC-45 an unknown option is a TypeError that names the right one', () => {
      assert.deepEqual(told.options, [
        'TypeError: memoize: unknown option "keyorder"; did you mean "keyOrder"?',
        'TypeError: memoize: expected the "keyOrder" option to be "respect" or "ignore", found "sorted"',
        'TypeError: memoize: unknown option "maxDepth"',
        'TypeError: new MemoizedGroup: unknown option "maxsize"; did you mean "maxSize"?',
        'true',
      ])
    })

    const sized = user.run('large', { node: ['--expose-gc'], env: { DEBUG: '' } })
    const { buffer, dag, deep, short } = JSON.parse(sized.printed[0] ?? '{}')
    const [spent, spelled, wouldNotice] = buffer

    await t.test('AC-46 a list of 100,000 levels is an argument like others', () => {
      assert.deepEqual(deep, [100_000, true, false])
    })

    await t.test('AC-49 with the log off, nothing makes text of 10 MB, and no one hears of it', () => {
      assert.equal(sized.stderr, '')
      assert.equal(wouldNotice, true)
      assert.equal(spelled, 0)
      assert.ok(spent < 200, `a hit took ${spent} ms`)
    })

    await t.test('AC-77 an array that is 2^25 arrays, shared on 25 levels, takes less than 5 ms', () => {
      const [value, hit, otherLeaf, elapsed] = dag
      assert.deepEqual([value, hit, otherLeaf], ['object', true, false])
      assert.ok(elapsed < 5, `${elapsed} ms`)
    })

    await t.test('AC-79 10,000 classes and functions that are made and collected have 10,000 digests', () => {
      assert.deepEqual(short, [10_000, 0, true])
    })

    await t.test('AC-47 a miss is explained, down to the member that changed', () => {
      const changed = 'args: given was not called with these arguments before'
      const arrays = `${changed}: args[0][1] 1 → 8; args[0][3].keys()[1] 4 → 5; args[0][4].b 6 → 7; and 3 more`
      const first = user.run('why')
      assert.equal(first.status, 0, first.stderr)
      assert.deepEqual(
        [...first.printed.slice(0, 4), first.printed[5]],
        [
          'absent: nothing is kept of slow',
          'hit: kept since',
          'args: slow was not called with these arguments before: args[0] 10 → 11',
          arrays,
          'hit: kept since',
        ],
      )
      user.edit('work', 'c: 7 }, 8]', 'c: 70 }, 8]')
      user.edit('work', 'x + 1', 'x + 2')
      const code = 'code: the code of slow, or what it captures, changed'
      const explained = `${code}: helper in ${user.file('work')} changed; table[4].c 7 → 70`
      const withoutLine = (text = '') => text.replace(/:\d+ changed/, ' changed')
      const asked = user.ask('why', `${user.file('work')}#slow`, '10')
      assert.deepEqual(asked.printed.map(withoutLine), [explained], asked.stderr)
      assert.equal(withoutLine(user.run('why').printed[0]), explained)
    })
  })
}
