/** The same command line wherever it is used: no directory, an empty one, somebody else's, a damaged, a sealed, a newer one. */
import assert from 'node:assert/strict'
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { temporaryFolder } from '../support/temporary.js'
import { asNobody, filled, json, on, permafrost } from './command-line.js'

/** Each command that looks into a directory. */
const READING = [
  ['ls'],
  ['stats'],
  ['du'],
  ['top'],
  ['show', 'ab'],
  ['why', 'ab'],
  ['summary'],
  ['verify'],
  ['export', 'FILE'],
]
const WRITING = [
  ['gc'],
  ['evict', '--entries', '1'],
  ['forget', 'ab'],
  ['clear', '--all'],
  ['verify', '--repair'],
  ['recover'],
  ['stats', '--reset'],
]

const snapshot = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const { mtimeNs, size } = statSync(join(directory, name), { bigint: true })
      return `${name} ${size} ${mtimeNs}`
    })

/** One line that begins with the program's name, and no word of JavaScript. */
function isOneLine(stderr: string, what: string): void {
  assert.match(stderr, /^permafrost: [^\n]+\n$/, what)
  assert.doesNotMatch(stderr, /\n +at |node:internal|undefined/, what)
}

test('where there is no directory, each command says so', (t) => {
  const folder = temporaryFolder(t)
  for (const args of [...READING, ...WRITING]) {
    const { status, stderr, stdout } = on(join(folder, 'nowhere'))(...args)
    assert.deepEqual([status, stdout], [2, ''], args.join(' '))
    isOneLine(stderr, args.join(' '))
    assert.match(stderr, /^permafrost: there is no cache directory .*nowhere; name another with --directory/)
  }
  assert.deepEqual(readdirSync(folder), [])
})

test('an empty directory has nothing, and is left empty by those who look', (t) => {
  const folder = temporaryFolder(t)
  const run = on(folder)
  assert.deepEqual(run('ls'), { stdout: 'nothing is kept\n', stderr: '', status: 0 })
  assert.deepEqual(json(run('ls', '--json')), { total: 0, size: 0, entries: [] })
  for (const args of [['stats'], ['du'], ['verify'], ['top']])
    assert.equal(run(...args).status, 0, args.join(' '))
  assert.equal(run('show', 'ab').status, 1)
  assert.equal(run('why', 'ab').status, 1)
  assert.equal(run('summary').status, 1)
  assert.deepEqual(readdirSync(folder), [])
  for (const args of [['gc'], ['recover'], ['clear', '--all'], ['evict', '--to', '1MB']])
    assert.equal(run(...args).status, 0, args.join(' '))
})

test("a directory that is somebody else's is refused and left alone", (t) => {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'thesis.tex'), 'text')
  for (const args of [...READING, ...WRITING]) {
    const { status, stderr } = on(folder)(...args)
    assert.equal(status, 2, args.join(' '))
    isOneLine(stderr, args.join(' '))
    assert.match(stderr, /is not a permafrost directory: it contains "thesis\.tex"\. Choose/)
  }
  assert.deepEqual(readdirSync(folder), ['thesis.tex'])
  const file = on(join(folder, 'thesis.tex'))('ls')
  assert.deepEqual([file.status, file.stderr.includes('is a file')], [2, true])
})

test('a directory of a newer format is refused, with what to do', (t) => {
  const { directory } = filled(t)
  writeFileSync(
    join(directory, 'permafrost.json'),
    JSON.stringify({ format: 2, digest: 'xxh128', check: crc32('permafrost 2') }),
  )
  const before = snapshot(directory)
  for (const args of [...READING, ...WRITING]) {
    const { status, stderr } = on(directory)(...args)
    assert.equal(status, 2, args.join(' '))
    isOneLine(stderr, args.join(' '))
    assert.match(
      stderr,
      /has format 2, written by a newer permafrost; this one knows format 1\. Update permafrost/,
    )
  }
  assert.deepEqual(snapshot(directory), before)
})

test('an index of a newer format in a directory of this one is damage: told, and not touched by those who look', (t) => {
  const { directory } = filled(t)
  const index = join(directory, 'index.sqlite')
  const bytes = readFileSync(index)
  // https://sqlite.org/fileformat.html#the_database_header: user_version
  bytes.writeUInt32BE(bytes.readUInt32BE(60) + 1, 60)
  writeFileSync(index, bytes)
  const before = snapshot(directory)
  const { status, stderr, stdout } = on(directory)('ls')
  assert.equal(status, 0)
  assert.match(stderr, /^permafrost: warning: the index is damaged; what the objects tell is read\n$/)
  assert.match(stdout, /^function[^\n]*\nsrc\/list\.js#list[^\n]*\n$/)
  assert.equal(on(directory)('verify').status, 1)
  assert.deepEqual(snapshot(directory), before)
})

test('of a truncated index, verify tells and --repair builds it anew', (t) => {
  const { directory } = filled(t)
  truncateSync(join(directory, 'index.sqlite'), 5000)
  const run = on(directory)
  const told = run('verify')
  assert.equal(told.status, 1)
  assert.match(
    told.stdout,
    /\nproblem: .*\n[\s\S]*problems?; permafrost verify --repair repairs what can be repaired\n$/,
  )
  assert.deepEqual(
    json(run('ls', '--json')).entries.map(({ key }: { key: { name: string } }) => key.name),
    ['src/list.js#list'],
  )
  const repaired = json(run('verify', '--repair', '--json'))
  assert.ok(repaired.problems.length > 0)
  assert.ok(repaired.problems.every((problem: { repaired: boolean }) => problem.repaired))
  assert.deepEqual(run('verify').status, 0)
  assert.equal(json(run('ls', '--json')).total, 1)
})

test('of a flipped object, verify and show tell, and --repair lets it go', (t) => {
  const { directory } = filled(t)
  const objects = join(directory, 'objects')
  const [name] = readdirSync(objects, { recursive: true, encoding: 'utf8' }).filter((one) =>
    statSync(join(objects, one)).isFile(),
  )
  const bytes = readFileSync(join(objects, name!))
  bytes[bytes.length - 5]! ^= 1
  writeFileSync(join(objects, name!), bytes)
  const run = on(directory)
  const [{ key }] = json(run('ls', '*list', '--json')).entries
  const shown = run('show', key.digest)
  assert.equal(shown.status, 1)
  assert.match(shown.stdout, /^result +cannot be shown: its object is missing or damaged$/m)
  const verified = run('verify')
  assert.equal(verified.status, 1)
  assert.match(
    verified.stdout,
    /\nproblem: src\/list\.js#list [0-9a-f]{32}: its object [0-9a-f]{32} is gone or damaged\n/,
  )
  assert.match(run('verify', '--repair').stdout, /\nrepaired: src\/list\.js#list /)
  assert.match(run('why', key.digest).stdout, /^lost: it was kept, and its object is missing or damaged\n$/)
  assert.equal(run('verify').status, 0)
})

test('a directory that may only be read is read, and nothing in it changes', (t) => {
  const { directory } = filled(t)
  const all = ['.', ...readdirSync(directory, { recursive: true, encoding: 'utf8' })].map((name) =>
    join(directory, name),
  )
  for (const path of all) chmodSync(path, statSync(path).isDirectory() ? 0o555 : 0o444)
  const before = snapshot(directory)
  try {
    // those who look never write, whoever they are
    for (const args of [['ls'], ['stats'], ['du'], ['verify'], ['top'], ['doctor']])
      assert.equal(on(directory)(...args).status, 0, args.join(' '))
    assert.deepEqual(snapshot(directory), before)
    chmodSync(join(directory, '..'), 0o755)
    for (const args of WRITING) {
      if (args[0] === 'forget') continue
      const { status, stderr } = asNobody('--directory', directory, ...args)
      assert.equal(status, 1, `${args.join(' ')}: ${stderr}`)
      isOneLine(stderr, args.join(' '))
      assert.match(stderr, /is read-only; run it as a user who may write there/)
    }
    assert.deepEqual(snapshot(directory), before)
  } finally {
    for (const path of all) chmodSync(path, 0o755)
  }
})

test('a mistake is one line and exit code 2', (t) => {
  const { directory } = filled(t)
  const run = on(directory)
  for (const [args, words] of [
    [['lss'], /unknown command 'lss' \(Did you mean ls\?\); permafrost --help/],
    [['ls', '--srot', 'size'], /unknown option '--srot' \(Did you mean --sort\?\)/],
    [['ls', '--sort', 'colour'], /'colour' is invalid\. Allowed choices are used, created/],
    [['ls', '-n', '-1'], /'-1' is invalid\. It is to be 1 or more/],
    [['ls', '--older-than', 'yesterday'], /--older-than takes an age such as 90s/],
    [['ls', '--larger-than', '1 zillion'], /--larger-than takes bytes or a size/],
    [['ls', '--older-than', '0d'], /--older-than takes an age such as 90s, .*, not "0d"/],
    [['ls', '--code', 'xyz'], /--code takes the first digits of a digest, .*, not "xyz"/],
    [['ls', 'a', 'b'], /too many arguments/],
    [['show'], /missing required argument 'key'/],
    [['top', '-i', '0'], /It is to be more than 0/],
    [['completion', 'tcsh'], /Allowed choices are bash, zsh, fish/],
    [['hash', 'no-such-file.js#f'], /there is no module no-such-file\.js; give FILE#EXPORT/],
    [['ls', '--directory'], /argument missing/],
  ] as const) {
    const { status, stderr, stdout } = run(...args)
    assert.deepEqual([status, stdout], [2, ''], args.join(' '))
    isOneLine(stderr, args.join(' '))
    assert.match(stderr, words)
  }
  assert.equal(
    permafrost('--version').stdout,
    `${JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')).version}\n`,
  )
  rmSync(directory, { recursive: true })
  mkdirSync(directory)
})

test('each command has a help with an example that it understands', () => {
  const names = [...permafrost('--help').stdout.matchAll(/^ {2}([a-z]+) .*$/gm)].map((match) => match[1]!)
  assert.ok(names.length >= 18, names.join(' '))
  for (const name of names) {
    const { status, stderr, stdout } = permafrost(name, '-h')
    assert.deepEqual([status, stderr], [0, ''])
    assert.match(
      stdout,
      new RegExp(`^Usage: permafrost ${name} [\\s\\S]*\\nExample:\\n {2}\\$ permafrost ${name}\\b`),
    )
  }
})
