/**
 * Functions from wherever people write them: other loaders, bundles, the REPL, worker threads, `vm`, a test runner. Each
 * runs twice, hits the second time, and misses after an edit of a helper.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { buildSync } from 'esbuild'
import ts from 'typescript'
import { type Project, project, type Run } from '../support/project.js'

const typescript = {
  'package.json': '{ "name": "user", "type": "module" }',
  'main.ts': `
import { memoize } from 'permafrost'
import { scale, type Factor } from './helper.ts'
import * as shapes from './shapes.ts'

const offset: number = 1
class Model<T extends number> {
  readonly weight: T
  constructor(weight: T) { this.weight = weight }
  apply(x: number): number { return x * (this.weight as number) + shapes.sides }
}
const work = memoize((x: number, by: Factor = { by: 2 }): readonly number[] => {
  console.error('computed work')
  return [scale(x, by) + offset, new Model(5).apply(x)]
})
console.log(JSON.stringify(work(4)))
`,
  'helper.ts': `
export interface Factor { readonly by: number }
export function scale(x: number, { by }: Factor): number { return x * by }
`,
  'shapes.ts': 'export const sides: number = 4\nexport const corners: number = 4\n',
}

/** Runs twice, edits a helper, runs twice; an edit of what is not used changes nothing. */
function check(user: Project, run: () => Run): void {
  const first = run()
  assert.deepEqual([first.status, first.computed], [0, ['work']], first.stderr)
  const second = run()
  assert.deepEqual([second.stderr, second.printed], ['', first.printed])
  user.edit('helper.ts', 'x * by', 'x + by')
  const edited = run()
  assert.deepEqual(edited.computed, ['work'], 'an edited helper was not noticed')
  assert.notDeepEqual(edited.printed, first.printed)
  user.edit('shapes.ts', 'sides: number = 4', 'sides: number = 6')
  assert.deepEqual(run().computed, ['work'], 'an edited constant was not noticed')
  user.edit('shapes.ts', 'corners: number = 4', 'corners: number = 5')
  assert.equal(run().stderr, '', 'an unused constant counted')
  user.edit('helper.ts', 'return x', '/* why */ return  x')
  assert.equal(run().stderr, '', 'a comment counted')
}

const major = Number(process.versions.node.split('.')[0])

describe('TypeScript', () => {
  test('run by tsx', (t) => {
    const user = project(t, typescript)
    const tsx = createRequire(import.meta.url).resolve('tsx')
    check(user, () => user.run('main.ts', { node: ['--import', tsx] }))
  })

  test('run by tsx as CommonJS', (t) => {
    const user = project(t, { ...typescript, 'package.json': '{}' })
    const tsx = createRequire(import.meta.url).resolve('tsx')
    check(user, () => user.run('main.ts', { node: ['--import', tsx] }))
  })

  // Node 20 does not strip types
  if (major >= 22) {
    test('run by Node, which strips types', (t) => {
      const user = project(t, typescript)
      const node = ['--experimental-strip-types', '--disable-warning=ExperimentalWarning']
      check(user, () => user.run('main.ts', { node }))
    })
  }

  for (const [name, module] of [
    ['ESM', ts.ModuleKind.ESNext],
    ['CommonJS', ts.ModuleKind.CommonJS],
  ] as const) {
    test(`compiled by tsc to ${name}`, (t) => {
      const user = project(t, typescript)
      const compile = (file: string) => {
        const text = ts.sys.readFile(join(user.directory, `${file}.ts`))!.replaceAll(".ts'", ".js'")
        const options = { module, target: ts.ScriptTarget.ES2022, esModuleInterop: true }
        user.write({ [`out/${file}.js`]: ts.transpileModule(text, { compilerOptions: options }).outputText })
      }
      const type = module === ts.ModuleKind.CommonJS ? 'commonjs' : 'module'
      user.write({ 'out/package.json': `{ "type": "${type}" }` })
      // require() of an ES module warns on Node 20
      const node = ['--disable-warning=ExperimentalWarning']
      check(user, () => {
        for (const file of ['main', 'helper', 'shapes']) compile(file)
        return user.run('out/main.js', { node })
      })
    })
  }
})

describe('bundled by esbuild', () => {
  for (const [name, options] of [
    ['ESM', { format: 'esm' }],
    ['CommonJS', { format: 'cjs' }],
    ['minified ESM', { format: 'esm', minify: true }],
    ['minified CommonJS', { format: 'cjs', minify: true }],
  ] as const) {
    test(name, (t) => {
      const user = project(t, typescript)
      const outfile = join(user.directory, options.format === 'esm' ? 'bundle.mjs' : 'bundle.cjs')
      check(user, () => {
        buildSync({
          entryPoints: [join(user.directory, 'main.ts')],
          bundle: true,
          platform: 'node',
          external: ['permafrost'],
          logLevel: 'error',
          outfile,
          ...options,
        })
        return user.run(outfile.slice(user.directory.length + 1), {
          node: ['--disable-warning=ExperimentalWarning'],
        })
      })
    })
  }
})

const plain = {
  'package.json': '{ "name": "user", "type": "module" }',
  'helper.ts': 'export const scale = (x, by) => { return x * by }\n',
  'shapes.ts': 'export const sides/*: number*/ = 4\nexport const corners/*: number*/ = 5\n',
}
const asJs = (user: Project) => {
  for (const file of ['helper', 'shapes']) {
    user.write({
      [`${file}.js`]: ts.sys
        .readFile(join(user.directory, `${file}.ts`))!
        .replaceAll(/\/\*: number\*\/|: number/g, ''),
    })
  }
}
const work = `memoize((x) => { console.error('computed work'); return scale(x, 2) + sides })`

describe('other places', () => {
  test('a worker thread', (t) => {
    const user = project(t, {
      ...plain,
      'shapes.ts': typescript['shapes.ts'],
      'main.js': `
import { isMainThread, Worker } from 'node:worker_threads'
import { memoize } from 'permafrost'
import { scale } from './helper.js'
import { sides } from './shapes.js'
const work = ${work}
if (isMainThread) new Worker(new URL(import.meta.url))
else console.log(work(4))
`,
    })
    check(user, () => {
      asJs(user)
      return user.run('main.js')
    })
  })

  test('the REPL', (t) => {
    const user = project(t, { ...plain, 'shapes.ts': typescript['shapes.ts'] })
    check(user, () => {
      asJs(user)
      const lines = [
        `const { memoize } = require('permafrost')`,
        `const { scale } = require('./helper.js')`,
        `const { sides } = require('./shapes.js')`,
        `const work = ${work}`,
        `console.log('RESULT ' + work(4))`,
      ]
      const { NODE_TEST_CONTEXT: _, ...env } = process.env
      const done = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', '-i'], {
        cwd: user.directory,
        input: lines.map((line) => `${line}\n`).join(''),
        encoding: 'utf8',
        env: { ...env, PERMAFROST_DIR: join(user.directory, 'cache') },
      })
      return {
        printed: done.stdout.split('\n').filter((line) => line.includes('RESULT')),
        computed: done.stderr
          .split('\n')
          .filter((line) => line.startsWith('computed '))
          .map((line) => line.slice(9)),
        stderr: done.stderr,
        status: done.status,
      }
    })
  })

  test('a vm context', (t) => {
    const user = project(t, {
      ...plain,
      'shapes.ts': typescript['shapes.ts'],
      'main.js': `
import vm from 'node:vm'
import { memoize } from 'permafrost'
import { scale } from './helper.js'
import { sides } from './shapes.js'
const context = vm.createContext({ memoize, scale, sides, console })
vm.runInContext(${JSON.stringify(`const work = ${work}; console.log(work(4))`)}, context)
`,
    })
    check(user, () => {
      asJs(user)
      return user.run('main.js')
    })
  })

  test('a test runner', (t) => {
    const user = project(t, {
      ...plain,
      'shapes.ts': typescript['shapes.ts'],
      'main.js': `
import { test } from 'node:test'
import { memoize } from 'permafrost'
import { scale } from './helper.js'
import { sides } from './shapes.js'
test('in a test', () => {
  const work = ${work}
  console.log('RESULT ' + work(4))
})
`,
    })
    check(user, () => {
      asJs(user)
      const ran = user.run('main.js')
      return { ...ran, printed: ran.printed.filter((line) => line.startsWith('RESULT')) }
    })
  })
})
