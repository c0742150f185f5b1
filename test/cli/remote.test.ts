/** Blob stores from the command line: what is there, what leaves, what travels, and how each of it ends. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openBlobStore } from 'permafrost/blob'
import { s3Store } from '../blob/s3-server.js'
import { parcel, put } from '../shared/parcels.js'
import { temporaryFolder, temporaryGroup } from '../support/temporary.js'
import { BIN, environment, inTerminal, json, permafrost, quoted, SCRIPT } from './command-line.js'

interface Listed {
  readonly memo: string
  readonly words: string
  readonly function: string
}

/** A store in a directory, with what a group has sent there. */
async function shared(t: TestContext) {
  const folder = temporaryFolder(t)
  const uri = `file://${folder}`
  const { group } = temporaryGroup(t, { blobStore: uri })
  const square = group.memoize(async (x: number) => ({ squared: x * x }), {
    name: 'src/maths.js#square',
    pipelineId: 'maths/basic',
  })
  const rows = group.memoize(async (n: number) => new Float64Array(20_000).fill(n), {
    name: 'src/rows.js#rows',
    pipelineId: 'rows',
  })
  const fails = group.memoize(
    async () => {
      throw new TypeError('no such thing')
    },
    { name: 'src/fails.js#fails', pipelineId: 'rows', cacheErrors: true },
  )
  for (const x of [1, 2, 3]) await square(x)
  await rows(7)
  await fails().catch(() => undefined)
  assert.equal((await group.push()).sent, 5)
  const run = (...args: readonly string[]) => permafrost(...args, '--store', uri)
  const entries = (...args: readonly string[]): Listed[] =>
    json(run('remote', 'ls', '--json', ...args)).entries
  return { folder, uri, run, entries }
}

test('ls lists results, some or all, by pipeline and function, and with what their headers say', async (t) => {
  const { entries, run, uri } = await shared(t)
  const { status, stdout } = run('remote', 'ls')
  assert.equal(status, 0)
  assert.match(stdout, /^function +pipeline +call +code +size +age\n/)
  assert.equal(stdout.split('\n').length, 7)
  assert.match(run('remote', 'ls', '-n', '2').stdout, /^(?:.*\n){3}… and more; -n all shows all\n$/)
  assert.equal(entries('--pipeline', 'maths').length, 3)
  assert.equal(entries('--function', '*rows').length, 1)
  assert.equal(entries('-n', '4').length, 4)
  const [one] = json(run('remote', 'ls', '--json', '--long', '--pipeline', 'maths/basic')).entries
  assert.deepEqual(
    [one.function, one.pipeline, one.header.codec],
    ['src/maths.js#square', 'maths/basic', 'cbor1'],
  )
  assert.equal(one.memo.startsWith(`${uri}/permafrost-1/`), true)
  assert.match(one.words, /^[a-z]+-[a-z]+-[a-z]+$/)
  assert.match(run('remote', 'ls', '--long').stdout, /took +computed by\n(.*\n)*.*ms +\S+@\S+ \d+\n/)
  assert.equal(run('remote', 'ls', '--pipeline', 'nobody').stdout, 'nothing is kept there, or nothing fits\n')
})

test('stats sums up by pipeline and function', async (t) => {
  const { run } = await shared(t)
  const sum = json(run('remote', 'stats', '--json'))
  assert.deepEqual([sum.results, sum.objects, sum.objectBytes], [5, 1, 160_000])
  assert.deepEqual(
    sum.functions.map((one: { pipeline: string; function: string; results: number }) => [
      one.pipeline,
      one.function,
      one.results,
    ]),
    [
      ['maths/basic', 'src/maths.js#square', 3],
      ['rows', 'src/fails.js#fails', 1],
      ['rows', 'src/rows.js#rows', 1],
    ],
  )
  assert.match(run('remote', 'stats').stdout, /\n5 results in [\d.]+ kB; 1 object in 160 kB; \d leases?\n$/)
})

test('show tells of a result by its URI, its key or its words, and shows its value', async (t) => {
  const { entries, run } = await shared(t)
  const [square] = entries('--function', '*square')
  const byUri = permafrost('show', square!.memo)
  assert.equal(byUri.status, 0)
  assert.match(
    byUri.stdout,
    /^src\/maths\.js#square\(…\)\nmemo +file:.*\nwords +\S+\npipeline +maths\/basic\n/,
  )
  assert.match(byUri.stdout, /\nseal +whole, and not signed\n[\s\S]*\n\{ squared: [149] \}\n$/)
  const key = square!.memo.slice(square!.memo.indexOf('permafrost-1/'))
  for (const name of [`${square!.memo}/result`, key, square!.words])
    assert.equal(run('show', name).stdout, byUri.stdout)
  const { entry, result } = json(run('show', square!.words, '--json'))
  assert.deepEqual([entry.memo, result.kind], [square!.memo, 'value'])
  assert.equal(entry.header.about.pid, process.pid)
  assert.match(
    run('show', entries('--function', '*rows')[0]!.memo).stdout,
    /\nleaves +1 object of 160 kB\n[\s\S]*Float64Array\(20000\) \[\n +7, 7/,
  )
  assert.match(
    run('show', entries('--function', '*fails')[0]!.memo).stdout,
    /\nresult +an error[\s\S]*TypeError: no such thing/,
  )
  const missing = run(
    'show',
    square!.memo.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')),
  )
  assert.deepEqual([missing.status, missing.stdout], [1, ''])
  assert.match(missing.stderr, /^permafrost: nothing is kept at .*\n$/)
  assert.equal(run('show', 'abandon-abandon-abandon').status, 1)
  assert.equal(run('show', 'permafrost-1/nobody').status, 2)
})

test('verify finds what is damaged, ends with 1, and repairs it', async (t) => {
  const { folder, run } = await shared(t)
  assert.match(run('remote', 'verify').stdout, /^5 results and 1 object read\nnothing wrong\n$/)
  const objects = join(folder, 'permafrost-objects')
  const [path] = readdirSync(objects, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.length > 60,
  )
  appendFileSync(join(objects, path!), 'x')
  const found = run('remote', 'verify')
  assert.equal(found.status, 1)
  assert.match(
    found.stdout,
    /\nproblem: permafrost-1\/rows\/.*other bytes than were written\n1 problem; permafrost remote verify --repair/,
  )
  assert.equal(json(run('remote', 'verify', '--repair', '--json')).problems[0].repaired, true)
  assert.deepEqual(json(run('remote', 'verify', '--json')), { results: 4, objects: 0, problems: [] })
})

test('gc removes what is old, or only counts it', async (t) => {
  const { entries, run } = await shared(t)
  assert.match(
    run('remote', 'gc', '--older-than', '1d').stdout,
    /^0 results, 0 objects, 0 leases and 0 attempts removed; 0 B freed\n$/,
  )
  const args = ['remote', 'gc', '--older-than', '1ms', '--pipeline', 'maths'] as const
  assert.match(run(...args, '--dry-run').stdout, /^3 results, 0 objects, .* could be removed; /)
  assert.equal(entries().length, 5)
  assert.equal(json(run(...args, '--json')).results, 3)
  assert.equal(entries().length, 2)
  assert.equal(run('remote', 'gc', '--older-than', 'yesterday').status, 2)
})

test('copy takes results to a server that speaks S3 and back, and goes on after it was killed', async (t) => {
  const [here, there, server] = [temporaryFolder(t), temporaryFolder(t), await s3Store()]
  t.after(() => server.close())
  const from = await openBlobStore(`file://${here}`)
  for (let n = 0; n < 300; n++)
    await put(from, n, { leaves: n % 10 === 0 ? [new Uint8Array(70_000).fill(n)] : [] })
  const env = environment({
    AWS_ENDPOINT_URL: server.url,
    AWS_ACCESS_KEY_ID: 'me',
    AWS_SECRET_ACCESS_KEY: 'secret',
    PERMAFROST_BLOB_STORE: 's3://bucket/cache',
  })
  const ran = async (args: readonly string[], killedAfter = Number.POSITIVE_INFINITY) => {
    const child = spawn(process.execPath, [BIN, ...args], { env })
    let stdout = ''
    child.stdout.on('data', (text) => (stdout += text))
    const ended = once(child, 'close')
    if (killedAfter !== Number.POSITIVE_INFINITY) {
      const to = await openBlobStore('s3://bucket/cache', {
        endpoint: server.url,
        accessKeyId: 'me',
        secretAccessKey: 'secret',
      })
      for (let count = 0; count < killedAfter; ) {
        count = 0
        for await (const _ of to.list('permafrost-1/')) count += 1
      }
      child.kill('SIGKILL')
    }
    const [status] = await ended
    return { status, stdout, stderr: '' }
  }
  const copy = ['remote', 'copy', `file://${here}`, 's3://bucket/cache', '--json']
  await ran(copy, 20)
  assert.deepEqual(json(await ran(['remote', 'verify', '--json'])).problems, [])
  const rest = json(await ran(copy))
  assert.equal(rest.copied + rest.present, 300)
  assert.ok(rest.present >= 20)
  assert.equal(json(await ran(['remote', 'stats', '--json'])).results, 300)
  const back = await ran(['remote', 'copy', 's3://bucket/cache', `file://${there}`])
  assert.match(back.stdout, /^300 results and 30 objects of .* copied, 0 were there, 0 refused\n$/)
  const memo = parcel(0).memo
  assert.match((await ran(['show', `s3://bucket/cache/${memo}`])).stdout, /\ntook +12ms\n/)
})

test('misuse is told in one line, with exit code 2', () => {
  for (const args of [
    ['remote', 'ls'],
    ['remote', 'ls', '--store', 'nowhere'],
    ['remote', 'ls', '--store', 'https://127.0.0.1:1/'],
    ['remote', 'gc', '--store', 'https://127.0.0.1:1/'],
    ['remote', 'copy', 'memory:same', 'memory:same'],
    ['remote', 'nonsense'],
  ]) {
    const { status, stderr, stdout } = permafrost(...args)
    assert.deepEqual([status, stdout], [2, ''], args.join(' '))
    assert.match(stderr, /^permafrost: .*\n$/)
  }
  const { status, stderr } = permafrost('remote', 'ls', '--store', 'redis://127.0.0.1:1/')
  assert.equal(status, 1)
  assert.match(stderr, /^permafrost: .*\n$/)
})

test('headers that somebody wrote to do harm are told, not obeyed', async (t) => {
  const uri = `file://${temporaryFolder(t)}`
  const store = await openBlobStore(uri)
  const about = { name: '\x1b[2J', by: { toString: 1 }, host: null, pid: [], packages: 'x', run: {} }
  const { memo } = await put(store, 1, {
    payload: Buffer.from([0xff, 0xff]),
    more: { about: about as never, createdAt: 8.64e15, codec: '\x1b]0;x\x07' },
  })
  const listed = permafrost('remote', 'ls', '--long', '--store', uri)
  const shown = permafrost('show', `${uri}/${memo}`)
  for (const { stdout } of [listed, shown]) assert.doesNotMatch(stdout, /(?!\n)\p{Cc}/u)
  assert.deepEqual([listed.status, shown.status], [0, 1])
  assert.match(shown.stdout, /\ncomputed +\+275760-09-13T/)
})

const noTerminal = SCRIPT === undefined && 'no terminal can be had here: util-linux has no script'
test('in a terminal Ctrl-C stops between two results, with 130, and the same command goes on', {
  skip: noTerminal,
}, async (t) => {
  const [here, there] = [temporaryFolder(t), temporaryFolder(t)]
  const from = await openBlobStore(`file://${here}`)
  for (let n = 0; n < 1500; n++) {
    const { blob, key } = parcel(n)
    await from.put(key, blob)
  }
  const line = quoted(process.execPath, BIN, 'remote', 'copy', `file://${here}`, `file://${there}`)
  const child = spawn(SCRIPT!, ['-qec', line, '/dev/null'], {
    env: environment({ TERM: 'xterm', SHELL: '/bin/bash' }),
  })
  let shown = ''
  let isStopped = false
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text
    if (isStopped || !/copying .* of 1500 results/.test(shown)) return
    isStopped = true
    child.stdin.write('\x03')
  })
  const [status] = await once(child, 'close')
  assert.equal(status, 130, shown)
  assert.match(shown, /permafrost: stopped; what was done stays/)
  const { shown: rest, status: ended } = inTerminal(line)
  assert.equal(ended, 0)
  const [, copied, present] = /(\d[\d,]*) results? and .* copied, (\d[\d,]*) were there/.exec(rest) ?? []
  assert.equal(Number(copied?.replace(',', '')) + Number(present?.replace(',', '')), 1500, rest)
  assert.ok(Number(present?.replace(',', '')) > 0)
})
