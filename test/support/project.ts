/**
 * A small project in a fresh folder, run by real `node` processes, edited in between.
 *
 * The folder lies under build/ and has a copy of the package in its node_modules, as an installed one would; the
 * package's dependencies are found further up.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { TestContext } from 'node:test'

export const root: string = resolve(import.meta.dirname, '../../..')

export interface Run {
  /** Lines the program printed. */
  readonly printed: readonly string[]
  /** What functions said they computed, by `console.error('computed …')`. */
  readonly computed: readonly string[]
  readonly stderr: string
  readonly status: number | null
}

export interface RunOptions {
  readonly args?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  readonly node?: readonly string[]
  /** From the project's folder; default: that folder. */
  readonly cwd?: string
}

export interface Project {
  readonly directory: string
  write(files: Readonly<Record<string, string>>): void
  /** Replace the first `from` in a file; it must be there. */
  edit(file: string, from: string, to: string): void
  run(file: string, options?: RunOptions): Run
}

export function project(t: TestContext, files: Readonly<Record<string, string>>): Project {
  const parent = join(root, 'build', 'projects')
  mkdirSync(parent, { recursive: true })
  const directory = mkdtempSync(join(parent, 'p-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const write = (more: Readonly<Record<string, string>>) => {
    for (const [name, text] of Object.entries(more)) {
      const path = join(directory, name)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, text)
    }
  }
  write(files)
  const installed = join(directory, 'node_modules', 'permafrost')
  for (const part of ['dist', 'package.json'])
    cpSync(join(root, part), join(installed, part), { recursive: true })
  return {
    directory,
    write,
    edit(file, from, to) {
      const path = join(directory, file)
      const text = readFileSync(path, 'utf8')
      if (!text.includes(from)) throw new Error(`${file} has no ${JSON.stringify(from)}`)
      writeFileSync(
        path,
        text.replace(from, () => to),
      )
    },
    run(file, { args = [], cwd = '.', env = {}, node = [] } = {}) {
      const { NODE_OPTIONS, NODE_TEST_CONTEXT, ...inherited } = process.env
      const done = spawnSync(process.execPath, [...node, join(directory, file), ...args], {
        cwd: join(directory, cwd),
        encoding: 'utf8',
        env: { ...inherited, PERMAFROST_DIR: join(directory, 'cache'), ...env },
        timeout: 60_000,
      })
      const lines = (text: string) => text.split('\n').filter((line) => line !== '')
      return {
        printed: lines(done.stdout),
        computed: lines(done.stderr)
          .filter((line) => line.startsWith('computed '))
          .map((line) => line.slice('computed '.length)),
        stderr: done.stderr,
        status: done.status,
      }
    },
  }
}
