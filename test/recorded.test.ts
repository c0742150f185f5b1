import assert from 'node:assert/strict'
import fs, {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { file, files, type MemoizeOptions, UncertainError } from 'permafrost'
import { opened, sealed } from '#src/recorded.js'
import { folderWith, temporaryGroup } from './support/temporary.js'

const { readFileSync: held } = createRequire(import.meta.url)('node:fs') as typeof fs
const promised = promisify(fs.readFile)
const AUTO: MemoizeOptions = { inputs: 'auto' }

test('files that were read are looked at before each later answer, in another opening, too', (t) => {
  const { at } = folderWith(t, { list: 'a,b', a: '1', b: '2', c: '3' })
  const { failures, group, reopen } = temporaryGroup(t)
  const sum = (path: string) =>
    readFileSync(path, 'utf8')
      .split(',')
      .reduce((total, name) => total + Number(readFileSync(join(path, '..', name), 'utf8')), 0)
  const f = group.memoize(sum, AUTO)
  assert.equal(f(at('list')), 3)
  assert.equal(f.wouldHit(at('list')), true)
  writeFileSync(at('c'), '30')
  assert.equal(f.wouldHit(at('list')), true)
  writeFileSync(at('b'), '20')
  const missed = f.lookup(at('list'))
  assert.ok(!missed.hit && missed.reason === 'inputs')
  assert.equal(missed.explanation, `what it read changed: ${at('b')}`)
  assert.equal(f(at('list')), 21)
  writeFileSync(at('list'), 'a,b,c')
  assert.equal(f(at('list')), 51)
  group.close()
  const again = reopen().memoize(sum, AUTO)
  assert.equal(again.wouldHit(at('list')), true)
  assert.equal(again.peek(at('list')), 51)
  rmSync(at('c'))
  assert.equal(again.wouldHit(at('list')), false)
  assert.deepEqual(failures, [])
})

test('each way of reading, and each change of what is read', async (t) => {
  const { at, folder } = folderWith(t, { a: 'a', b: 'b' })
  mkdirSync(at('sub'))
  const { failures, group } = temporaryGroup(t)
  process.env['PERMAFROST_TEST'] = 'one'
  t.after(() => {
    delete process.env['PERMAFROST_TEST']
  })
  const cases: readonly (readonly [string, () => unknown, () => void])[] = [
    ['content', () => readFileSync(at('a'), 'utf8'), () => writeFileSync(at('a'), 'aa')],
    ['asynchronously', async () => readFile(at('a'), 'utf8'), () => writeFileSync(at('a'), 'aaa')],
    ['a missing file', () => existsSync(at('none')), () => writeFileSync(at('none'), '')],
    ['a file that goes', () => existsSync(at('none')), () => rmSync(at('none'))],
    ['a folder', () => readdirSync(folder).length, () => writeFileSync(at('new'), '')],
    [
      'a folder, deeply',
      () => readdirSync(folder, { recursive: true }).length,
      () => writeFileSync(at('sub/new'), ''),
    ],
    ['times', () => statSync(at('b')).mtimeMs, () => utimesSync(at('b'), 5, 5)],
    ['a link', () => realpathSync(at('link')), () => symlinkSync('b', at('link'))],
    [
      'a descriptor of its own',
      () => {
        const one = openSync(at('b'), 'r')
        try {
          return readFileSync(one, 'utf8')
        } finally {
          closeSync(one)
        }
      },
      () => writeFileSync(at('b'), 'bb'),
    ],
    [
      'a variable',
      () => process.env[['PERMAFROST', 'TEST'].join('_')],
      () => {
        process.env['PERMAFROST_TEST'] = 'two'
      },
    ],
    [
      'all variables',
      () => Object.keys(process.env).length,
      () => {
        delete process.env['PERMAFROST_TEST']
      },
    ],
  ]
  for (const [name, fn, change] of cases) {
    const value = () => {
      try {
        return fn()
      } catch (error) {
        return String((error as Error).message)
      }
    }
    const f = group.memoize(fn.constructor === (async () => {}).constructor ? async () => value() : value, {
      ...AUTO,
      name,
    })
    await f()
    assert.equal(f.wouldHit(), true, name)
    change()
    assert.equal(f.wouldHit(), false, name)
    assert.deepEqual(await f(), await value(), name)
  }
  assert.deepEqual(failures, [])
})

test('what cannot be recorded is not kept', async (t) => {
  const { at } = folderWith(t, { a: 'a' })
  const { failures, group } = temporaryGroup(t)
  const refused = async (fn: (...args: any[]) => unknown, why: RegExp, ...args: unknown[]) => {
    failures.length = 0
    const f = group.memoize(fn, AUTO)
    await f(...args)
    assert.ok(failures[0] instanceof UncertainError, String(fn))
    assert.match(failures[0].message, why)
    assert.equal(f.wouldHit(...args), false)
  }
  await refused(() => held(at('a'), 'utf8'), /fs\.readFileSync at .*, by a name of its own/)
  await refused(async () => (await promised(at('a'))).length, /fs\.readFile at .*, by a name of its own/)
  await refused(() => void fs.watch(at('a')).close(), /fs\.watch.* cannot be recorded/)
  await refused(() => readFileSync('/dev/null', 'utf8'), /what it read \(\/dev\/null\) changed while it ran/)
  await refused(() => {
    const text = readFileSync(at('a'), 'utf8')
    writeFileSync(at('a'), `${text}!`)
    return text
  }, /changed while it ran/)
  await refused(async () => {
    const text = await readFile(at('a'), 'utf8')
    await sleep(1)
    writeFileSync(at('a'), `${text}!`)
    return text
  }, /changed while it ran/)
  await refused(() => files(at('*')).paths.length, /it lists files\(.*, which is not among its arguments/)
  const descriptor = openSync(at('a'), 'r')
  t.after(() => closeSync(descriptor))
  await refused(
    (one: number) => readSync(one, Buffer.alloc(1), 0, 1, 0),
    /a descriptor.* cannot be recorded/,
    descriptor,
  )
})

test('a function around one that records depends on what that one read, computed or not', (t) => {
  const { at } = folderWith(t, { a: 'a' })
  const { failures, group } = temporaryGroup(t)
  const inner = group.memoize(() => readFileSync(at('a'), 'utf8'), { ...AUTO, name: 'inner' })
  const auto = group.memoize((x: number) => inner() + x, { ...AUTO, name: 'auto' })
  const later = group.memoize((x: number) => inner() + x + 1, { ...AUTO, name: 'later' })
  const plain = group.memoize((x: number) => inner() + x, { name: 'plain', version: 1 })
  const honest = group.memoize((x: number, one: ReturnType<typeof file>) => `${one}`.length + inner() + x, {
    name: 'honest',
  })
  const around = group.memoize((x: number) => auto(x), { ...AUTO, name: 'around' })
  auto(1)
  later(1)
  around(1)
  assert.deepEqual(
    [inner.wouldHit(), auto.wouldHit(1), later.wouldHit(1), around.wouldHit(1)],
    [true, true, true, true],
  )
  plain(1)
  assert.equal(plain.wouldHit(1), false)
  assert.ok(failures.some((error) => error.message.includes(at('a'))))
  honest(1, file(at('a')))
  assert.equal(honest.wouldHit(1, file(at('a'))), true)
  writeFileSync(at('a'), 'b')
  assert.deepEqual(
    [inner.wouldHit(), auto.wouldHit(1), later.wouldHit(1), around.wouldHit(1)],
    [false, false, false, false],
  )
  assert.deepEqual([around(1), auto(1), later(1)], ['b1', 'b1', 'b11'])
})

test('files that an inner function was given are read by the outer one, computed or not, by whatever path', (t) => {
  const { at, folder } = folderWith(t, { a: 'a' })
  const here = process.cwd()
  t.after(() => process.chdir(here))
  process.chdir(folder)
  const { failures, group } = temporaryGroup(t)
  const inner = group.memoize((one: ReturnType<typeof file>) => readFileSync(one.path, 'utf8'), {
    name: 'inner',
  })
  const first = group.memoize((x: number) => inner(file('a')) + x, { ...AUTO, name: 'first' })
  const second = group.memoize((x: number) => `${inner(file('a'))}${x}!`, { ...AUTO, name: 'second' })
  const honest = group.memoize((one: ReturnType<typeof file>) => `${one}`.length + first(1), {
    name: 'honest',
  })
  assert.deepEqual([first(1), second(1), honest(file('a'))], ['a1', 'a1!', '1a1'])
  const hits = () => [first.wouldHit(1), second.wouldHit(1), honest.wouldHit(file('a'))]
  assert.deepEqual(hits(), [true, true, true])
  writeFileSync(at('a'), 'b')
  assert.deepEqual(hits(), [false, false, false])
  assert.deepEqual([first(1), second(1), honest(file('a'))], ['b1', 'b1!', '1b1'])
  assert.deepEqual(failures, [])
})

test('packages, declared files and what the key has are not recorded; equal calls that overlap run once', async (t) => {
  const { at } = folderWith(t, { a: 'a' })
  const { failures, group } = temporaryGroup(t)
  let runs = 0
  const f = group.memoize(
    async (one: ReturnType<typeof file>) => {
      runs++
      existsSync(at('node_modules/x/package.json'))
      return [await readFile(one.path, 'utf8'), process.env['HOME'], existsSync(at('b'))].join()
    },
    { ...AUTO, name: 'f', state: () => 1, version: 1, observe: 'refuse' },
  )
  const [first, second] = await Promise.all([f(file(at('a'))), f(file(at('a')))])
  assert.deepEqual([first, runs], [second, 1])
  assert.equal(f.wouldHit(file(at('a'))), true)
  writeFileSync(at('b'), '')
  assert.equal(f.wouldHit(file(at('a'))), false)
  unlinkSync(at('b'))
  assert.equal(f.wouldHit(file(at('a'))), true)
  chmodSync(at('a'), 0o600)
  assert.equal(f.wouldHit(file(at('a'))), true)
  assert.deepEqual(failures, [])
})

test('what was read lies in front of the bytes', () => {
  const recorded = [{ kind: 'content', name: '/ä', version: 'x' }] as const
  for (const length of [0, 1, 8, 100]) {
    const bytes = Buffer.alloc(length, 7)
    const whole = sealed(recorded, bytes)
    assert.equal(whole.length % 8, length % 8)
    const found = opened(whole)
    assert.deepEqual(found?.recorded, recorded)
    assert.deepEqual(Buffer.from(found!.bytes), bytes)
  }
  for (const wrong of [
    Buffer.alloc(0),
    Buffer.alloc(3),
    Buffer.alloc(8, 255),
    Buffer.from([4, 0, 0, 0, 1, 2, 3, 4]),
  ])
    assert.equal(opened(wrong), undefined)
})

/** Does it with another current directory. */
function inFolder<T>(folder: string, act: () => T): T {
  const before = process.cwd()
  process.chdir(folder)
  try {
    return act()
  } finally {
    process.chdir(before)
  }
}

test('a relative path is another file in another current directory', (t) => {
  const one = folderWith(t, { x: 'one' }).folder
  const two = folderWith(t, { x: 'two' }).folder
  const { failures, group } = temporaryGroup(t)
  const read = group.memoize(() => readFileSync('x', 'utf8'), AUTO)
  const around = group.memoize(() => `around ${read()}`, AUTO)
  const declared = group.memoize((input: { path: string }) => readFileSync(input.path, 'utf8'))
  const aroundDeclared = group.memoize(() => `around ${declared(file('x'))}`, AUTO)
  const all = () => [read(), around(), aroundDeclared()]
  for (const folder of [one, two, one]) {
    const text = readFileSync(join(folder, 'x'), 'utf8')
    // the second time from inner results, the third time from its own
    for (const forget of [() => {}, () => around.clear() + aroundDeclared.clear(), () => {}]) {
      forget()
      assert.deepEqual(inFolder(folder, all), [text, `around ${text}`, `around ${text}`])
    }
  }
  assert.equal(failures.length, 0)
  const moving = group.memoize((folder: string) => inFolder(folder, () => readFileSync('x', 'utf8')), AUTO)
  assert.equal(moving(two), 'two')
  writeFileSync(join(two, 'x'), '2')
  assert.equal(moving(two), '2')
  assert.match(failures[0]!.message, /it read x in another current directory than it began in/)
})

test('of an input file that is declared, its times are recorded where they are looked at', (t) => {
  const { at } = folderWith(t, { x: '1' })
  const { group } = temporaryGroup(t)
  const age = group.memoize(({ path }: { path: string }) => statSync(path).mtimeMs, AUTO)
  const inner = group.memoize(() => statSync(at('x')).mtimeMs, AUTO)
  const around = group.memoize((_: unknown) => inner(), { onUncacheable: 'ignore' })
  for (const seconds of [1000, 2000]) {
    utimesSync(at('x'), seconds, seconds)
    assert.equal(age(file(at('x'))), seconds * 1000)
    assert.equal(age.wouldHit(file(at('x'))), true)
    assert.equal(around(file(at('x'))), seconds * 1000)
  }
})

test('a call around one that hits for a declared file that is not there is kept until it is', (t) => {
  const { at } = folderWith(t, {})
  const { failures, group } = temporaryGroup(t)
  const inner = group.memoize(({ path }: { path: string }) => existsSync(path))
  const outer = group.memoize(() => inner(file(at('x'))), AUTO)
  assert.equal(inner(file(at('x'))), false)
  assert.equal(outer(), false)
  assert.equal(outer.wouldHit(), true)
  writeFileSync(at('x'), '')
  assert.equal(outer(), true)
  assert.deepEqual(failures, [])
})
