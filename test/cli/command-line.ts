/** The command line as a user has it: a process of its own, in pipes or in a terminal. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { GroupOptions, MemoizedGroup } from 'permafrost'
import { root } from '../support/project.js'
import { temporaryGroup } from '../support/temporary.js'

export const BIN: string = join(root, 'dist', 'cli', 'main.js')

export interface Said {
  readonly stdout: string
  readonly stderr: string
  readonly status: number | null
}

/** What the tests' own environment must not decide. */
export function environment(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  // Node takes the terminal of an unknown CI for one without colours
  const { CI, DEBUG, FORCE_COLOR, NODE_OPTIONS, NODE_TEST_CONTEXT, NO_COLOR, PERMAFROST_DIR, ...rest } =
    process.env
  return { ...rest, ...more }
}

export function permafrost(...args: readonly string[]): Said {
  const { status, stderr, stdout } = spawnSync(process.execPath, [BIN, ...args], {
    encoding: 'utf8',
    env: environment(),
    maxBuffer: 2 ** 30,
    timeout: 120_000,
  })
  return { stderr, stdout, status }
}

/** The same by somebody who is not root, for whom alone there are rights; what is loaded later is loaded before. */
export function asNobody(...args: readonly string[]): Said {
  const program = `
    import ${JSON.stringify(new URL('../store/preload.js', import.meta.url).href)}
    import { digestBytes } from ${JSON.stringify(pathToFileURL(join(root, 'dist', 'freeze', 'digest.js')).href)}
    digestBytes(Buffer.alloc(0))
    Object.defineProperty(process, 'argv', { get() {
      if (process.getuid?.() === 0) { process.setgid(65534); process.setuid(65534) }
      return ${JSON.stringify(['node', ...args])}
    } })
    await import(${JSON.stringify(pathToFileURL(BIN).href)})`
  const { status, stderr, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
    env: environment(),
    timeout: 120_000,
  })
  return { stderr, stdout, status }
}

/** Asks for what a directory holds. */
export const on =
  (directory: string) =>
  (...args: readonly string[]): Said =>
    permafrost('--directory', directory, ...args)

export const json = ({ stderr, stdout }: Said): any => {
  try {
    return JSON.parse(stdout)
  } catch {
    throw new Error(`no JSON: ${stdout}${stderr}`)
  }
}

/** Whether a terminal can be had: util-linux's script makes one. */
export const SCRIPT: string | undefined = ['/usr/bin/script', '/bin/script'].find((path) => existsSync(path))

/** What a terminal shows of a shell's command line; stdout and stderr as one. */
export function inTerminal(
  line: string,
  env: NodeJS.ProcessEnv = {},
): { shown: string; status: number | null } {
  const { status, stdout } = spawnSync(SCRIPT!, ['-qec', line, '/dev/null'], {
    encoding: 'utf8',
    env: environment({ TERM: 'xterm', SHELL: '/bin/bash', ...env }),
    timeout: 120_000,
  })
  return { shown: stdout, status }
}

export const quoted = (...words: readonly string[]): string =>
  words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ')

/** The time in the directories made here: so long ago that no clock of a test comes near it. */
export const START = Date.parse('2026-01-01T00:00:00Z')
const HOUR = 3_600_000

/** A directory with three squares (tag `maths`), one half that expires, and a large list, each computed an hour after the other. */
export function filled(t: TestContext): {
  directory: string
  reopen: (more?: GroupOptions) => MemoizedGroup
} {
  let now = START
  const clock = (): number => now
  const { group, reopen } = temporaryGroup(t, { clock })
  const later = <T>(work: () => T): T => {
    now += HOUR
    return work()
  }
  const slowly = (): void => {
    // what takes less than a millisecond is not noted
    for (const end = performance.now() + 2; performance.now() < end; );
  }
  const square = group.memoize(
    (x: number) => {
      slowly()
      return x * x
    },
    { name: 'src/maths.js#square', tags: ['maths'], version: 1 },
  )
  const half = group.memoize((x: number) => x / 2, { name: 'src/maths.js#half', ttl: '1h', version: 1 })
  const list = group.memoize(
    (options: { length: number }) => {
      slowly()
      return Array.from({ length: options.length }, (_, n) => `row ${n}`)
    },
    { name: 'src/list.js#list', version: 1 },
  )
  for (const x of [1, 2, 3]) later(() => square(x))
  later(() => half(4))
  later(() => list({ length: 10_000 }))
  later(() => square(1))
  group.close()
  return { directory: group.directory, reopen }
}
