/** `doctor`: whether all that permafrost needs is here and works, line by line, with the next step where it does not. */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { configurationFile } from '../configuration.ts'
import { messageOf } from '../errors.ts'
import { digestBytes } from '../freeze/digest.ts'
import { canInspect } from '../freeze/inspect.ts'
import { factsOf, MemoizedGroup } from '../group.ts'
import type { GroupOptions } from '../index.ts'
import { settingsOf } from '../settings.ts'
import type { GroupStats } from '../types.ts'
import { answer, command, directoryOf, EXIT, namedDirectory } from './common.ts'
import { counted, shortened, size, styled } from './words.ts'

interface Finding {
  readonly what: string
  readonly state: 'ok' | 'warning' | 'problem'
  readonly found: string
  /** What to do about it. */
  readonly next?: string
}

/** @param engines the versions of Node that will do, as package.json says */
export function addDoctor(program: Command, engines: string): void {
  command(
    program,
    'doctor',
    'check Node, the native modules, the directory and the environment',
    'doctor',
  ).action((_: object, of: Command) => {
    const findings = examine(of, engines)
    answer(of, { findings }, () => findings.map(line).join('\n'))
    if (findings.some(({ state }) => state === 'problem')) process.exitCode = EXIT.wrong
  })
}

const STYLES = { ok: 'green', warning: 'yellow', problem: 'red' } as const
const LONGEST = 300

const line = ({ found, next, state, what }: Finding): string =>
  `${styled(STYLES[state], state.padEnd(7))}  ${what}: ${found}${next === undefined ? '' : `; ${next}`}`

function examine(of: Command, engines: string): Finding[] {
  const loaded = [hashing(), database()]
  const configured = configuration()
  // of what cannot be read nobody knows which directory it names
  const isKnown = configured.state === 'ok' || namedDirectory(of) !== undefined
  return [
    node(engines),
    ...loaded,
    inspector(),
    configured,
    ...(isKnown
      ? directory(
          of,
          loaded.every(({ state }) => state === 'ok'),
        )
      : []),
    ...environment(),
  ]
}

// the machine ------------------------------------------------------------------------------------------------------

function node(engines: string): Finding {
  const parts = (version: string): number[] => (version.match(/\d+/g) ?? []).map(Number)
  const [[major = 0, minor = 0], [wanted = 0, least = 0]] = [parts(process.version), parts(engines)]
  const isEnough = major > wanted || (major === wanted && minor >= least)
  const found = `${process.version} on ${process.platform} ${process.arch}`
  return isEnough
    ? { what: 'Node', state: 'ok', found }
    : { what: 'Node', state: 'problem', found, next: `permafrost needs ${engines}` }
}

function hashing(): Finding {
  const what = 'xxhash-addon'
  try {
    // of no bytes, as https://github.com/Cyan4973/xxHash says
    const isRight = digestBytes(Buffer.alloc(0)) === '99aa06d3014798d86001c324468d497f'
    if (isRight) return { what, state: 'ok', found: 'loads, and hashes as it should' }
    return {
      what,
      state: 'problem',
      found: 'hashes otherwise than it should',
      next: 'run npm rebuild xxhash-addon',
    }
  } catch (error) {
    return broken(what, error)
  }
}

function database(): Finding {
  const what = 'better-sqlite3'
  const directory = join(tmpdir(), `permafrost-doctor-${process.pid}`)
  const made = tried({ directory, temporary: true })
  if (made instanceof Error) return broken(what, made.cause ?? made)
  return { what, state: 'ok', found: 'loads, and makes an index' }
}

/** What a group with these options counts, or what is in its way: the first failure is nearest to what is broken. */
function tried(options: GroupOptions): GroupStats | Error {
  const failures: Error[] = []
  let stats: GroupStats | undefined
  try {
    const onError = (error: Error): void => void failures.push(error)
    const group = new MemoizedGroup({ ...options, memory: false, onError })
    try {
      stats = group.stats()
    } finally {
      group.close()
    }
  } catch (error) {
    failures.push(error as Error)
  }
  return failures[0] ?? stats!
}

const broken = (what: string, error: unknown): Finding => ({
  what,
  state: 'problem',
  found: shortened(messageOf(error), LONGEST),
  next: `run npm rebuild ${what}, with the Node that is to run it; it needs a C++ compiler and Python where there is no prebuilt binary`,
})

function inspector(): Finding {
  const what = 'node:inspector'
  return canInspect()
    ? { what, state: 'ok', found: 'shows what functions capture' }
    : {
        what,
        state: 'warning',
        found: 'refused, so functions that capture variables run uncached',
        next: 'run node without --permission, or give such functions a "version"',
      }
}

function configuration(): Finding {
  const what = 'configuration'
  try {
    settingsOf()
    const found = configurationFile()?.path ?? 'no file'
    return { what, state: 'ok', found }
  } catch (error) {
    const next = 'mend it: until then functions run uncached'
    return { what, state: 'problem', found: shortened(messageOf(error), LONGEST), next }
  }
}

// the directory ----------------------------------------------------------------------------------------------------

/** The default limit of a group. */
const ENOUGH = 2 ** 30

function directory(of: Command, canOpen: boolean): Finding[] {
  const path = directoryOf(of)
  const { exists, format, free, isWritable, network, refusal } = factsOf(path)
  const findings: Finding[] = []
  const add = (what: string, state: Finding['state'], found: string, next?: string): void =>
    void findings.push({ what, state, found, ...(next !== undefined && { next }) })
  if (refusal !== undefined)
    add('directory', 'problem', refusal, 'name another with --directory or PERMAFROST_DIR')
  else if (!exists) add('directory', 'ok', `${path} is not there yet, and will be made at the first use`)
  else if (canOpen) findings.push(contents(path, format))
  if (isWritable) add('writing', 'ok', exists ? 'allowed' : 'allowed where it will be')
  else
    add(
      'writing',
      'warning',
      'not allowed: results are used, new ones are not kept',
      `give yourself the right to write to ${path}`,
    )
  if (network === undefined) add('file system', 'ok', 'no network file system')
  else
    add(
      'file system',
      'warning',
      `on ${network}, or what may be`,
      'use it from one machine at a time, or choose a local directory',
    )
  if (free === undefined) add('room', 'ok', 'this system does not tell')
  else if (free >= ENOUGH) add('room', 'ok', `${size(free)} free`)
  else add('room', 'warning', `${size(free)} free`, 'choose another directory, or a smaller maxSize')
  return findings
}

function contents(path: string, format: number): Finding {
  const what = 'directory'
  const kept = tried({ directory: path, readonly: true })
  if (kept instanceof Error) {
    const found = `${path}: ${shortened(messageOf(kept), LONGEST)}`
    return { what, state: 'problem', found, next: 'run permafrost verify --repair' }
  }
  const found = `${path}, format ${format}: ${counted(kept.entries, 'result')} in ${size(kept.size)}`
  return { what, state: 'ok', found }
}

// the environment --------------------------------------------------------------------------------------------------

function environment(): Finding[] {
  const { DEBUG, NODE_OPTIONS, PERMAFROST_DIR, PERMAFROST_DISABLE, PERMAFROST_REPORT, PERMAFROST_RUN } =
    process.env
  const is = (state: Finding['state'], what: string, value: string | undefined, next: string): Finding[] =>
    value === undefined || value === '' ? [] : [{ what, state, found: shortened(value, LONGEST), next }]
  const set = [
    ...is('ok', 'PERMAFROST_DIR', PERMAFROST_DIR, 'results are kept there'),
    ...is(
      'warning',
      'PERMAFROST_DISABLE',
      PERMAFROST_DISABLE,
      'nothing is kept or looked up while it is 1, true, yes or on; unset it',
    ),
    ...is('ok', 'PERMAFROST_REPORT', PERMAFROST_REPORT, 'with 1 each group prints a report at the end'),
    ...is('ok', 'PERMAFROST_RUN', PERMAFROST_RUN, 'calls are noted in this run, for permafrost summary'),
    ...is('ok', 'NODE_OPTIONS', NODE_OPTIONS, 'they hold for whatever memoizes, too'),
    ...is('ok', 'DEBUG', DEBUG, 'with permafrost:* each hit and miss is told'),
  ]
  return set.length > 0
    ? set
    : [
        {
          what: 'environment',
          state: 'ok',
          found: 'none of PERMAFROST_DIR, _DISABLE, _REPORT and _RUN, NODE_OPTIONS and DEBUG is set',
        },
      ]
}
