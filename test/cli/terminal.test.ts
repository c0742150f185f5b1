/** In a terminal, in pipes that close, and stopped in the middle; with a hundred thousand results. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { temporaryFolder } from '../support/temporary.js'
import { BIN, environment, filled, inTerminal, json, on, quoted, SCRIPT } from './command-line.js'
import { makeHuge } from './huge.js'

const COUNT = 100_000
const ESC = '\x1b'
const noTerminal = SCRIPT === undefined && 'no terminal can be had here: util-linux has no script'
const command = (...args: readonly string[]): string => quoted(process.execPath, BIN, ...args)

/** Runs in a terminal, answers what `reply` says to each thing shown, and gives all that was shown, and the exit code. */
function conversation(
  line: string,
  reply: (shown: string) => string | undefined,
): Promise<{ shown: string; status: number | null }> {
  const child = spawn(SCRIPT!, ['-qec', line, '/dev/null'], {
    env: environment({ TERM: 'xterm', SHELL: '/bin/bash' }),
  })
  let shown = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text
    const answer = reply(shown)
    if (answer !== undefined) child.stdin.write(answer)
  })
  return new Promise((resolve) => child.on('close', (status) => resolve({ shown, status })))
}

/** Ctrl-C, once, when something is shown. */
function interruptingAt(pattern: RegExp): (shown: string) => string | undefined {
  let isDone = false
  return (shown) => {
    if (isDone || !pattern.test(shown)) return undefined
    isDone = true
    return '\x03'
  }
}

describe('with a hundred thousand results', () => {
  let directory: string
  before(() => {
    directory = join(mkdtempSync(join(tmpdir(), 'permafrost-')), 'cache')
    makeHuge(directory, COUNT)
  })
  after(() => rmSync(join(directory, '..'), { recursive: true, force: true }))

  test('each question is answered', () => {
    const run = on(directory)
    const slowest = json(run('ls', '--sort', 'time', '-n', '5', '--json'))
    assert.equal(slowest.total, COUNT)
    assert.deepEqual(
      slowest.entries.map((entry: { computeTime: number }) => entry.computeTime),
      [99.9, 99.9, 99.9, 99.9, 99.9],
    )
    assert.match(run('ls').stdout, /\n… and 99,950 more; -n all shows all\n$/)
    assert.equal(json(run('ls', '*#f7', '--json')).total, COUNT / 20)
    assert.equal(json(run('ls', '--tag', 'tenth', '--json')).total, COUNT / 10)
    assert.match(run('stats').stdout, /\n100,000 results in 30 MB; /)
    assert.equal(json(run('du', '--json')).functions['src/work.js#f3'].entries, COUNT / 20)
    const [{ key }] = slowest.entries
    assert.match(run('show', key.digest.slice(0, 14)).stdout, /\n42\n$/)
    assert.deepEqual(json(run('verify', '--json')).problems, [])
  })

  test('a closed pipe ends it quietly', () => {
    for (const [args, lines] of [
      [['ls', '-n', 'all'], 1],
      [['ls', '-n', 'all', '--json'], 2],
      [['--help'], 1],
      [['completion', 'zsh'], 1],
    ] as const) {
      const piped = `${command('-d', directory, ...args)} | head -${lines}; exit \${PIPESTATUS[0]}`
      const { status, stderr, stdout } = spawnSync('bash', ['-c', piped], {
        encoding: 'utf8',
        env: environment(),
        timeout: 120_000,
      })
      assert.deepEqual([status, stderr, stdout.split('\n').length - 1], [0, '', lines], args.join(' '))
    }
    const toNobody = `${command('-d', directory, 'lss')} 2>&1 >/dev/null | true; exit \${PIPESTATUS[0]}`
    assert.equal(spawnSync('bash', ['-c', toNobody], { env: environment() }).status, 2)
  })

  test('the copy of an index that must not be touched goes, however it ends', (t) => {
    const [folder, copy] = [temporaryFolder(t), join(temporaryFolder(t), 'cache')]
    cpSync(directory, copy, { recursive: true })
    // a log without its lock file
    writeFileSync(join(copy, 'index.sqlite-wal'), '')
    for (const rest of ['', ' | head -1']) {
      const line = `${command('-d', copy, 'ls', '-n', 'all')}${rest}`
      const { stderr, stdout } = spawnSync('bash', ['-c', line], {
        encoding: 'utf8',
        env: environment({ TMPDIR: folder }),
        maxBuffer: 2 ** 30,
      })
      assert.match(stdout, /^function /, stderr)
      assert.deepEqual(readdirSync(folder), [], line)
    }
  })

  test('long work shows a bar in a terminal, and none in a pipe', { skip: noTerminal }, () => {
    const { shown, status } = inTerminal(command('-d', directory, 'verify'))
    assert.equal(status, 0, shown)
    assert.match(shown, /verifying .*of 100000 results/)
    assert.match(shown, /nothing wrong/)
    assert.equal(on(directory)('verify').stderr, '')
    const quiet = inTerminal(`${command('-d', directory, 'verify')} 2>/dev/null`)
    assert.doesNotMatch(quiet.shown, /verifying/)
  })

  test('Ctrl-C ends it between two steps, and leaves nothing half done', { skip: noTerminal }, async (t) => {
    const folder = temporaryFolder(t)
    const file = join(folder, 'results')
    for (const [args, pattern, words] of [
      [['verify'], /verifying/, /permafrost: stopped; what was found .* starts over/],
      [['export', file], /exporting/, /permafrost: stopped; no file was written, .* starts over/],
      [['evict', '--entries', '1'], /evicting/, /permafrost: stopped; what was done stays, .* goes on from/],
    ] as const) {
      const { shown, status } = await conversation(command('-d', directory, ...args), interruptingAt(pattern))
      assert.equal(status, 130, `${args.join(' ')}: ${shown}`)
      assert.match(shown, words)
      assert.doesNotMatch(shown, /\n +at |Error/)
    }
    assert.deepEqual(readdirSync(folder), [])
    assert.equal(existsSync(join(directory, 'tmp', 'maintenance.lock')), false)
    const run = on(directory)
    const left = json(run('ls', '--json')).total
    assert.ok(left > 1 && left < COUNT, `${left} left`)
    assert.deepEqual(json(run('verify', '--json')).problems, [])
  })
})

test('colours are for terminals, and not with NO_COLOR', { skip: noTerminal }, (t) => {
  const { directory } = filled(t)
  for (const args of [['ls'], ['stats'], ['du'], ['doctor'], ['verify']]) {
    const line = command('-d', directory, ...args)
    assert.match(inTerminal(line).shown, new RegExp(`${ESC}\\[(?:1|2|32|33)m`), args.join(' '))
    assert.doesNotMatch(
      inTerminal(`${line} 2>/dev/null`, { NO_COLOR: '1' }).shown,
      new RegExp(`${ESC}\\[\\d+m`),
    )
    assert.ok(!on(directory)(...args).stdout.includes(ESC))
  }
})

test('in a terminal, a line of ls is no longer than it', { skip: noTerminal }, (t) => {
  const { directory, reopen } = filled(t)
  const group = reopen()
  const slow = group.memoize(
    (text: string) => {
      for (const end = performance.now() + 2; performance.now() < end; );
      return text.length
    },
    { name: 'f', version: 1 },
  )
  slow('one word and many others '.repeat(2))
  group.close()
  for (const columns of [100, 120]) {
    const { shown } = inTerminal(`stty cols ${columns}; ${command('-d', directory, 'ls')}`, { NO_COLOR: '1' })
    const lines = shown.trimEnd().split(/\r?\n/)
    assert.equal(lines.length, 7)
    for (const line of lines) assert.ok(line.length <= columns, line)
    assert.match(shown, /"one word .*…/)
  }
})

test('top is drawn anew each second until Ctrl-C, and once elsewhere', { skip: noTerminal }, async (t) => {
  const { directory, reopen } = filled(t)
  const group = reopen()
  const f = group.memoize((x: number) => x, { name: 'busy', version: 1 })
  let isBusy = false
  const interrupt = interruptingAt(new RegExp(`(?:${ESC}\\[H${ESC}\\[2J[^]*){3}saved\r?\n$`))
  const { shown, status } = await conversation(command('-d', directory, 'top', '-i', '0.3'), (all) => {
    if (!isBusy) {
      isBusy = true
      // after the first screen, two screens are left to see it
      for (let n = 0; n < 600; n++) f(n % 300)
      group.commit()
    }
    return interrupt(all)
  })
  group.close()
  assert.equal(status, 0, shown)
  assert.match(shown, /^\S*busy +[1-9][\d.]* +[1-9][\d.]* /m)
  const once = on(directory)('top', '--once', '-i', '0.1')
  assert.equal(once.status, 0)
  assert.match(
    once.stdout,
    /^function +hits\/s +misses\/s +saved\/s +hits of all +saved +kept\nbusy +0\.0 +0\.0 +0ms +50% /,
  )
  const { functions, seconds } = json(on(directory)('top', '-i', '0.1', '--json'))
  assert.deepEqual([seconds, functions.busy.hits, functions.busy.total.misses], [0.1, 0, 300])
})
