/**
 * A program written once, as TypeScript in ES modules, and run in each form people write: ESM, CommonJS, TypeScript.
 */
import { createRequire } from 'node:module'
import type { TestContext } from 'node:test'
import { transformSync } from 'esbuild'
import { project, type Run, type RunOptions } from './project.js'

export interface Form {
  readonly name: string
  readonly extension: 'js' | 'ts'
  readonly type: 'module' | 'commonjs'
  readonly node: readonly string[]
  readonly written: (source: string) => string
}

/** Decorators are lowered for es2022; for Node, CommonJS is written so that `import` finds the names. */
const options = { loader: 'ts', target: 'es2022', platform: 'node' } as const

const compiledTo =
  (format: 'esm' | 'cjs') =>
  (source: string): string =>
    transformSync(source.replaceAll(".ts'", ".js'"), { ...options, format }).code

export const forms: readonly Form[] = [
  { name: 'ESM', extension: 'js', type: 'module', node: [], written: compiledTo('esm') },
  {
    name: 'CommonJS',
    extension: 'js',
    type: 'commonjs',
    // require() of an ES module warns on Node 20
    node: ['--disable-warning=ExperimentalWarning'],
    written: compiledTo('cjs'),
  },
  {
    name: 'TypeScript',
    extension: 'ts',
    type: 'module',
    node: ['--import', createRequire(import.meta.url).resolve('tsx')],
    written: (source) => source,
  },
]

export interface Program {
  readonly directory: string
  /** Replace text of the module as it was written, in whatever form. */
  edit(module: string, from: string, to: string): void
  run(module: string, options?: RunOptions): Run
  /** What the module is called in this form: `main.js`. */
  file(module: string): string
  /** Ask permafrost's command line. */
  ask(...args: readonly string[]): Run
}

/** @param modules sources by name without extension; they import each other as `'./name.ts'`. */
export function program(
  t: TestContext,
  { extension, node, type, written }: Form,
  modules: Readonly<Record<string, string>>,
  more: Readonly<Record<string, string>> = {},
): Program {
  const user = project(t, { 'package.json': `{ "name": "user", "type": "${type}" }`, ...more })
  for (const [name, source] of Object.entries(modules))
    user.write({ [`${name}.${extension}`]: written(source) })
  const file = (module: string) => `${module}.${extension}`
  return {
    directory: user.directory,
    file,
    edit: (module, from, to) => user.edit(file(module), from, to),
    run: (module, options = {}) =>
      user.run(file(module), { ...options, node: [...node, ...(options.node ?? [])] }),
    ask: (...args) => user.run('node_modules/permafrost/dist/cli/main.js', { args, node }),
  }
}
