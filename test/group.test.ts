import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { MemoizedGroup, type PermafrostError, StoreError } from 'permafrost'
import { project } from './support/project.js'
import { temporaryFolder, temporaryGroup } from './support/temporary.js'

const double = (group: MemoizedGroup) => group.memoize((x: number) => x * 2, { name: 'double', version: 1 })

describe('opening', () => {
  test('makes the directory, with what tells backups and git to leave it alone', (t) => {
    const { group } = temporaryGroup(t)
    double(group)(1)
    const names = readdirSync(group.directory)
    for (const name of ['.gitignore', 'CACHEDIR.TAG', 'permafrost.json'])
      assert.ok(names.includes(name), name)
    assert.match(
      readFileSync(join(group.directory, 'CACHEDIR.TAG'), 'utf8'),
      /^Signature: 8a477f597d28d172789f06886806bc55/,
    )
  })

  test('refuses a directory with files of somebody else, naming one, and touches nothing', (t) => {
    const directory = temporaryFolder(t)
    writeFileSync(join(directory, 'thesis.doc'), 'precious')
    assert.throws(
      () => new MemoizedGroup({ directory }),
      (error: unknown) =>
        error instanceof StoreError &&
        error.code === 'ERR_STORE_FOREIGN' &&
        error.message.includes('thesis.doc'),
    )
    assert.deepEqual(readdirSync(directory), ['thesis.doc'])
  })

  test('refuses a directory of a newer format, saying which', (t) => {
    const { group } = temporaryGroup(t)
    group.close()
    const marker = join(group.directory, 'permafrost.json')
    writeFileSync(marker, JSON.stringify({ format: 99 }))
    assert.throws(
      () => new MemoizedGroup({ directory: group.directory }),
      (error: unknown) =>
        error instanceof StoreError && error.code === 'ERR_STORE_FORMAT' && error.message.includes('99'),
    )
  })

  test('a place where no directory can be is one failure, and the functions run', (t) => {
    const file = join(temporaryFolder(t), 'file')
    writeFileSync(file, '')
    const failures: PermafrostError[] = []
    const group = new MemoizedGroup({
      directory: join(file, 'cache'),
      onError: (error) => void failures.push(error),
    })
    assert.equal(double(group)(4), 8)
    assert.equal(double(group)(4), 8)
    assert.equal(double(group).wouldHit(4), false)
    assert.equal(failures.length, 1)
    assert.ok(failures[0] instanceof StoreError)
    assert.match(group.report(), /double +0 +2/)
    group.close()
  })

  test('the default group is configured late, but not too late', (t) => {
    const user = project(t, {
      'work.mjs': `import { memoize } from 'permafrost'\nexport const double = memoize((x) => 2 * x)`,
      'main.mjs': `import { configure } from 'permafrost'
        import { double } from './work.mjs'
        const messageOf = (act) => { try { act() } catch (error) { return error.constructor.name + ' ' + error.message.split(',')[0] } }
        console.log(messageOf(() => configure({ directry: 'x' })))
        configure({ directory: 'first', ttl: 1 })
        configure({ directory: 'here' })
        console.log(double(2), double.group.directory.endsWith('here'), double.lookup(2).entry.expiresAt)
        console.log(messageOf(() => configure({ directory: 'there' })))`,
    })
    assert.deepEqual(user.run('main.mjs').printed, [
      'TypeError configure: unknown option "directry"; did you mean "directory"?',
      '4 true undefined',
      'Error configure: the default group is open since the first call',
    ])
    assert.deepEqual(existsSync(join(user.directory, 'first')), false)
  })

  test('the default directory lies beside the nearest package.json, or where PERMAFROST_DIR says', (t) => {
    const user = project(t, {
      'package.json': '{ "type": "module" }',
      'deep/er/main.js': `import { memoize } from 'permafrost'\nconst f = memoize((x) => x)\nf(1)\nconsole.log(f.group.directory)`,
    })
    const run = (env: object) => {
      const { PERMAFROST_DIR: _, NODE_TEST_CONTEXT: __, ...inherited } = process.env
      const done = spawnSync(process.execPath, ['main.js'], {
        cwd: join(user.directory, 'deep', 'er'),
        env: { ...inherited, ...env },
        encoding: 'utf8',
      })
      return done.stdout.trim()
    }
    assert.equal(run({}), join(user.directory, '.permafrost'))
    assert.ok(existsSync(join(user.directory, '.permafrost', 'permafrost.json')))
    assert.equal(
      run({ PERMAFROST_DIR: join(user.directory, 'elsewhere') }),
      join(user.directory, 'elsewhere'),
    )
  })

  test('scope system is the cache folder of the user', (t) => {
    const folder = temporaryFolder(t)
    const user = project(t, {
      'package.json': '{ "type": "module" }',
      'main.js': `import { MemoizedGroup } from 'permafrost'\nconsole.log(new MemoizedGroup({ scope: 'system' }).directory)`,
    })
    const { printed } = user.run('main.js', { env: { XDG_CACHE_HOME: folder } })
    if (process.platform === 'linux') assert.deepEqual(printed, [join(folder, 'permafrost')])
    else assert.match(printed[0]!, /permafrost$/)
  })
})

describe('readonly', () => {
  test('hits, stores nothing, and changes no file', (t) => {
    const { group, reopen } = temporaryGroup(t)
    const big = (of: MemoizedGroup) =>
      of.memoize((x: number) => new Uint8Array(200_000).fill(x), { name: 'big', version: 1 })
    double(group)(1)
    big(group)(7)
    group.close()
    const times = () =>
      readdirSync(group.directory, { recursive: true, encoding: 'utf8' })
        .sort()
        .map((name) => `${name} ${statSync(join(group.directory, name)).mtimeMs}`)
    const before = times()
    const reader = reopen({ readonly: true })
    assert.equal(double(reader).wouldHit(1), true)
    assert.equal(double(reader)(1), 2)
    assert.equal(big(reader)(7)[3], 7)
    assert.equal(double(reader)(2), 4)
    assert.equal(double(reader).wouldHit(2), false)
    reader.close()
    assert.deepEqual(times(), before)
  })
})

describe('limits', () => {
  test('maxEntries and maxSize hold; what is dear to compute and small stays', (t) => {
    let now = 1_000_000
    const { group } = temporaryGroup(t, { maxEntries: 3, clock: () => ++now, policy: 'lru' })
    const f = double(group)
    for (const x of [1, 2, 3, 4, 5]) f(x)
    assert.deepEqual(
      [1, 2, 3, 4, 5].map((x) => f.wouldHit(x)),
      [false, false, true, true, true],
    )
    assert.equal(group.stats().entries, 3)
  })

  test('maxSize bounds the bytes; a result larger than all is returned and not kept', (t) => {
    const { group } = temporaryGroup(t, { maxSize: '300KB' })
    const bytes = group.memoize((size: number, fill: number) => Buffer.alloc(size, fill), { name: 'bytes' })
    for (let fill = 0; fill < 10; fill++) bytes(100_000, fill)
    assert.ok(group.stats().size <= 300_000)
    const kept = group.stats().entries
    assert.equal(bytes(1_000_000, 1).length, 1_000_000)
    assert.equal(bytes.wouldHit(1_000_000, 1), false)
    assert.equal(group.stats().entries, kept)
  })

  test('a policy of your own: the lowest score leaves first', (t) => {
    const { group } = temporaryGroup(t, {
      maxEntries: 2,
      policy: { name: 'youngest leave', score: (entry) => -entry.createdAt },
      clock: (() => {
        let now = 0
        return () => ++now
      })(),
    })
    const f = double(group)
    for (const x of [1, 2, 3]) f(x)
    assert.deepEqual(
      [1, 2, 3].map((x) => f.wouldHit(x)),
      [true, false, true],
    )
  })
})

describe('the life of a directory', () => {
  test('temporary is gone at close', (t) => {
    const directory = join(temporaryFolder(t), 'cache')
    const group = new MemoizedGroup({ directory, temporary: true })
    double(group)(1)
    group.close()
    assert.equal(existsSync(directory), false)
  })

  test('is closed by using, and at the end of the program', (t) => {
    const directory = join(temporaryFolder(t), 'cache')
    {
      using group = new MemoizedGroup({ directory })
      double(group)(1)
    }
    using again = new MemoizedGroup({ directory })
    assert.equal(double(again).wouldHit(1), true)
  })

  test('can be moved', (t) => {
    const folder = temporaryFolder(t)
    const first = new MemoizedGroup({ directory: join(folder, 'a') })
    double(first)(1)
    first.close()
    mkdirSync(join(folder, 'b'))
    spawnSync('mv', [join(folder, 'a'), join(folder, 'b', 'moved')])
    using moved = new MemoizedGroup({ directory: join(folder, 'b', 'moved') })
    assert.equal(double(moved).wouldHit(1), true)
  })

  test('an index that is garbage is set aside, and large results are found again', async (t) => {
    const { failures, group, reopen } = temporaryGroup(t)
    const big = (of: MemoizedGroup) =>
      of.memoize((x: number) => Buffer.alloc(200_000, x), { name: 'big', version: 1 })
    big(group)(1)
    double(group)(1)
    group.close()
    writeFileSync(join(group.directory, 'index.sqlite'), 'this is not a database, by far'.repeat(100))
    const again = reopen()
    assert.equal(big(again).wouldHit(1), true)
    assert.equal(double(again)(1), 2)
    assert.deepEqual((await again.verify()).problems, [])
    assert.ok(failures.every((failure) => failure instanceof StoreError))
  })

  test('gc, verify, recover and commit answer', async (t) => {
    const { group } = temporaryGroup(t)
    double(group)(1)
    group.commit()
    assert.deepEqual(await group.gc(), { expired: 0, evicted: 0, orphans: 0, bytesFreed: 0 })
    const { problems, steps } = await group.verify({ repair: true })
    assert.deepEqual(problems, [])
    assert.ok(Object.values(steps).every((took) => took >= 0) && Object.keys(steps).length > 2)
    assert.deepEqual(await group.recover(), { adopted: 0 })
  })

  test('two groups on one directory see each other', (t) => {
    const { group, reopen } = temporaryGroup(t)
    const other = reopen()
    double(group)(1)
    assert.equal(double(other).wouldHit(1), true)
    double(other).forget(1)
    assert.equal(double(group).wouldHit(1), false)
  })
})

test('results of a killed process are there', (t) => {
  const user = project(t, {
    'package.json': '{ "type": "module" }',
    'main.js': `
import { memoize } from 'permafrost'
const f = memoize((x) => { console.error('computed ' + x); return { x } })
for (let x = 0; x < 5; x++) f(x)
if (process.argv[2] === 'die') process.kill(process.pid, 'SIGKILL')
console.log('alive')
`,
  })
  const killed = user.run('main.js', { args: ['die'] })
  assert.deepEqual([killed.computed.length, killed.printed], [5, []])
  const next = user.run('main.js')
  assert.deepEqual([next.computed, next.printed], [[], ['alive']])
})

test('a warning is given once, and names the function and what to do', (t) => {
  const user = project(t, {
    'package.json': '{ "type": "module" }',
    'main.js': `
import { memoize } from 'permafrost'
const f = memoize((map) => map.has({}))
f(new WeakMap())
f(new WeakMap())
`,
  })
  const { status, stderr } = user.run('main.js')
  assert.equal(status, 0)
  assert.equal(stderr.match(/PermafrostWarning/g)?.length, 1)
  assert.match(
    stderr,
    /\[ERR_UNFREEZABLE\] PermafrostWarning: main\.js#f: cannot freeze a WeakMap at args\[0\]; the call runs uncached\. Leave it out with/,
  )
})
