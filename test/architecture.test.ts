/**
 * The import table of docs/architecture.md and the one-door rule, as a test: a wrong arrow fails with a sentence.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { test } from 'node:test'

const root = resolve(import.meta.dirname, '../..')
const src = join(root, 'src')

/** The room of a file: its folder, or its own name at the top. */
const roomOf = (path: string): string => {
  const parts = relative(src, path).split(sep)
  return parts.length > 1 ? `${parts[0]}/` : parts[0]!.replace(/\.ts$/, '')
}

const shared = ['errors', 'events', 'options', 'recent', 'types', 'words']
const table: Readonly<Record<string, readonly string[]>> = {
  errors: shared,
  events: shared,
  options: shared,
  recent: shared,
  words: shared,
  timing: shared,
  'run-log': shared,
  runs: [...shared, 'run-log'],
  noted: [...shared, 'answer', 'find', 'guard', 'memo', 'outcome', 'run-log', 'told'],
  told: [...shared, 'explain', 'find', 'guard', 'key', 'memo'],
  types: shared,
  'freeze/': shared,
  'codec/': shared,
  'store/': shared,
  'blob/': shared,
  'shared/': [...shared, 'blob/'],
  'testing/': [...shared, 'blob/'],
  pipeline: shared,
  require: shared,
  'default-directory': shared,
  'open-groups': [...shared, 'freeze/', 'store/'],
  configuration: [...shared, 'default-directory', 'group-options', 'pipeline', 'require', 'codec/', 'store/'],
  settings: [...shared, 'configuration', 'default-directory', 'group-options'],
  'default-group': [...shared, 'codec/', 'group', 'group-options', 'settings'],
  'shared-room': [...shared, 'blob/', 'configuration', 'group-options', 'memo', 'shared/', 'store/'],
  share: [
    ...shared,
    'abort',
    'answer',
    'find',
    'frame',
    'guard',
    'key',
    'memo',
    'outputs',
    'require',
    'running',
    'shared/',
    'store/',
    'stream/',
  ],
  answer: [
    ...shared,
    'audit',
    'find',
    'frame',
    'guard',
    'keep',
    'key',
    'noted',
    'observe',
    'output',
    'recorded',
    'share',
    'stream/',
    'timing',
    'told',
  ],
  known: [...shared, 'freeze/'],
  key: [...shared, 'freeze/', 'known'],
  impure: [...shared, 'freeze/'],
  patches: [...shared, 'freeze/'],
  recorded: [...shared, 'freeze/'],
  observe: [...shared, 'frame', 'freeze/', 'guard', 'impure', 'key', 'memo', 'patches', 'recorded'],
  memo: [...shared, 'impure', 'key', 'keep', 'run-log', 'running', 'shared/', 'store/'],
  guard: [...shared, 'memo'],
  running: [...shared, 'memo', 'store/'],
  abort: shared,
  frame: [...shared, 'store/'],
  explain: [...shared, 'guard', 'key', 'freeze/', 'store/'],
  outputs: [...shared, 'codec/', 'freeze/'],
  outcome: [...shared, 'codec/', 'outputs'],
  output: [...shared, 'outcome'],
  'stream/': [...shared, 'codec/', 'outcome'],
  find: [...shared, 'guard', 'memo', 'outcome', 'outputs', 'recorded', 'store/', 'stream/', 'timing'],
  keep: [
    ...shared,
    'explain',
    'frame',
    'guard',
    'key',
    'memo',
    'observe',
    'outcome',
    'recorded',
    'running',
    'store/',
    'stream/',
    'timing',
  ],
  turn: [...shared, 'find', 'frame', 'guard', 'memo', 'store/'],
  lookup: [...shared, 'explain', 'find', 'frame', 'key', 'memo', 'recorded', 'stream/'],
  audit: [...shared, 'freeze/', 'guard', 'key', 'memo'],
  ref: [...shared, 'find', 'frame', 'freeze/', 'guard', 'key', 'lookup', 'memo', 'observe'],
  record: [
    ...shared,
    'abort',
    'frame',
    'guard',
    'keep',
    'key',
    'memo',
    'observe',
    'output',
    'outputs',
    'recorded',
    'running',
    'store/',
    'stream/',
  ],
  call: [
    ...shared,
    'abort',
    'answer',
    'audit',
    'find',
    'frame',
    'guard',
    'keep',
    'key',
    'lookup',
    'memo',
    'noted',
    'observe',
    'outcome',
    'output',
    'record',
    'require',
    'running',
    'share',
    'store/',
    'stream/',
    'timing',
    'told',
    'turn',
  ],
  'group-options': [...shared, 'blob/', 'codec/', 'freeze/', 'memoize-options', 'pipeline', 'store/'],
  'memoize-options': [...shared, 'codec/', 'freeze/', 'group', 'memo', 'pipeline', 'store/'],
  memoize: [
    ...shared,
    'call',
    'configuration',
    'lookup',
    'memo',
    'memoize-options',
    'ref',
    'key',
    'impure',
    'observe',
    'pipeline',
    'recorded',
    'running',
    'share',
    'freeze/',
    'codec/',
    'group',
    'store/',
  ],
  report: [...shared, 'memo'],
  preview: [...shared, 'codec/', 'freeze/', 'outcome', 'recorded', 'store/', 'stream/'],
  selection: [...shared, 'store/'],
  group: [
    ...shared,
    'default-directory',
    'open-groups',
    'share',
    'shared/',
    'shared-room',
    'explain',
    'group-options',
    'memoize',
    'memoize-options',
    'memo',
    'keep',
    'run-log',
    'running',
    'freeze/',
    'codec/',
    'store/',
    'preview',
    'report',
    'selection',
  ],
  index: [
    ...shared,
    'configuration',
    'default-group',
    'group-options',
    'memoize',
    'memoize-options',
    'group',
    'lookup',
    'pipeline',
    'ref',
    'require',
    'share',
    'shared/',
    'freeze/',
    'codec/',
    'store/',
  ],
  'cli/': [
    ...shared,
    'blob/',
    'configuration',
    'freeze/',
    'group',
    'index',
    'preview',
    'report',
    'runs',
    'selection',
    'settings',
    'shared-room',
    'shared/',
  ],
}

/** Arrows that are for types only. */
const typesOnly = new Set([
  'answer → keep',
  'answer → share',
  'memo → run-log',
  'noted → answer',
  'noted → find',
  'noted → memo',
  'noted → outcome',
  'group-options → blob/',
  'memo → shared/',
  'open-groups → store/',
  'share → answer',
  'share → memo',
  'share → store/',
  'shared-room → memo',
  'group → shared/',
  'group-options → codec/',
  'group-options → freeze/',
  'audit → memo',
  'ref → memo',
  'frame → store/',
  'output → outcome',
  'memoize-options → memo',
  'memo → key',
  'memo → impure',
  'observe → key',
  'observe → memo',
  'memo → keep',
  'memo → store/',
  'guard → memo',
  'explain → store/',
  'find → memo',
  'find → store/',
  'record → memo',
  'record → output',
  'record → store/',
  'keep → memo',
  'keep → store/',
  'turn → memo',
  'turn → store/',
  'lookup → memo',
  'call → memo',
  'call → store/',
  'memoize-options → codec/',
  'memoize-options → freeze/',
  'memoize-options → group',
  'memoize-options → store/',
  'memoize → group',
  'memoize → memo',
  'memoize → store/',
  'group → keep',
  'group → memo',
  'report → memo',
  'preview → freeze/',
  'preview → store/',
  'selection → store/',
])

const doors: Readonly<Record<string, RegExp>> = {
  'better-sqlite3': /^(?:store\/entry-index|blob\/file-lock)\.ts$/,
  'proper-lockfile': /^store\//,
  'xxhash-addon': /^freeze\/digest\.ts$/,
  aws4fetch: /^blob\/s3\.ts$/,
  redis: /^blob\/redis\.ts$/,
  debug: /^events\.ts$/,
  acorn: /^freeze\//,
  'eslint-scope': /^freeze\//,
  tinyglobby: /^freeze\/files\.ts$/,
  'node:inspector': /^freeze\/inspect\.ts$/,
  commander: /^cli\//,
  'cli-progress': /^cli\//,
  '@scure/bip39': /^cli\/digest-words\.ts$/,
  'cli-table3': /^report\.ts$/,
  'pretty-ms': /^words\.ts$/,
  'pretty-bytes': /^words\.ts$/,
  'fastest-levenshtein': /^options\.ts$/,
}

interface Import {
  readonly from: string
  readonly specifier: string
  readonly typeOnly: boolean
}

const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => join(src, name))

const imports = files.flatMap((path): Import[] => {
  const text = readFileSync(path, 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
  const found = [...text.matchAll(/(?:import|export)\s+(type\s+)?[^'"()]*?from\s+'([^']+)'/g)].map(
    (match) => ({
      specifier: match[2]!,
      typeOnly: match[1] !== undefined,
    }),
  )
  const required = [
    ...text.matchAll(/\brequire\('([^']+)'\)|createRequire\(import\.meta\.url\)\(\s*'([^']+)'/g),
  ].map((match) => ({ specifier: match[1] ?? match[2]!, typeOnly: false }))
  const bare = [...text.matchAll(/^import\s+'([^']+)'/gm)].map((match) => ({
    specifier: match[1]!,
    typeOnly: false,
  }))
  return [...found, ...required, ...bare].map((one) => ({ from: path, ...one }))
})

test('every room has a line in the import table', () => {
  for (const path of files)
    assert.ok(table[roomOf(path)], `${relative(root, path)} is in no room of the table`)
})

test('rooms import only what the table allows', () => {
  for (const { from, specifier, typeOnly } of imports) {
    if (!specifier.startsWith('.')) continue
    const [room, other] = [roomOf(from), roomOf(resolve(dirname(from), specifier))]
    if (room === other) continue
    const arrow = `${room} → ${other}`
    assert.ok(
      table[room]?.includes(other),
      `${relative(root, from)} imports ${specifier}: ${arrow} is not in the table`,
    )
    if (typesOnly.has(arrow)) assert.ok(typeOnly, `${relative(root, from)}: ${arrow} is for types only`)
  }
})

test('each package has one door', () => {
  for (const { from, specifier } of imports) {
    const name = specifier.startsWith('@')
      ? specifier.split('/').slice(0, 2).join('/')
      : specifier.startsWith('node:')
        ? specifier
        : specifier.split('/')[0]!
    const door = Object.hasOwn(doors, name) ? doors[name] : undefined
    const path = relative(src, from).split(sep).join('/')
    if (door !== undefined) assert.match(path, door, `${name} may not be imported by ${path}`)
    else if (!specifier.startsWith('.') && !specifier.startsWith('node:'))
      assert.fail(`${path} imports ${specifier}, which has no door`)
  }
})

test('every runtime dependency has a door and a reason', () => {
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    dependencies: object
  }
  const reasons = readFileSync(join(root, 'docs/architecture.md'), 'utf8').split(
    '## Dependencies and why',
  )[1]!
  for (const name of Object.keys(dependencies)) {
    assert.ok(Object.hasOwn(doors, name), `${name} has no door`)
    assert.ok(reasons.includes(`\`${name}\``), `docs/architecture.md gives no reason for ${name}`)
    assert.ok(
      imports.some(({ specifier }) => specifier === name || specifier.startsWith(`${name}/`)),
      `${name} is not imported`,
    )
  }
})

test('no file of src is longer than 420 lines, and none exports a default', () => {
  for (const path of files) {
    const text = readFileSync(path, 'utf8')
    assert.ok(text.split('\n').length <= 420, `${relative(root, path)} is longer than 420 lines`)
    assert.doesNotMatch(text, /^export default/m, `${relative(root, path)} exports a default`)
  }
})
