/** The configuration file and the environment, as programs in processes of their own meet them. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { type Project, project, type Run, type RunOptions } from './support/project.js'

/** Says what the default group goes by; the arguments are what it configures, and the name of its function. */
const ASKING = `
  import { configure, memoize } from 'permafrost'
  const [options, name = 'fit'] = JSON.parse(process.argv[2] ?? '[{}]')
  configure(options)
  const fit = memoize(async (x) => { console.error('computed ' + x); return x + 1 }, { name, version: 1 })
  const failed = await fit(1).then(() => undefined, ({ name, message }) => name + ': ' + message)
  const { group } = fit
  const uri = (() => { try { return fit.memoUri(1) } catch { return undefined } })()
  const pushed = uri === undefined ? undefined : await group.commit({ remote: true })
  console.log(JSON.stringify({ directory: group.directory, uri, sent: pushed?.sent, failed }))
`

interface Said {
  readonly directory: string
  readonly uri?: string
  readonly sent?: number
  readonly failed?: string
}

/** PERMAFROST_DIR is empty unless a test says otherwise: that is, not set. */
const without = { PERMAFROST_DIR: '' }

function asking(t: TestContext, files: Readonly<Record<string, string>> = {}): Project {
  return project(t, { 'package.json': '{ "type": "module" }', 'main.js': ASKING, ...files })
}

/** Runs without a warning, if nothing else is expected, and what it said. */
function ask(user: Project, options: RunOptions & { readonly given?: unknown[] } = {}): Said & Run {
  const { env, given = [{}], ...rest } = options
  const run = user.run('main.js', { args: [JSON.stringify(given)], env: { ...without, ...env }, ...rest })
  assert.equal(run.status, 0, run.stderr)
  return { ...run, ...(JSON.parse(run.printed.at(-1)!) as Said) }
}

const command = (user: Project, args: readonly string[], env: NodeJS.ProcessEnv = {}): Run =>
  user.run('node_modules/permafrost/dist/cli/main.js', { args, env: { ...without, ...env } })

interface Told {
  readonly file?: string
  readonly settings: readonly { name: string; value?: unknown; from: string; variable?: string }[]
}

const config = (user: Project, env: NodeJS.ProcessEnv = {}, args: readonly string[] = []): Told => {
  const { printed, status, stderr } = command(user, ['config', '--json', ...args], env)
  assert.equal(status, 0, stderr)
  return JSON.parse(printed.join('\n')) as Told
}

const setting = ({ settings }: Told, name: string): object => {
  const { name: _, ...rest } = settings.find((one) => one.name === name)!
  return rest
}

describe('of program, environment, file and defaults the strongest counts', () => {
  interface Row {
    readonly program?: object
    readonly environment?: NodeJS.ProcessEnv
    readonly file?: object
    /** With the project's folder as `.`. */
    readonly is: Partial<Said>
  }
  const shared = (folder: string): string => `file:///nowhere/${folder}`
  const uri = (folder: string, pipelineId = 'default') => `${shared(folder)}/permafrost-1/${pipelineId}/`
  const here = { directory: 'here' }
  const table: Readonly<Record<string, Row>> = {
    'nobody says anything': { is: { directory: './.permafrost' } },
    'the file names a directory': { file: { directory: 'kept' }, is: { directory: './kept' } },
    'the file takes the scope of all projects': {
      file: { scope: 'system' },
      environment: { XDG_CACHE_HOME: '/nowhere/home', LOCALAPPDATA: '/nowhere/home', HOME: '/nowhere/home' },
      is: { directory: '/nowhere/home/permafrost' },
    },
    'the environment names another': {
      file: { directory: 'kept' },
      environment: { PERMAFROST_DIR: '/nowhere/there' },
      is: { directory: '/nowhere/there' },
    },
    'the environment names one, the file a scope': {
      file: { scope: 'system' },
      environment: { PERMAFROST_DIR: '/nowhere/there' },
      is: { directory: '/nowhere/there' },
    },
    'the program names another': {
      program: here,
      file: { directory: 'kept' },
      environment: { PERMAFROST_DIR: '/nowhere/there' },
      is: { directory: './here' },
    },
    'the program takes a scope': {
      program: { scope: 'project' },
      file: { directory: 'kept' },
      environment: { PERMAFROST_DIR: '/nowhere/there' },
      is: { directory: './.permafrost' },
    },
    'the file names a blob store': { file: { blobStore: shared('a') }, is: { uri: uri('a') } },
    'the environment names another store': {
      file: { blobStore: shared('a') },
      environment: { PERMAFROST_BLOB_STORE: shared('b') },
      is: { uri: uri('b') },
    },
    'the program names another store': {
      program: { blobStore: shared('c') },
      file: { blobStore: shared('a') },
      environment: { PERMAFROST_BLOB_STORE: shared('b') },
      is: { uri: uri('c') },
    },
    'the file gives a pipeline': {
      file: { blobStore: shared('a'), pipelineId: 'in/file' },
      is: { uri: uri('a', 'in/file') },
    },
    "the program's pipeline": {
      program: { pipelineId: 'in/program' },
      file: { blobStore: shared('a'), pipelineId: 'in/file' },
      is: { uri: uri('a', 'in/program') },
    },
    "the environment's pipeline is stronger than a group's": {
      program: { pipelineId: 'in/program' },
      environment: { PERMAFROST_PIPELINE_ID: 'in/environment' },
      file: { blobStore: shared('a'), pipelineId: 'in/file' },
      is: { uri: uri('a', 'in/environment') },
    },
    'pipelines of the file go by names, before all that': {
      environment: { PERMAFROST_PIPELINE_ID: 'in/environment' },
      file: {
        blobStore: shared('a'),
        pipelines: [
          { functions: '^other', pipelineId: 'others' },
          { functions: '^fi', pipelineId: 'by/name' },
          { functions: 't$', pipelineId: 'later' },
        ],
      },
      is: { uri: uri('a', 'by/name') },
    },
    'the file wants results only': {
      file: { resultsOnly: true },
      is: { failed: 'ResultRequiredError: there is no result of fit(1): it must not be computed here' },
    },
    'the environment does not': {
      file: { resultsOnly: true },
      environment: { PERMAFROST_RESULTS_ONLY: '0' },
      is: {},
    },
    'the environment does': {
      environment: { PERMAFROST_RESULTS_ONLY: 'yes' },
      is: { failed: 'ResultRequiredError: there is no result of fit(1): it must not be computed here' },
    },
    'the program does not': {
      program: { resultsOnly: false },
      environment: { PERMAFROST_RESULTS_ONLY: '1' },
      is: {},
    },
    'the file requires results of all groups': {
      file: { requireAllResults: { message: 'ask the office' } },
      is: { failed: 'ResultRequiredError: there is no result of fit(1): ask the office' },
    },
    'a variable lifts that': {
      file: { requireAllResults: { message: 'ask the office', unless: 'COMPUTING' } },
      environment: { COMPUTING: '1' },
      is: {},
    },
  }
  for (const [name, { environment = {}, file, is, program = {} }] of Object.entries(table)) {
    test(name, (t) => {
      const user = asking(t, file === undefined ? {} : { 'permafrost.config.json': JSON.stringify(file) })
      const said = user.run('main.js', {
        args: [JSON.stringify([program])],
        // a store or a directory that cannot be costs a warning, and nothing else
        node: ['--no-warnings'],
        env: { ...without, ...environment },
      })
      assert.equal(said.status, 0, said.stderr)
      const { directory, failed, uri } = JSON.parse(said.printed[0]!) as Said
      if (is.directory !== undefined)
        assert.equal(
          directory.replace(user.directory, '.'),
          process.platform === 'darwin' && environment['HOME']
            ? '/nowhere/home/Library/Caches/permafrost'
            : is.directory,
        )
      if (is.uri !== undefined) assert.equal(uri?.slice(0, is.uri.length), is.uri)
      assert.equal(failed, is.failed)
    })
  }
})

test('mode, patience and the signing key come from wherever they are said', (t) => {
  const user = asking(t)
  const blobStore = pathToFileURL(join(user.directory, 'blobs')).href
  const write = (more: object): void =>
    user.write({ 'permafrost.config.json': JSON.stringify({ blobStore, directory: 'kept', ...more }) })
  const anew = (env: NodeJS.ProcessEnv = {}): Said & Run => {
    rmSync(join(user.directory, 'kept'), { recursive: true, force: true })
    const said = ask(user, { env })
    assert.equal(said.stderr.replace('computed 1\n', ''), '')
    return said
  }
  write({ signingKey: { env: 'OUR_KEY' } })
  assert.equal(anew({ OUR_KEY: 'a', PERMAFROST_MODE: 'read' }).sent, 0)
  assert.equal(anew({ OUR_KEY: 'a' }).sent, 1)
  assert.deepEqual(anew({ OUR_KEY: 'a' }).computed, [])
  assert.deepEqual(anew({ OUR_KEY: 'b', PERMAFROST_MODE: 'read' }).computed, ['1'])
  assert.deepEqual(anew({ OUR_KEY: 'b', PERMAFROST_SIGNING_KEY: 'a' }).computed, [])
  write({ mode: 'write' })
  assert.deepEqual(anew({ PERMAFROST_SIGNING_KEY: 'a' }).computed, ['1'])
  assert.deepEqual(anew({ PERMAFROST_SIGNING_KEY: 'a', PERMAFROST_MODE: 'read' }).computed, [])
  assert.deepEqual(setting(config(user, { PERMAFROST_PATIENCE: '250' }), 'patience'), {
    value: 250,
    from: 'environment',
    variable: 'PERMAFROST_PATIENCE',
  })
})

test('a signing key that is not there is not the same as none', (t) => {
  const user = asking(t, {
    'permafrost.config.json': '{ "signingKey": { "env": "OUR_KEY" }, "blobStore": "file:///nowhere/a" }',
  })
  const { computed, stderr, uri } = ask(user)
  assert.deepEqual([computed, uri], [['1'], undefined])
  assert.match(stderr, /ERR_CONFIGURATION.*OUR_KEY is not set/)
  user.write({ 'permafrost.config.json': '{ "signingKey": { "env": "OUR_KEY" } }' })
  assert.equal(ask(user).stderr, 'computed 1\n')
  assert.equal(ask(user).stderr, '')
})

describe('the file is found, and read, in each form', () => {
  const kept = (user: Project, options: RunOptions = {}): string =>
    ask(user, options).directory.replace(user.directory, '.')

  test('as JSON, beside the nearest package.json above', (t) => {
    const user = asking(t, { 'permafrost.config.json': '{ "directory": "json" }', 'src/deep/x.txt': '' })
    assert.equal(kept(user), './json')
    assert.equal(kept(user, { cwd: 'src/deep' }), './json')
    user.write({ 'src/package.json': '{ "type": "module" }' })
    assert.equal(kept(user, { cwd: 'src/deep' }), './src/.permafrost')
  })

  test('as JavaScript, of either kind', (t) => {
    const source = `
      import { defineConfig } from 'permafrost'
      export default defineConfig({ directory: 'js' })`
    const user = asking(t, { 'permafrost.config.js': source })
    assert.deepEqual([kept(user), ask(user).stderr], ['./js', ''])
    const common = project(t, {
      'package.json': '{}',
      'main.js': '',
      'permafrost.config.js': "module.exports = { directory: 'common' }",
    })
    assert.deepEqual(setting(config(common), 'directory'), {
      value: join(common.directory, 'common'),
      from: 'file',
    })
    const modular = asking(t, { 'permafrost.config.mjs': source })
    assert.equal(kept(modular), './js')
  })

  test('as TypeScript, where Node or a loader runs it; elsewhere it says so', (t) => {
    const user = asking(t, {
      'permafrost.config.ts': `
        import { type Configuration, defineConfig } from 'permafrost'
        const config: Configuration = { directory: 'ts' }
        export default defineConfig(config)`,
    })
    const loader = ['--import', createRequire(import.meta.url).resolve('tsx')]
    assert.equal(kept(user, { node: loader }), './ts')
    const isStripped = Boolean((process.features as { readonly typescript?: unknown }).typescript)
    if (isStripped) return assert.equal(kept(user), './ts')
    const { computed, stderr } = ask(user)
    assert.deepEqual(computed, ['1'])
    assert.match(stderr, /permafrost\.config\.ts: this Node does not run TypeScript: take 22\.18/)
  })

  test('wherever PERMAFROST_CONFIG says, from which its paths count', (t) => {
    const user = asking(t, {
      'permafrost.config.json': '{ "directory": "usual" }',
      'settings/other.json': '{ "directory": "beside" }',
    })
    assert.equal(kept(user, { env: { PERMAFROST_CONFIG: 'settings/other.json' } }), './settings/beside')
  })

  test('and never because permafrost is imported', (t) => {
    const user = project(t, {
      'package.json': '{ "type": "module" }',
      'permafrost.config.js': `console.log('read'); export default {}`,
      'main.js': `
        import { MemoizedGroup, memoize } from 'permafrost'
        const f = memoize((x) => x)
        const group = new MemoizedGroup({ directory: 'other' })
        const g = group.memoize((x) => x)
        console.log('imported')
        if (process.argv[2] === 'own') g(1)
        else f(1)
        f(2)
        g(2)`,
    })
    assert.deepEqual(user.run('main.js').printed, ['imported', 'read'])
    assert.deepEqual(user.run('main.js', { args: ['own'] }).printed, ['imported', 'read'])
  })
})

describe('a file that is wrong', () => {
  const wrong: Readonly<Record<string, readonly [file: string, source: string, message: RegExp]>> = {
    'a misspelled key': [
      'permafrost.config.json',
      '{ "maxsize": "1GB" }',
      /permafrost\.config\.json: unknown option "maxsize"; did you mean "maxSize"\?/,
    ],
    'a function in the place of data': [
      'permafrost.config.js',
      'export default { onError: () => {} }',
      /unknown option "onError"; known are directory, /,
    ],
    'a wrong value': [
      'permafrost.config.json',
      '{ "ttl": "7 days" }',
      /expected the "ttl" option to be milliseconds or a duration such as '90s' or '7d', found "7 days"/,
    ],
    'a policy that is no name': [
      'permafrost.config.js',
      'export default { policy: { name: "x", score: () => 1 } }',
      /expected the "policy" option to be "gdsf" or .*, found an object/,
    ],
    'a key in the file': [
      'permafrost.config.json',
      '{ "signingKey": "secret" }',
      /expected the "signingKey" option to be an object of "env"/,
    ],
    'a misspelled key within': [
      'permafrost.config.json',
      '{ "pipelines": [{ "functions": "^a", "pipelineID": "x" }] }',
      /: pipelines\[0\]: unknown option "pipelineID"; did you mean "pipelineId"\?/,
    ],
    'a key that is missing within': [
      'permafrost.config.json',
      '{ "pipelines": [{ "functions": "^a", "pipelineId": "x" }, { "pipelineId": "x" }] }',
      /: pipelines\[1\]: "functions" is missing: a regular expression/,
    ],
    'what is no regular expression': [
      'permafrost.config.json',
      '{ "pipelines": [{ "functions": "(", "pipelineId": "x" }] }',
      /expected the "functions" option to be a regular expression over names of functions, as text, found "\("/,
    ],
    'no JSON': ['permafrost.config.json', '{ ttl: 1 }', /permafrost\.config\.json: .*JSON/],
    'no default export': [
      'permafrost.config.js',
      'export const config = {}',
      /permafrost\.config\.js: it has no default export/,
    ],
    'code that throws': [
      'permafrost.config.js',
      'throw new Error("not today")',
      /permafrost\.config\.js: not today/,
    ],
    'code that does not end at once': [
      'permafrost.config.mjs',
      'await 1; export default {}',
      /permafrost\.config\.mjs: .*top-level await/,
    ],
    'something else than an object': [
      'permafrost.config.js',
      'export default () => ({})',
      /expected the options to be an object, found a function/,
    ],
  }
  for (const [name, [file, source, message]] of Object.entries(wrong)) {
    test(`${name}: a call survives, uncached, with one warning; the command line fails`, (t) => {
      const user = asking(t, { [file]: source })
      for (const _ of ['first', 'second']) {
        const { computed, stderr } = ask(user)
        assert.deepEqual(computed, ['1'])
        assert.match(stderr, message)
        assert.equal(stderr.match(/PermafrostWarning/g)?.length, 1, stderr)
        assert.match(stderr, /ERR_CONFIGURATION.*; functions run uncached/)
      }
      assert.equal(existsSync(join(user.directory, '.permafrost')), false)
      for (const args of [['ls'], ['config']]) {
        const { status, stderr } = command(user, args)
        assert.deepEqual([status, stderr.split('\n').length], [2, 2], stderr)
        assert.match(stderr, message)
      }
    })
  }

  test('a named file that is not there, and two of them', (t) => {
    const user = asking(t)
    const { stderr } = ask(user, { env: { PERMAFROST_CONFIG: 'nowhere.json' } })
    assert.match(stderr, /there is no file .*nowhere\.json, which PERMAFROST_CONFIG names/)
    user.write({ 'permafrost.config.json': '{}', 'permafrost.config.js': 'export default {}' })
    assert.match(
      command(user, ['ls']).stderr,
      /^permafrost: .*permafrost\.config\.js: there is permafrost\.config\.json beside it; keep one of them\n$/,
    )
  })

  test('an environment that is wrong is the same to the default group', (t) => {
    const user = asking(t)
    for (const [variable, text] of [
      ['PERMAFROST_MODE', 'reed'],
      ['PERMAFROST_RESULTS_ONLY', 'maybe'],
      ['PERMAFROST_PATIENCE', 'long'],
      ['PERMAFROST_BLOB_STORE', 'no uri'],
      ['PERMAFROST_PIPELINE_ID', 'a//b'],
    ] as const) {
      const { computed, stderr } = ask(user, { env: { [variable]: text } })
      assert.deepEqual(computed, ['1'])
      assert.match(stderr, new RegExp(`ERR_CONFIGURATION.* ${variable}: expected the .*, found "${text}"`))
    }
  })

  test('groups of a program keep nothing either, and tell their listener', (t) => {
    const user = project(t, {
      'package.json': '{ "type": "module" }',
      'permafrost.config.json': '{ "pipeline": [] }',
      'main.js': `
        import { MemoizedGroup } from 'permafrost'
        const codes = []
        const group = new MemoizedGroup({ directory: 'own', onError: ({ code }) => codes.push(code) })
        const f = group.memoize((x) => { console.error('computed ' + x); return x }, { name: 'f' })
        f(1)
        console.log(f(1), f.why(1), codes.join())`,
    })
    const { computed, printed, stderr } = user.run('main.js')
    assert.deepEqual(computed, ['1', '1'], stderr)
    assert.deepEqual(printed, ['1 absent: the cache directory cannot be used ERR_CONFIGURATION'])
  })

  test('one that calls memoized functions itself', (t) => {
    const user = asking(t, {
      'permafrost.config.js': `
        import { memoize } from 'permafrost'
        export default { maxEntries: memoize((x) => x)(5) }`,
    })
    const { computed, stderr } = ask(user)
    assert.deepEqual(computed, ['1'])
    assert.match(stderr, /the configuration file calls a memoized function while it is read/)
  })
})

describe('for all groups', () => {
  const OWN = `
    import { addPipelineHandler, MemoizedGroup } from 'permafrost'
    const group = new MemoizedGroup({ directory: 'own', blobStore: process.argv[2] })
    const named = (name, options) =>
      group.memoize(async (x) => { console.error('computed ' + name); return x }, { name, version: 1, ...options })
  `

  test('plugins bring schemes; one that fails costs the store, not the call', (t) => {
    const user = project(t, {
      'package.json': '{ "type": "module" }',
      'settings/permafrost.config.json': '{ "plugins": ["./upper.js", "team-store"] }',
      'settings/upper.js': `
        import { openBlobStore, registerBlobStore } from 'permafrost/blob'
        registerBlobStore('upper', async () => {
          const inner = await openBlobStore('URI')
          const put = (key, source, options) => inner.put(key, source.bytes ?? source.stream(), options)
          return { uri: 'upper:', capabilities: inner.capabilities, put,
            get: (key, options) => inner.get(key, options), head: (key, options) => inner.head(key, options),
            delete: (key, options) => inner.delete(key, options), list: (prefix, options) => inner.list(prefix, options),
            close: () => inner.close() }
        })`,
      'node_modules/team-store/package.json': '{ "type": "module", "exports": "./it.js" }',
      'node_modules/team-store/it.js': `console.log('imported')`,
      'main.js': `${OWN}
        await named('fit')(1)
        console.log((await group.push()).sent)`,
    })
    const uri = pathToFileURL(join(user.directory, 'blobs')).href
    user.edit('settings/upper.js', 'URI', uri)
    const env = { PERMAFROST_CONFIG: 'settings/permafrost.config.json' }
    const run = (): Run => user.run('main.js', { args: ['upper:store'], env })
    const first = run()
    assert.deepEqual([first.printed, first.stderr], [['imported', '1'], 'computed fit\n'])
    rmSync(join(user.directory, 'own'), { recursive: true })
    assert.deepEqual(run().computed, [])

    user.write({ 'settings/upper.js': 'throw new Error("not today")' })
    rmSync(join(user.directory, 'own'), { recursive: true })
    const { computed, status, stderr } = run()
    assert.deepEqual([computed, status], [['fit'], 0])
    assert.match(
      stderr,
      /ERR_BLOB_REFUSED.*permafrost\.config\.json: the plugin "\.\/upper\.js" failed: not today/,
    )
  })

  test("a handler of the program comes before the file's, whenever it was added", (t) => {
    const user = project(t, {
      'package.json': '{ "type": "module" }',
      'permafrost.config.json': '{ "pipelines": [{ "functions": "^fit", "pipelineId": "in/file" }] }',
      'main.js': `${OWN}
        const pipeline = (f) => f.memoUri(1).split('/permafrost-1/')[1].split('/fit')[0]
        const fit = named('fit', { pipelineId: 'own' })
        console.log(pipeline(fit))
        const added = addPipelineHandler(/fit/, 'in/program')
        console.log(pipeline(fit))
        added[Symbol.dispose]()
        console.log(pipeline(fit))`,
    })
    const { printed, stderr } = user.run('main.js', { args: ['memory:'] })
    assert.deepEqual([printed, stderr], [['in/file', 'in/program', 'in/file'], ''])
  })

  test("memospaces go by names, and a function's own is stronger", (t) => {
    const user = project(t, {
      'package.json': '{ "type": "module" }',
      'main.js': `${OWN}
        await named('old')(1)
        console.log(named('old').memoUri(1).replace(/\\/[^/]*$/, ''))
        await group.push()`,
      'later.js': `${OWN}
        console.log(await named('new')(1), await named('newer', { memospace: process.argv[3] })(1), await named('constructor')(1))`,
    })
    const uri = pathToFileURL(join(user.directory, 'blobs')).href
    const [memospace] = user.run('main.js', { args: [uri] }).printed
    user.write({
      'permafrost.config.json': JSON.stringify({ memospaces: { new: memospace, newer: `${memospace}x` } }),
    })
    const { computed, printed, stderr } = user.run('later.js', { args: [uri, memospace!] })
    assert.deepEqual([computed, printed], [['constructor'], ['1 1 1']], stderr)
    user.write({ 'permafrost.config.json': '{}' })
    rmSync(join(user.directory, 'own'), { recursive: true })
    assert.ok(user.run('later.js', { args: [uri, memospace!] }).computed.includes('new'))
  })

  test('a captured function counts with the memospace that the file gives it', (t) => {
    const user = project(t, {
      'package.json': '{ "type": "module" }',
      'main.js': `
        import { digest, memoize } from 'permafrost'
        const inner = memoize((x) => x, { name: 'inner' })
        console.log(digest(() => inner(1)))`,
    })
    const seen = ['{}', '{ "memospaces": { "inner": "a" } }', '{ "memospaces": { "other": "a" } }'].map(
      (file) => {
        user.write({ 'permafrost.config.json': file })
        return user.run('main.js').printed[0]
      },
    )
    assert.notEqual(seen[0], seen[1])
    assert.equal(seen[0], seen[2])
  })
})

describe('permafrost config', () => {
  test('tells each setting, its value and where it comes from', (t) => {
    const user = asking(t, {
      'permafrost.config.json': JSON.stringify({
        directory: 'kept',
        ttl: '7d',
        blobStore: 's3://me:hidden@bucket/results',
        signingKey: { env: 'OUR_KEY' },
        pipelines: [{ functions: '^a', pipelineId: 'x' }],
      }),
    })
    const told = config(user, { PERMAFROST_MODE: 'read', OUR_KEY: 'hidden' })
    assert.equal(told.file, join(user.directory, 'permafrost.config.json'))
    assert.doesNotMatch(JSON.stringify(told), /hidden/)
    const expected = {
      directory: { value: join(user.directory, 'kept'), from: 'file' },
      maxSize: { value: '1GiB', from: 'default' },
      maxEntries: { from: 'default' },
      ttl: { value: '7d', from: 'file' },
      blobStore: { value: 's3://bucket/results', from: 'file' },
      mode: { value: 'read', from: 'environment', variable: 'PERMAFROST_MODE' },
      signingKey: { value: '(set)', from: 'file' },
      pipelines: { value: [{ functions: '^a', pipelineId: 'x' }], from: 'file' },
      memospaces: { from: 'default' },
    }
    for (const [name, is] of Object.entries(expected)) assert.deepEqual(setting(told, name), is, name)
    assert.deepEqual(setting(config(user), 'signingKey'), { value: '(not set: OUR_KEY)', from: 'file' })
    assert.deepEqual(setting(config(user, { PERMAFROST_SIGNING_KEY: 'hidden' }), 'signingKey'), {
      value: '(set)',
      from: 'environment',
      variable: 'PERMAFROST_SIGNING_KEY',
    })
    const shown = command(user, ['config', '--directory', 'named'], {
      PERMAFROST_MODE: 'read',
      OUR_KEY: 'hidden',
    })
    assert.match(shown.printed[0]!, /^file +.*permafrost\.config\.json$/)
    for (const line of [
      /^directory +\S+named +--directory *$/,
      /^ttl +7d +the file *$/,
      /^mode +read +PERMAFROST_MODE *$/,
      /^maxSize +1GiB +default *$/,
      /^memospaces +none +default *$/,
    ])
      assert.ok(
        shown.printed.some((printed) => line.test(printed)),
        `${line}: ${shown.printed.join('\n')}`,
      )
  })

  test('its defaults are those of a group', (t) => {
    const user = asking(t)
    const told = config(user)
    assert.equal(told.file, undefined)
    assert.ok(told.settings.every(({ from }) => from === 'default'))
  })

  test("the other commands work in the file's directory, unless another is named", (t) => {
    const user = asking(t, { 'permafrost.config.json': '{ "directory": "kept" }' })
    ask(user)
    const [line] = command(user, ['ls']).printed.slice(1)
    assert.match(line!, /^fit /)
    mkdirSync(join(user.directory, 'empty'))
    assert.deepEqual(command(user, ['ls'], { PERMAFROST_DIR: 'empty' }).printed, ['nothing is kept'])
    assert.deepEqual(command(user, ['ls', '-d', 'empty']).printed, ['nothing is kept'])
    // whoever names a directory needs no file
    user.write({ 'permafrost.config.json': '{ "directory": 1 }' })
    assert.deepEqual(command(user, ['ls', '-d', 'empty']).printed, ['nothing is kept'])
  })

  test("remote commands work on the file's blob store, with its plugins", (t) => {
    const user = asking(t)
    const blobs = pathToFileURL(join(user.directory, 'blobs')).href
    user.write({
      'permafrost.config.json': JSON.stringify({ blobStore: blobs, plugins: ['./plugin.js'] }),
      'plugin.js': `console.log('imported')`,
    })
    assert.equal(ask(user).sent, 1)
    const { printed, stderr } = command(user, ['remote', 'ls'])
    assert.equal(printed[0], 'imported', stderr)
    assert.match(printed[2]!, /^fit +default /)
  })

  test('doctor tells what is wrong with the file, and goes on', (t) => {
    const user = asking(t, { 'permafrost.config.json': '{ "tll": 1 }' })
    const { printed, status } = command(user, ['doctor'])
    assert.equal(status, 1)
    assert.ok(printed.some((line) => /^problem +configuration: .*did you mean "ttl"\?; mend it/.test(line)))
    user.write({ 'permafrost.config.json': '{}' })
    assert.ok(
      command(user, ['doctor']).printed.some((line) => /^ok +configuration: .*config\.json$/.test(line)),
    )
  })
})
