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

const compiledTo =
  (format: 'esm' | 'cjs') =>
  (source: string): string =>
    // decorators are lowered for es2022
    transformSync(source.replaceAll(".ts'", ".js'"), { loader: 'ts', format, target: 'es2022' }).code

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
  return {
    directory: user.directory,
    edit: (module, from, to) => user.edit(`${module}.${extension}`, from, to),
    run: (module, options = {}) =>
      user.run(`${module}.${extension}`, { ...options, node: [...node, ...(options.node ?? [])] }),
  }
}
