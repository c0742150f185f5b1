/**
 * The recipes as their reader meets them: each example is run in fresh processes, edited in between, and prints what
 * docs/recipes.md says that it prints.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { type Project, project, type Run, type RunOptions, root } from './support/project.js'

const EXAMPLES = 'docs/examples'
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const document = read('docs/recipes.md')
const { PNG } = createRequire(import.meta.url)('pngjs')
const CLI = 'node_modules/permafrost/dist/cli/main.js'

interface Recipe extends Project {
  readonly example: string
  again(options?: RunOptions): Run
  /** How many lines of a run begin like this. */
  count(run: Run, beginning: string): number
  change(from: string, to: string): void
}

function recipe(t: TestContext, example: string): Recipe {
  const names = readdirSync(join(root, EXAMPLES)).filter((name) => /\.(?:js|yml)$/.test(name))
  const sources = names.map((name) => [`${EXAMPLES}/${name}`, read(`${EXAMPLES}/${name}`)])
  const user = project(t, { 'package.json': '{ "type": "module" }', ...Object.fromEntries(sources) })
  const path = `${EXAMPLES}/${example}`
  return {
    ...user,
    example: path,
    again: (options) => user.run(path, options),
    count: ({ printed }, beginning) => printed.filter((line) => line.startsWith(beginning)).length,
    change: (from, to) => user.edit(path, from, to),
  }
}

/** Hits and misses of a function, as the table of a run has them. */
function counted({ printed, stderr }: Run, name: string): { hits: number; misses: number } {
  const row = printed.map((line) => new RegExp(`#${name} +(\\d+) +(\\d+) `).exec(line)).find(Boolean)
  assert.ok(row, `no ${name} in ${printed.join('\n')}${stderr}`)
  return { hits: Number(row[1]), misses: Number(row[2]) }
}

// what the document shows ------------------------------------------------------------------------------------------

/** What follows each command in the consoles that the document shows. */
function shown(): { readonly command: string; readonly output: string[] }[] {
  const consoles = [...document.matchAll(/^```console\n([\s\S]*?)^```$/gm)].map((match) => match[1]!)
  return consoles.flatMap((console) =>
    console.split(/^\$ /m).flatMap((part) => {
      const [command = '', ...output] = part.split('\n').filter((line) => line.trim() !== '')
      return command === '' ? [] : [{ command, output }]
    }),
  )
}

/** Times, sizes, dates and places differ each time. */
const unlike = (line: string): string =>
  line
    .replace(/^permafrost in .*/, 'permafrost in DIRECTORY')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'DATE')
    .replaceAll(/\b(?:[\d.]+(?:ms|s|m|h) ?)+(?= |,|$)/g, 'TIME')
    .replaceAll(/[\d.]+ µs/g, 'TIME')
    .replaceAll(/[\d.]+ k?M?B\b/g, 'SIZE')
    .replaceAll(/ +/g, ' ')

/** What was printed is what the document shows, run by run. */
function assertShown({ example }: Recipe, ...runs: readonly Run[]): void {
  const shownOf = shown().filter(({ command }) => command.split(' ')[1] === example)
  assert.equal(shownOf.length, runs.length)
  for (const [i, run] of runs.entries())
    assert.deepEqual(run.printed.map(unlike), shownOf[i]?.output.map(unlike))
}

// the recipes ------------------------------------------------------------------------------------------------------

describe('evaluate.js', () => {
  interface Asked {
    readonly system: string
    readonly question: string
    readonly seed: number
  }
  interface ModelServer {
    readonly url: string
    close(): void
  }
  interface ServerOptions {
    readonly version?: string
    readonly pause?: number
    readonly onAnswer?: (asked: Asked) => void
  }
  type Start = (options: ServerOptions) => Promise<ModelServer>

  /** A model server in this process, and what it was asked. */
  async function server(t: TestContext, { onAnswer, ...options }: ServerOptions = {}) {
    const { href } = pathToFileURL(join(root, EXAMPLES, 'model-server.js'))
    const { startModelServer } = (await import(href)) as { startModelServer: Start }
    const asked: Asked[] = []
    const { close, url } = await startModelServer({
      ...options,
      onAnswer: (one) => {
        asked.push(one)
        onAnswer?.(one)
      },
    })
    t.after(close)
    return { env: { MODEL_URL: url }, asked, take: () => asked.splice(0).length }
  }

  /** Not as `run` of a project, which would keep the server in this process from answering. */
  function start({ directory, example }: Recipe, env: NodeJS.ProcessEnv): ChildProcess {
    const { NODE_OPTIONS, NODE_TEST_CONTEXT, ...inherited } = process.env
    return spawn(process.execPath, [join(directory, example)], {
      cwd: directory,
      env: { ...inherited, PERMAFROST_DIR: join(directory, 'cache'), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }

  async function finish(child: ChildProcess): Promise<Run> {
    const [stdout, stderr, status] = await Promise.all([
      text(child.stdout!),
      text(child.stderr!),
      new Promise<number | null>((resolve) => child.once('close', resolve)),
    ])
    return { printed: stdout.split('\n').filter((line) => line !== ''), stderr, status, computed: [] }
  }

  test('asks once, whatever the server does, and again where that may change the answer', async (t) => {
    const user = recipe(t, 'evaluate.js')
    const model = await server(t)
    const run = async (env: NodeJS.ProcessEnv = model.env) => {
      const done = await finish(start(user, env))
      assert.equal(done.status, 0, done.stderr)
      assert.equal(done.stderr, '')
      return done
    }
    const began = performance.now()
    const first = await run()
    assert.ok(performance.now() - began > 1000, 'it waited as long as it was told')
    assert.equal(model.take(), 21)
    assert.deepEqual(counted(first, 'ask'), { hits: 0, misses: 24 })
    const second = await run()
    assert.equal(model.take(), 0)
    assert.deepEqual(counted(second, 'ask'), { hits: 21, misses: 3 }, 'refusals are asked again')
    assertShown(user, first, second)

    user.change('text.includes(expected)', 'text.endsWith(`${expected}.`)')
    user.change('retries: 5', 'retries: 6')
    await run({ ...model.env, MODEL_KEY: 'another' })
    assert.equal(model.take(), 0, 'neither how answers are graded nor how questions travel counts')
    user.change('SEEDS = [1, 2, 3]', 'SEEDS = [1, 2, 3, 4]')
    await run()
    assert.deepEqual(new Set(model.asked.map(({ seed }) => seed)), new Set([4]))
    assert.equal(model.take(), 7)
    user.change('What is 6 * 7?', 'What is 6 * 7, please?')
    await run()
    assert.equal(model.take(), 4)

    const newer = await server(t, { pause: 0, version: '2026-11-01' })
    await run(newer.env)
    assert.equal(newer.take(), 28, 'another model has other answers')
    await run()
    assert.equal(model.take(), 0, 'those of the old one are still there')
    user.change('in one sentence', 'in one word')
    await run()
    assert.equal(model.take(), 28)
  })

  test('after kill -9 in the middle, the next run asks for what is missing', async (t) => {
    const user = recipe(t, 'evaluate.js')
    let child: ChildProcess | undefined
    const onAnswer = () => {
      if (model.asked.length === 12) child?.kill('SIGKILL')
    }
    const model = await server(t, { pause: 0, onAnswer })
    child = start(user, model.env)
    assert.equal((await finish(child)).status, null)
    const before = model.asked.splice(0).map((one) => JSON.stringify(one))
    child = undefined
    assert.equal((await finish(start(user, model.env))).status, 0)
    const after = model.asked.map((one) => JSON.stringify(one))
    assert.equal(new Set([...before, ...after]).size, 21)
    const twice = after.filter((one) => before.includes(one))
    assert.ok(twice.length >= 1 && twice.length <= 4, 'at most those that were on their way')
  })

  test('two at once ask each question once', async (t) => {
    const user = recipe(t, 'evaluate.js')
    const model = await server(t, { pause: 0 })
    const both = await Promise.all([1, 2].map(() => finish(start(user, model.env))))
    for (const { status, stderr } of both) assert.equal(status, 0, stderr)
    assert.equal(model.take(), 21)
  })

  test('brings a server of its own', (t) => {
    const user = recipe(t, 'evaluate.js')
    assert.deepEqual(counted(user.again(), 'ask'), { hits: 0, misses: 24 })
    assert.deepEqual(counted(user.again(), 'ask'), { hits: 21, misses: 3 })
  })
})

test('benchmark.js measures again what was edited', (t) => {
  const user = recipe(t, 'benchmark.js')
  const first = user.again()
  assert.equal(first.stderr, '')
  assert.deepEqual(counted(first, 'measure'), { hits: 0, misses: 9 })
  const second = user.again()
  assert.deepEqual(counted(second, 'measure'), { hits: 9, misses: 0 })
  assert.deepEqual(second.printed.slice(0, 9), first.printed.slice(0, 9))
  assertShown(user, first, second)
  user.change('[...new Set(numbers)]', 'Array.from(new Set(numbers))')
  const third = user.again()
  assert.deepEqual(counted(third, 'measure'), { hits: 6, misses: 3 })
  assert.deepEqual(third.printed.slice(3, 9), first.printed.slice(3, 9))
  const anew = user.again({ args: ['--again'] })
  assert.deepEqual(counted(anew, 'measure'), { hits: 0, misses: 9 })
  assert.deepEqual(user.again().printed.slice(0, 9), anew.printed.slice(0, 9))
})

test('pipeline.js computes what depends on a changed file, and reads no table in between', (t) => {
  const user = recipe(t, 'pipeline.js')
  const work = (run: Run) => ['parsing', 'smoothing', 'summarising'].map((what) => user.count(run, what))
  const first = user.again()
  assert.equal(first.stderr, '')
  assert.deepEqual(work(first), [3, 3, 1])
  const second = user.again()
  assert.deepEqual(work(second), [0, 0, 0])
  const attic = join(user.directory, 'readings', 'attic.csv')
  const before = readFileSync(attic)
  writeFileSync(attic, `${before}86400,99\n`)
  const third = user.again()
  assert.deepEqual(work(third), [1, 1, 1])
  assertShown(user, first, second, third)
  writeFileSync(attic, before)
  assert.deepEqual(work(user.again()), [0, 0, 0])
  user.change('1440)', '720)')
  assert.deepEqual(work(user.again()), [0, 3, 1])

  // what is not there cannot be read
  for (const kept of ['objects', 'leaves']) rmSync(join(user.directory, 'cache', kept), { recursive: true })
  assert.deepEqual(work(user.again()), [0, 0, 0])
  rmSync(attic)
  const last = user.again()
  assert.equal(last.stderr, '')
  assert.deepEqual(work(last), [2, 2, 1], 'what is missing is computed again')
})

describe('commit.js', () => {
  for (const risk of ['kill', 'abort']) {
    test(`has all results after ${risk}`, (t) => {
      const user = recipe(t, 'commit.js')
      const first = user.again({ args: [risk] })
      assert.equal(first.status, null, 'it was killed')
      assert.equal(user.count(first, 'simulating'), 5)
      const second = user.again({ args: [risk] })
      assert.equal(second.status, null)
      assert.equal(user.count(second, 'simulating'), 0)
      assert.equal(user.again().status, 0)
      if (risk === 'kill') assertShown(user, first, second)
      assert.match(user.run(CLI, { args: ['verify'] }).printed.join('\n'), /nothing wrong/)
    })
  }

  test('a killed process loses nothing without commit, either', (t) => {
    const user = recipe(t, 'commit.js')
    user.change('group.commit()', '')
    assert.equal(user.count(user.again({ args: ['kill'] }), 'simulating'), 5)
    assert.equal(user.count(user.again(), 'simulating'), 0)
  })
})

test('pictures.js draws once, and puts back what is gone or changed', (t) => {
  const user = recipe(t, 'pictures.js')
  const poster = join(user.directory, 'pictures', 'poster.png')
  const work = (run: Run) => run.printed.slice(0, -1)
  const first = user.again()
  assert.equal(first.stderr, '')
  assert.deepEqual(work(first), [
    'computing the numbers',
    'drawing the SVG',
    'drawing the PNG',
    'drawing pictures/poster.png',
  ])
  const drawn = readFileSync(poster)
  assert.equal(PNG.sync.read(drawn).width, 320)
  const second = user.again()
  assert.deepEqual(work(second), [])
  assertShown(user, first, second)

  rmSync(join(user.directory, 'pictures'), { recursive: true })
  assert.deepEqual(work(user.again()), [])
  assert.deepEqual(readFileSync(poster), drawn)
  writeFileSync(poster, 'scribbled over')
  assert.deepEqual(work(user.again()), [])
  assert.deepEqual(readFileSync(poster), drawn)
  user.change('INK = [42', 'INK = [200')
  assert.deepEqual(work(user.again()), ['drawing the SVG', 'drawing the PNG'])
  user.change('BLACK = [0', 'BLACK = [50')
  assert.deepEqual(work(user.again()), ['drawing pictures/poster.png'])
  assert.notDeepEqual(readFileSync(poster), drawn)
})

describe('notebook.js', () => {
  const sessions = [...document.matchAll(/^```text\n([\s\S]*?)^```$/gm)].map((match) =>
    match[1]!.trimEnd().split('\n'),
  )

  test('keeps what cells return, from one session to the next', (t) => {
    const user = recipe(t, 'notebook.js')
    assert.equal(sessions.length, 2)
    for (const session of sessions) {
      const cells = session.filter((line) => line.startsWith('> ')).map((line) => line.slice(2))
      const output = session.filter((line) => !line.startsWith('> '))
      const { status, stderr, stdout } = spawnSync(process.execPath, [join(user.directory, user.example)], {
        cwd: user.directory,
        encoding: 'utf8',
        env: { ...process.env, PERMAFROST_DIR: join(user.directory, 'cache') },
        input: `${cells.join('\n')}\n`,
      })
      assert.equal(status, 0, stderr)
      const lines = stdout.split('\n').map((line) => line.replace(/^(?:> )+/, ''))
      assert.deepEqual(
        lines.filter((line) => line !== ''),
        output,
      )
    }
  })

  test('so does node -e', (t) => {
    const user = recipe(t, 'notebook.js')
    const code = `import { memoize } from 'permafrost'
      const half = memoize((n) => { console.log('computing'); return n / 2 })
      console.log(half(4))`
    const run = () =>
      spawnSync(process.execPath, ['--input-type=module', '-e', code], {
        cwd: user.directory,
        encoding: 'utf8',
        env: { ...process.env, PERMAFROST_DIR: join(user.directory, 'cache') },
      }).stdout
    assert.equal(run(), 'computing\n2\n')
    assert.equal(run(), '2\n')
  })

  test('under tsx watch, saving a file computes what the edit concerns', async (t) => {
    const user = recipe(t, 'notebook.js')
    user.write({
      'work.ts': `import { memoize } from 'permafrost'
        const load = memoize((n: number): number[] => { console.log('loading'); return Array(n).fill(2) })
        const total = memoize((all: number[]): number => { console.log('adding'); return all.reduce((a, b) => a + b, 0) })
        console.log(\`total \${total(load(10))}\`)`,
    })
    const tsx = join(dirname(createRequire(import.meta.url).resolve('tsx/package.json')), 'dist', 'cli.mjs')
    const { NODE_OPTIONS, NODE_TEST_CONTEXT, ...env } = process.env
    const watch = spawn(process.execPath, [tsx, 'watch', '--clear-screen=false', 'work.ts'], {
      cwd: user.directory,
      env: { ...env, PERMAFROST_DIR: join(user.directory, 'cache') },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    let told = ''
    const until = async (end: string): Promise<string[]> => {
      for await (const chunk of watch.stdout.iterator({ destroyOnReturn: false })) {
        told += chunk
        if (told.includes(end)) break
      }
      const lines = told.split('\n').filter((line) => /^(?:loading|adding|total)/.test(line))
      told = ''
      return lines
    }
    try {
      assert.deepEqual(await until('total 20\n'), ['loading', 'adding', 'total 20'])
      user.edit('work.ts', 'a + b, 0', 'a + b, 1')
      assert.deepEqual(await until('total 21\n'), ['adding', 'total 21'])
    } finally {
      const closed = once(watch, 'close')
      watch.stdout.resume()
      watch.kill()
      await closed
    }
  })
})

describe('ci.js', () => {
  const FILES = ['a', 'b', 'c', 'd', 'e'].map((name) => `src/${name}.js`)
  const withFiles = (t: TestContext): Recipe => {
    const user = recipe(t, 'ci.js')
    user.write(Object.fromEntries(FILES.map((path) => [path, `// ${path}\n`])))
    user.write({ 'src/c.js': `// ${'long '.repeat(30)}\n` })
    return user
  }

  test('checks once what did not change, and tells each time what it found', (t) => {
    const user = withFiles(t)
    const run = () => user.again({ args: ['src'] })
    const first = run()
    assert.equal(first.status, 1)
    assert.equal(first.stderr, '')
    assert.equal(user.count(first, 'checking'), 5)
    const second = run()
    assert.equal(second.status, 1)
    assert.deepEqual(second.printed, ['src/c.js:1 is too long', '5 files, 1 findings'])
    assertShown(user, first, second)
    user.edit('src/c.js', 'long', 'short')
    assert.equal(user.count(run(), 'checking'), 1)
    const uncached = user.again({ args: ['src'], env: { PERMAFROST_DISABLE: '1' } })
    assert.equal(user.count(uncached, 'checking'), 5)
  })

  test('what ci.yml says puts together what two machines found out', (t) => {
    const user = withFiles(t)
    const lines = read(`${EXAMPLES}/ci.yml`).split('\n')
    const jobOf = (name: string, end: number) => {
      const from = lines.indexOf(`  ${name}:`)
      assert.ok(from > 0)
      return lines.slice(from, end).flatMap((line) => /^ +(?:- )?run: (?!npm ci)(.*)$/.exec(line)?.[1] ?? [])
    }
    const check = jobOf('check', lines.indexOf('  keep:'))
    const keep = jobOf('keep', lines.length)
    assert.deepEqual([check.length, keep.length], [2, 4])
    const shell = (command: string, cache: string) => {
      const words = command
        .replaceAll('npx permafrost', `"${process.execPath}" ${CLI}`)
        .replace('node ci.js', `"${process.execPath}" ${user.example}`)
      const { NODE_OPTIONS, NODE_TEST_CONTEXT, ...env } = process.env
      return spawnSync(words, {
        cwd: user.directory,
        encoding: 'utf8',
        env: { ...env, PERMAFROST_DIR: join(user.directory, cache) },
        shell: true,
      })
    }
    for (const shard of ['1', '2']) {
      for (const command of check) {
        const ran = shell(command.replaceAll(/\$\{\{ matrix\.shard \}\}/g, shard), `machine ${shard}`)
        if (command.startsWith('npx')) assert.equal(ran.status, 0, ran.stderr)
        else assert.equal(ran.stdout.match(/^checking/gm)?.length, shard === '1' ? 3 : 2)
      }
    }
    for (const command of keep) {
      const ran = shell(command, 'cache')
      assert.equal(ran.status, 0, ran.stderr)
    }
    const again = user.again({ args: ['src'] })
    assert.equal(again.printed.at(-1), '5 files, 1 findings')
    assert.equal(user.count(again, 'checking'), 0)

    // the directory itself may travel, too
    cpSync(join(user.directory, 'cache'), join(user.directory, 'elsewhere'), { recursive: true })
    const env = { PERMAFROST_DIR: join(user.directory, 'elsewhere') }
    assert.equal(user.count(user.again({ args: ['src'], env }), 'checking'), 0)
  })
})

// the document -----------------------------------------------------------------------------------------------------

test('what the document quotes stands in the files it links to', () => {
  const linked = [...document.matchAll(/\]\((examples\/[\w.-]+)\)/g)].map((match) => `docs/${match[1]}`)
  for (const path of linked) assert.ok(existsSync(join(root, path)), path)
  const flat = (code: string) => code.replaceAll(/\s+/g, ' ').trim()
  const sources = linked.map((path) => flat(read(path)))
  const quotes = [...document.matchAll(/^```(?:js|yaml)\n([\s\S]*?)^```$/gm)].map((match) => match[1]!)
  assert.ok(quotes.length >= 7)
  for (const quote of quotes) {
    const parts = quote.split('…').map(flat)
    for (const part of parts)
      assert.ok(
        sources.some((source) => source.includes(part)),
        part,
      )
  }
})
