import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { type Codec, registerClass } from 'permafrost'
import { temporaryFolder, temporaryGroup } from '../support/temporary.js'
import { filled, json, on } from './command-line.js'

const keysOf = (run: ReturnType<typeof on>, ...args: string[]): string[] =>
  json(run('ls', '--json', ...args)).entries.map(({ key }: { key: { digest: string } }) => key.digest)

test('show tells all that is known of a result, and shows it', (t) => {
  const run = on(filled(t).directory)
  const [key] = keysOf(run, '-s', 'hits', '-n', '1') as [string]
  const { status, stdout } = run('show', key.slice(0, 12))
  assert.equal(status, 0)
  const lines = stdout.split('\n')
  assert.equal(lines[0], 'src/maths.js#square(1)')
  for (const line of [
    `call     ${key}`,
    'size     1 B',
    'created  2026-01-01T01:00:00.000Z',
    'used     2026-01-01T06:00:00.000Z',
    'expires  never',
    'tags     maths',
    'codec    cbor1',
    'result   a value',
  ])
    assert.ok(lines.includes(line), `${line} is not in ${stdout}`)
  assert.match(stdout, /^hits +1, which saved \d/m)
  assert.match(stdout, /\n\n1\n$/)
  assert.match(
    run('show', keysOf(run, '*half')[0]!).stdout,
    /^expires .*2026-01-01T05:00:00.000Z, which is over$/m,
  )
})

test('a long result is cut, unless all of it is asked for', (t) => {
  const run = on(filled(t).directory)
  const [key] = keysOf(run, '*list') as [string]
  const few = run('show', key).stdout
  assert.ok(few.includes("'row 19'") && few.includes('9980 more items') && !few.includes("'row 20'"))
  assert.ok(run('show', '--full', key).stdout.includes("'row 9999'"))
})

test('a key is any digits that are those of one call', (t) => {
  const { directory, reopen } = filled(t)
  const group = reopen()
  const f = group.memoize((x: number) => x, { name: 'f', version: 1 })
  for (let x = 0; x < 40; x++) f(x)
  group.close()
  const run = on(directory)
  const keys = keysOf(run, '-n', 'all')
  const shared = keys.find((key) => keys.filter((one) => one[0] === key[0]).length > 1)!
  const several = run('show', shared[0]!)
  assert.equal(several.status, 2)
  assert.match(
    several.stderr,
    /^permafrost: several calls begin with .: [0-9a-f]{7}… \(.*\), .*; give more digits\n$/,
  )
  assert.equal(json(run('show', shared.toUpperCase(), '--json')).entry.key.digest, shared)
  const none = run('show', '0'.repeat(32))
  assert.deepEqual(
    [none.status, none.stderr.split(';')[0]],
    [1, `permafrost: nothing is kept of a call ${'0'.repeat(32)}`],
  )
  assert.match(
    run('show', 'cafe!').stderr,
    /^permafrost: "cafe!" is not the beginning of a call's digest; .*\n$/,
  )
})

test('whatever a result is, show says it, and runs no code for it', (t) => {
  const { group } = temporaryGroup(t)
  const folder = temporaryFolder(t)
  const { memoize } = group
  class Money {
    constructor(readonly amount: number) {}
  }
  registerClass(Money, {
    name: 'Money',
    encode: ({ amount }) => amount,
    decode: (amount) => new Money(amount),
  })
  const mine: Codec = { name: 'mine', encode: () => Buffer.from('x'), decode: () => 1 }
  const path = join(folder, 'input.txt')
  writeFileSync(path, 'text')
  memoize(() => new Money(3), { name: 'money', version: 1 })()
  memoize(() => 1, { name: 'codec', version: 1, codec: mine })()
  memoize(() => 'z'.repeat(50_000), { name: 'zipped', version: 1, compress: 'gzip' })()
  memoize(() => new Float64Array(20_000).fill(7), { name: 'leafy', version: 1 })()
  memoize(() => ({ a: new Map([[1, { b: 2 }]]) }), { name: 'v8', version: 1, codec: 'v8' })()
  assert.throws(
    memoize(
      () => {
        throw new RangeError('too far')
      },
      { name: 'error', version: 1, cacheErrors: true },
    ),
  )
  memoize(
    () => {
      process.stdout.write('')
      console.error('printed')
      return 1
    },
    { name: 'talks', version: 1, captureOutput: true },
  )()
  group.close()

  const run = on(group.directory)
  const shown = (name: string): ReturnType<typeof run> => run('show', keysOf(run, name)[0] ?? 'missing')
  const money = shown('money')
  assert.match(money.stdout, /^result +cannot be shown: .*Money/m)
  assert.equal(money.status, 1)
  assert.match(
    shown('codec').stdout,
    /^result +cannot be shown: it is kept by the codec mine, which is not one of permafrost's$/m,
  )
  assert.match(shown('zipped').stdout, /^codec +cbor1\+gzip\n[\s\S]*'z{300}'\.\.\. 49700 more characters\n$/m)
  assert.match(shown('leafy').stdout, /\nFloat64Array\(20000\) \[\n +7, 7,/)
  assert.match(shown('v8').stdout, /\n\{ a: Map\(1\) \{ 1 => \{ b: 2 \} \} \}\n$/)
  assert.match(shown('error').stdout, /^result +an error, thrown again at each hit\n\nRangeError: too far\n/m)
  assert.match(shown('talks').stdout, /^printed +\d+ pieces of output\n/m)
})

test('a stream is shown by its first values', async (t) => {
  const { group } = temporaryGroup(t)
  const numbers = group.memoize(
    function* (count: number) {
      for (let n = 0; n < count; n++) yield { n }
    },
    { name: 'numbers', version: 1 },
  )
  for (const _ of numbers(30));
  const lines = group.memoize(async () => Readable.from(['one', 'two']), { name: 'lines', version: 1 })
  for await (const _ of await lines());
  process.env['READ_BY_A_STREAM'] = 'yes'
  const talk = function* () {
    console.log('printed')
    yield process.env['READ_BY_A_STREAM']
  }
  for (const _ of group.memoize(talk, { name: 'talks', inputs: 'auto', captureOutput: true, version: 1 })());
  group.close()
  const run = on(group.directory)
  const shown = (name: string): string => run('show', keysOf(run, name)[0]!).stdout
  assert.match(
    shown('talks'),
    /^reads +process\.env\.READ_BY_A_STREAM\nprinted +1 pieces of output\nresult +a stream/m,
  )
  assert.match(
    shown('numbers'),
    /^result +a stream; its first values\n\n\[\n +\{ n: 0 \}, [\s\S]* \{ n: 19 \}\n\]\n$/m,
  )
  assert.match(shown('lines'), /\n\[ 'one', 'two' \]\n$/)
})

test('what a result was seen to read is told', (t) => {
  const { group } = temporaryGroup(t)
  process.env['SHOWN_IN_TEST'] = 'yes'
  group.memoize(() => process.env['SHOWN_IN_TEST'], { name: 'reads', inputs: 'auto', version: 1 })()
  group.close()
  const run = on(group.directory)
  const { stdout } = run('show', keysOf(run, 'reads')[0]!)
  assert.match(stdout, /^reads +process\.env\.SHOWN_IN_TEST$/m)
  assert.match(stdout, /\n'yes'\n$/)
})

test('why says of a key whether it hits, and why it is gone', (t) => {
  const { directory, reopen } = filled(t)
  const run = on(directory)
  const key = (...args: string[]): string => keysOf(run, ...args)[0]!
  const [kept, over, forgotten] = [key('*list'), key('*half'), key('-t', 'maths', '-s', 'hits')]
  assert.deepEqual(run('why', kept.slice(0, 10)), {
    stdout: `hit: kept since 2026-01-01T05:00:00.000Z, computed in ${/\d+ ms/.exec(run('why', kept).stdout)![0]}\n`,
    stderr: '',
    status: 0,
  })
  assert.deepEqual(run('why', over), {
    stdout: 'expired: it expired at 2026-01-01T05:00:00.000Z\n',
    stderr: '',
    status: 1,
  })
  assert.equal(run('forget', forgotten).stdout, '1 result forgotten\n')
  assert.deepEqual(run('why', forgotten.slice(0, 14)), {
    stdout: 'forgotten: it was kept, and somebody forgot it\n',
    stderr: '',
    status: 1,
  })
  run('evict', '--entries', '1')
  assert.match(run('why', kept).stdout, /^evicted: it was kept, and left to make room for others\n$/)
  run('gc')
  assert.match(
    run('why', over).stdout,
    /^(?:expired: it was kept, and left when its time was over|evicted: .*)\n$/,
  )
  assert.deepEqual(json(run('why', forgotten, '--json')), {
    key: forgotten,
    why: 'forgotten: it was kept, and somebody forgot it',
  })
  assert.match(
    run('why', 'abcdef').stdout,
    /^absent: nothing is kept of a call abcdef, and none such left lately\n$/,
  )
  assert.equal(run('why', kept, '1').status, 2)
  reopen().close()
})
