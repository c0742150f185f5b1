import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import * as cryptoSpace from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import fs, { createReadStream, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import net from 'node:net'
import { join } from 'node:path'
import process, { hrtime } from 'node:process'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import {
  digest,
  file,
  files,
  type GroupOptions,
  type InputFiles,
  inputVersion,
  UncertainError,
} from 'permafrost'
import { project } from './support/project.js'
import { temporaryFolder, temporaryGroup } from './support/temporary.js'

/** Runs a function once and says what it was refused for. */
function refuser(t: TestContext, options: GroupOptions = {}) {
  const { failures, group } = temporaryGroup(t, { observe: 'refuse', ...options })
  return {
    group,
    failures,
    async refused(fn: (...args: any[]) => unknown, ...args: unknown[]): Promise<string> {
      failures.length = 0
      await group.memoize(fn)(...args)
      const [failure] = failures
      if (failure === undefined) return ''
      assert.ok(failure instanceof UncertainError, failure.message)
      return /it used (.*), which its key does not cover$/.exec(failure.message)?.[1] ?? failure.message
    },
  }
}

test('the clock, randomness, the environment, files, the network: what and where', async (t) => {
  const { refused } = refuser(t)
  const path = join(temporaryFolder(t), 'a')
  writeFileSync(path, 'a')
  const read = `(${JSON.stringify(path)})`
  const cases: readonly (readonly [string, () => unknown])[] = [
    ['Date.now', () => Date.now()],
    ['Date.now', () => [1, 2].map(Date.now)],
    ['new Date()', () => typeof new Date()],
    ['Date()', () => Date()],
    ['Math.random', () => Math.random()],
    ['performance.now', () => performance.now()],
    ['process.hrtime', () => hrtime()],
    ['process.hrtime.bigint', () => process.hrtime.bigint()],
    ['crypto.randomUUID', () => crypto.randomUUID()],
    ['crypto.randomUUID', () => cryptoSpace.randomUUID()],
    ['crypto.randomBytes', () => cryptoSpace.randomBytes(1).length],
    ['process.env', () => Object.keys(process.env).length],
    [`fs.readFileSync${read}`, () => readFileSync(path, 'utf8')],
    [`fs.readFileSync${read}`, () => fs.readFileSync(Buffer.from(path), 'utf8')],
    [`fs.existsSync${read}`, () => existsSync(path)],
    [`fs.promises.readFile${read}`, async () => readFile(path, 'utf8')],
    [`fs.readFile${read}`, async () => promisify(fs.readFile)(path, 'utf8')],
    [`fs.createReadStream${read}`, async () => (await createReadStream(path).toArray()).length],
    ['child_process.execFileSync', () => execFileSync(process.execPath, ['-p', '1'], { env: {} }).length],
    ['fetch', async () => fetch('data:,a').then((answer) => answer.ok)],
    ['net.connect', async () => new Promise((done) => net.connect(1).on('error', () => done(1)))],
  ]
  for (const [what, fn] of cases) {
    const told = await refused(fn)
    assert.match(told, /observe\.test\.[jt]s:\d+$/, what)
    assert.equal(told.replace(/ at (?:build\/)?test\/observe\.test\.[jt]s:\d+$/, ''), what)
  }
})

test('what the key covers, or does not read, is not noticed', async (t) => {
  const { refused } = refuser(t)
  const folder = temporaryFolder(t)
  const [a, out] = [join(folder, 'a'), join(folder, 'out')]
  writeFileSync(a, 'a')
  const reading = (set: InputFiles) => set.paths.map((path) => readFileSync(path, 'utf8'))
  assert.equal(await refused(() => [new Date(5).getTime(), Math.max(1), process.env['HOME']]), '')
  assert.equal(await refused((one: ReturnType<typeof file>) => readFileSync(one.path, 'utf8'), file(a)), '')
  assert.equal(await refused(reading, files(folder)), '')
  assert.equal(await refused((set: InputFiles) => readdirSync(String(set)), files(folder)), '')
  assert.match(await refused(() => readdirSync(folder), files('*', { cwd: folder })), /readdirSync/)
  assert.match(await refused(() => readdirSync(folder), files(folder, { ignore: '**/x' })), /readdirSync/)
  assert.equal(await refused(() => writeFileSync(out, 'x')), '')
  assert.equal(await refused(() => existsSync(join(folder, 'node_modules', 'x', 'package.json'))), '')
  assert.equal(await refused(() => process.env['HOME']), '')
  assert.match(await refused((name: string) => process.env[name], 'HOME'), /^process\.env\.HOME at/)
})

test('a set of files that is not among the arguments, and versions that the function asks for', async (t) => {
  const { refused } = refuser(t)
  const folder = temporaryFolder(t)
  const set = files('*', { cwd: folder })
  assert.match(
    await refused((x: number) => files('*', { cwd: folder }).paths.length + x, 1),
    /^files\("\* in /,
  )
  assert.equal(await refused((one: InputFiles) => one.paths.length, set), '')
  assert.match(await refused(() => file(folder + 1)[inputVersion]()), /^fs\.statSync/)
})

test('what the user says is fine; what a program put in its place', async (t) => {
  const { group } = refuser(t)
  const now = group.memoize(() => Date.now() > 0, { allow: ['Date.now'] })
  const any = group.memoize(() => [Math.random(), existsSync('x')], { assumePure: true })
  const off = group.memoize(() => Math.random(), { observe: false })
  assert.deepEqual([now(), any().length, typeof off()], [true, 2, 'number'])
  assert.deepEqual([now.wouldHit(), any.wouldHit(), off.wouldHit()], [true, true, true])
  const { random } = Math
  t.after(() => {
    Math.random = random
  })
  Math.random = () => 4
  const fixed = group.memoize(() => Math.random() + 1)
  assert.equal(fixed(), 5)
  assert.equal(fixed.wouldHit(), true)
})

test('a use counts for all calls around it, and for none beside it', async (t) => {
  const { group } = refuser(t)
  const inner = group.memoize((x: number) => x * Math.random(), { name: 'inner', observe: false })
  const outer = group.memoize((x: number) => inner(x) + 1, { name: 'outer' })
  const outermost = group.memoize((x: number) => outer(x) + 1, { name: 'outermost' })
  outermost(1)
  assert.deepEqual([inner.wouldHit(1), outer.wouldHit(1), outermost.wouldHit(1)], [true, false, false])
  const pure = group.memoize((x: number) => sleep(30, x), { name: 'pure' })
  const roll = async (x: number) => x * (await sleep(10, Math.random))()
  const impure = group.memoize(roll, { name: 'impure' })
  await Promise.all([pure(1), impure(1), pure(2)])
  assert.deepEqual([pure.wouldHit(1), pure.wouldHit(2), impure.wouldHit(1)], [true, true, false])
})

test('warn says it once for a function, and keeps the result', async (t) => {
  const user = project(t, {
    'package.json': '{ "type": "module" }',
    'work.js': `import { memoize } from 'permafrost'
const roll = memoize((n) => {
  return Math.random() * n
}, { name: 'roll', observe: 'warn' })
roll(1), roll(2)
console.log(roll.wouldHit(1), roll.wouldHit(2))`,
  })
  const run = user.run('work.js')
  assert.deepEqual(run.printed, ['true true'])
  assert.equal(run.stderr.match(/WARN_IMPURE/g)?.length, 1)
  assert.match(run.stderr, /roll: it used Math\.random at work\.js:3, which its key does not cover/)
})

describe('stand-ins', () => {
  /** What is seen while they are in place. */
  const meanwhile = <T>(t: TestContext, look: () => T): T => {
    const { group } = temporaryGroup(t, { observe: 'refuse', onError: () => {} })
    let seen: { readonly value: T } | undefined
    group.memoize(() => {
      seen = { value: look() }
    })()
    return seen!.value
  }
  const promised = promisify(fs.exists)

  test('are the same to every digest as what they stand for', (t) => {
    const { random } = Math
    const captured = meanwhile(t, () => ({
      random: Math.random,
      read: fs.readFileSync,
      date: Date,
      promised: promisify(fs.stat),
    }))
    const before = { random, read: fs.readFileSync, date: Date, promised: promisify(fs.stat) }
    const fns = (held: typeof before): readonly unknown[] => [
      held.random,
      held.read,
      held.date,
      held.promised,
      held,
      () => held.random(),
      () => held.read('x'),
      () => new held.date(),
      () => Date.now(),
      () => new Date(),
      () => Date,
      () => globalThis.Date.now(),
      () => Math.random(),
      () => Math,
      () => fs.readFileSync('x'),
      () => readFileSync('x'),
      () => fs,
      () => readFile('x'),
      () => fs.promises.stat('x'),
      () => process.env['HOME'],
      () => process.env,
      () => process.hrtime.bigint(),
      () => hrtime(),
      () => crypto.randomUUID(),
      () => cryptoSpace.randomBytes(2),
      () => performance.now(),
      () => fetch('x'),
      () => net.connect(1),
      promised,
      new Date(5),
      [Date, fs.statSync],
      { clock: Date.now },
    ]
    const first = fns(before).map((one) => digest(one))
    assert.deepEqual(
      meanwhile(t, () => fns(before).map((one) => digest(one))),
      first,
    )
    assert.deepEqual(
      meanwhile(t, () => fns(captured).map((one) => digest(one))),
      first,
    )
    assert.deepEqual(
      fns(captured).map((one) => digest(one)),
      first,
    )
  })

  test('are so to a program that asks while they are in place for the first time', (t) => {
    const user = project(t, {
      'package.json': '{ "type": "module" }',
      'work.js': `import fs, { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { digest, MemoizedGroup } from 'permafrost'
const group = new MemoizedGroup({ temporary: true, directory: 'seen', observe: 'refuse', onError() {} })
const look = () => [() => Date.now(), () => new Date(), () => readFileSync('x'), () => fs.statSync('x'),
  () => process.env.HOME, promisify(fs.readFile), promisify(fs.exists), fs.readFileSync, fs.promises.readFile]
  .map((fn) => { try { return digest(fn) } catch (error) { return error.message } })
if (process.argv[2] === 'during') group.memoize(() => { console.log(look().join(' ')) })()
else console.log(look().join(' '))`,
    })
    const [during, apart] = ['during', 'apart'].map((when) => user.run('work.js', { args: [when] }))
    assert.deepEqual(during!.printed, apart!.printed)
  })

  test('are what a function uses, as their originals are', (t) => {
    const Clock = Date
    const { now } = Date
    const read = fs.readFileSync
    const fns = (): Function[] => [
      () => new Clock(),
      () => Clock.now(),
      () => now(),
      () => read('x'),
      () => new Date(),
    ]
    const told: { readonly uses: readonly { readonly what: string; readonly held?: boolean }[] }[] = []
    const note = (event: unknown) => void told.push(event as (typeof told)[number])
    subscribe('permafrost:impure', note)
    t.after(() => unsubscribe('permafrost:impure', note))
    const { group } = temporaryGroup(t)
    const whats = () => {
      told.length = 0
      for (const fn of fns()) group.memoize(fn as () => unknown).key()
      return told.map(({ uses }) => uses.map(({ held, what }) => [what, held]))
    }
    assert.deepEqual(meanwhile(t, whats), whats())
    assert.equal(whats().flat().length, 5)
  })

  test('look and behave like what they stand for, and are gone afterwards', (t) => {
    const path = join(temporaryFolder(t), 'a')
    writeFileSync(path, 'a')
    const look = () => {
      const date = new Date(5)
      class Later extends Date {}
      const { env } = process
      env['PERMAFROST_TEST'] = 'x'
      const seen = [env['PERMAFROST_TEST'], 'PERMAFROST_TEST' in env, { ...env }['PERMAFROST_TEST']]
      delete env['PERMAFROST_TEST']
      const thrown = (act: () => unknown) => {
        try {
          return act()
        } catch (error) {
          return `${error}`
        }
      }
      return [
        [
          date instanceof Date,
          date.constructor === Date,
          Date.name,
          Date.length,
          Date.UTC(2020),
          new Date(5).getTime(),
        ],
        [
          new Later(7).getTime(),
          new Later() instanceof Later,
          typeof Date(),
          Object.keys(Date),
          Date.prototype === Object.getPrototypeOf(date),
        ],
        [
          readFileSync.name,
          readFileSync.length,
          Object.getPrototypeOf(readFile) === Object.getPrototypeOf(async () => {}),
        ],
        [
          thrown(() => readFileSync('no such file')),
          thrown(() => readFileSync(undefined as never)),
          thrown(() => crypto.randomUUID.call(undefined as never)),
        ],
        [
          typeof fs.realpathSync.native,
          fs.exists.length,
          Reflect.ownKeys(fs.exists).length,
          promisify(fs.exists).name,
        ],
        [seen, env['PERMAFROST_TEST'], typeof process.hrtime.bigint(), process.hrtime([0, 0]).length],
        [
          'prototype' in readFileSync,
          fs.readFileSync === readFileSync,
          Object.keys(fs).length,
          Object.keys(process).includes('env'),
        ],
      ]
    }
    const own = [Date, Date.now, fs.readFileSync, process.env, Math.random, globalThis.fetch, process.hrtime]
    const descriptors = Object.getOwnPropertyDescriptors(fs)
    assert.deepEqual(meanwhile(t, look), look())
    const others = meanwhile(t, () => [
      Date,
      Date.now,
      fs.readFileSync,
      process.env,
      Math.random,
      globalThis.fetch,
    ])
    for (const [index, other] of others.entries()) assert.notEqual(other, own[index])
    const now = [Date, Date.now, fs.readFileSync, process.env, Math.random, globalThis.fetch, process.hrtime]
    for (const [index, one] of now.entries()) assert.equal(one, own[index])
    assert.equal(Date.prototype.constructor, Date)
    assert.equal(readFileSync, fs.readFileSync)
    assert.deepEqual(Object.getOwnPropertyDescriptors(fs), descriptors)
  })

  test('leave alone what a program puts in their place meanwhile', (t) => {
    const { random } = Math
    const { group } = refuser(t)
    t.after(() => {
      Math.random = random
    })
    const mine = () => 4
    group.memoize(() => {
      Math.random = mine
    })()
    assert.equal(Math.random, mine)
    Math.random = random
    const { prepareStackTrace, stackTraceLimit } = Error
    meanwhile(t, () => Date.now())
    assert.deepEqual([Error.prepareStackTrace, Error.stackTraceLimit], [prepareStackTrace, stackTraceLimit])
  })

  test('are taken away when the function throws or rejects', async (t) => {
    const { group } = refuser(t)
    const { now } = Date
    const fails = group.memoize(() => assert.fail('no'))
    const rejects = group.memoize(async () => assert.fail(await sleep(1, 'no')))
    assert.throws(() => fails(), /no/)
    await assert.rejects(rejects(), /no/)
    assert.equal(Date.now, now)
  })
})
