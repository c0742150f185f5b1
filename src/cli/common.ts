/**
 * What all commands share: the directory they work on, how they print, and how they end.
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import { BlobError, messageOf, type PermafrostError, StoreError, type StoreErrorCode } from '../errors.ts'
import { MemoizedGroup } from '../group.ts'
import { is } from '../options.ts'
import { isPrefix } from '../selection.ts'
import { settingOf } from '../settings.ts'
import type { ByteSize, Duration, Entry, EntryFilter } from '../types.ts'
import { shortened } from './words.ts'

/** How a command ends; `--help` says the same. */
export const EXIT = { fine: 0, wrong: 1, misuse: 2, stopped: 130 } as const

/** What was asked makes no sense. */
export class Misuse extends Error {}

/** What was asked for is not there, or went wrong. */
export class Failure extends Error {}

/** By Ctrl-C: all that is open is closed on the way, copies of a large index included. */
let interrupted = (): void => process.exit(EXIT.stopped)
process.on('SIGINT', () => interrupted())
process.on('SIGTERM', () => process.exit(143))

/** While `work` is done, Ctrl-C means something else. */
export async function whereCtrlC<T>(means: () => void, work: () => Promise<T>): Promise<T> {
  const before = interrupted
  interrupted = means
  try {
    return await work()
  } finally {
    interrupted = before
  }
}

interface Common {
  readonly directory?: string
  readonly json?: boolean
}

/** A command with its example, which its help shows. */
export function command(program: Command, usage: string, summary: string, example: string): Command {
  return program
    .command(usage)
    .summary(summary)
    .description(`${summary[0]!.toUpperCase()}${summary.slice(1)}.`)
    .addHelpText('after', `\nExample:\n  $ permafrost ${example}`)
}

const common = (of: Command): Common => of.optsWithGlobals<Common>()

export const wantsJson = (of: Command): boolean => common(of).json === true

/** Prints JSON if that is wanted, else what `say` says. */
export function answer(of: Command, value: unknown, say: () => string): void {
  console.log(wantsJson(of) ? JSON.stringify(value, null, 2) : say())
}

/** Tells of something that does not keep the command from its work. */
export const warn = (message: string): void =>
  console.error(`permafrost: warning: ${shortened(message, 2000)}`)

/** What the command line was told to work on, if it was. */
export const namedDirectory = (of: Command): string | undefined => common(of).directory

/** As programs have it that are told nothing else. Throws a `TypeError` for a configuration file that cannot be read. */
export function directoryOf(of: Command): string {
  const named = namedDirectory(of)
  if (named !== undefined) return resolve(named)
  return settingOf('directory') as string
}

/**
 * Does `act` with the directory open, which is there already unless it may be made. Without limits: those of the
 * programs that use it are not known here. Nothing is read twice, so none of it is kept in memory. `failures` are those
 * that were survived.
 */
export async function withGroup<T>(
  of: Command,
  access: 'read' | 'write' | 'make',
  act: (group: MemoizedGroup, failures: readonly PermafrostError[]) => T | Promise<T>,
): Promise<T> {
  const directory = directoryOf(of)
  if (access !== 'make' && !existsSync(directory))
    throw new Misuse(
      `there is no cache directory ${directory}; name another with --directory, or run a memoized function first`,
    )
  const failures: PermafrostError[] = []
  const group = new MemoizedGroup({
    directory,
    readonly: access === 'read',
    maxSize: Number.MAX_SAFE_INTEGER,
    memory: false,
    onError: (error) => {
      failures.push(error)
      // what needs to write says so itself
      if (error.code !== 'ERR_STORE_READONLY') warn(error.message)
    },
  })
  try {
    return await act(group, failures)
  } catch (error) {
    const isUnopened = error instanceof StoreError && error.code === 'ERR_STORE_CLOSED'
    throw isUnopened ? (failures[0] ?? error) : error
  } finally {
    group.close()
  }
}

/** Ends in one line that says what to do next. Returns the exit code. */
export function explainFailure(error: unknown): number {
  if (error instanceof Misuse || error instanceof Failure) {
    say(error.message)
    return error instanceof Misuse ? EXIT.misuse : EXIT.wrong
  }
  if (error instanceof StoreError) {
    say(`${error.message}${NEXT[error.code] ?? ''}`)
    return error.code === 'ERR_STORE_FOREIGN' || error.code === 'ERR_STORE_FORMAT' ? EXIT.misuse : EXIT.wrong
  }
  if (error instanceof BlobError) {
    say(error.message)
    // what this store can never do
    return error.code === 'ERR_BLOB_UNSUPPORTED' || error.code === 'ERR_BLOB_KEY' ? EXIT.misuse : EXIT.wrong
  }
  say(messageOf(error))
  return error instanceof TypeError || error instanceof RangeError ? EXIT.misuse : EXIT.wrong
}

const say = (message: string): void => console.error(`permafrost: ${shortened(message, 2000)}`)

/** What is not in the message already. */
const NEXT: Readonly<Partial<Record<StoreErrorCode, string>>> = {
  ERR_STORE_BUSY: '; try again when the other process is done',
  ERR_STORE_CORRUPT: '; run permafrost verify --repair',
  ERR_STORE_IO: '; run permafrost doctor',
  ERR_STORE_READONLY: '; run it as a user who may write there',
}

// what is asked for ------------------------------------------------------------------------------------------------

/** Which entries: the options that `filterOf` understands. */
export function withFilter(to: Command): Command {
  return to
    .option('-t, --tag <tag>', 'only those with this tag')
    .option('--older-than <age>', 'only those computed longer ago: an age such as 7d, or before a date')
    .option('--newer-than <age>', 'only those computed since')
    .option('--unused-for <age>', 'only those neither computed nor hit since')
    .option('--larger-than <size>', 'only those of more bytes, such as 10MB')
    .option('--code <digest>', 'only those of this code version: the first digits of its digest')
}

interface FilterOptions {
  readonly tag?: string
  readonly olderThan?: string
  readonly newerThan?: string
  readonly unusedFor?: string
  readonly largerThan?: string
  readonly code?: string
}

export function filterOf(of: Command, name?: string): EntryFilter {
  const { code, largerThan, newerThan, olderThan, tag, unusedFor } = of.opts<FilterOptions>()
  return {
    ...(name !== undefined && { name }),
    ...(tag !== undefined && { tag }),
    ...(code !== undefined && { code: codeOf(code) }),
    ...(olderThan !== undefined && { before: moment(olderThan, '--older-than') }),
    ...(newerThan !== undefined && { since: moment(newerThan, '--newer-than') }),
    ...(unusedFor !== undefined && { usedBefore: moment(unusedFor, '--unused-for') }),
    ...(largerThan !== undefined && { largerThan: bytesOf(largerThan, '--larger-than') }),
  }
}

/** A date as people and machines write it, or an age. */
function moment(text: string, option: string): Date | Duration {
  const date = new Date(text)
  if (/^\d{4}-/.test(text) && !Number.isNaN(date.getTime())) return date
  if (is.duration.accepts(text)) return text as Duration
  throw new Misuse(
    `${option} takes an age such as 90s, 12h or 7d, or a date such as 2026-05-01, not "${text}"`,
  )
}

function codeOf(text: string): string {
  const prefix = bare(text)
  if (isPrefix(prefix)) return prefix
  throw new Misuse(`--code takes the first digits of a digest, as show tells it under "code", not "${text}"`)
}

/** A size as the options of groups take it. */
export function bytesOf(text: string, option: string): ByteSize {
  const given = /^\d+$/.test(text) ? Number(text) : text
  if (is.size.accepts(given)) return given as ByteSize
  throw new Misuse(`${option} takes bytes or a size such as 500MB or 2GiB, not "${text}"`)
}

/** A positive integer; for commander. */
export function positive(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('It is to be 1 or more.')
  return value
}

/** Digits as people copy them. */
const bare = (text: string): string => text.toLowerCase().replace(/…$/, '')

/** Whether a call's digest may begin so. */
export const isKey = (text: string): boolean => isPrefix(bare(text))

/** The first digits of a digest: one of those that `ls` shows, or more. */
export function digits(text: string): string {
  const prefix = bare(text)
  if (isPrefix(prefix)) return prefix
  throw new Misuse(`"${text}" is not the beginning of a call's digest; permafrost ls shows them under "call"`)
}

/** The one entry whose call begins so. */
export function theEntry(group: MemoizedGroup, text: string): Entry {
  const prefix = digits(text)
  const found = group.find(prefix)
  if (found.length === 1) return found[0]!
  if (found.length === 0)
    throw new Failure(`nothing is kept of a call ${prefix}; permafrost why ${prefix} may tell more`)
  const some = found.slice(0, 4).map(({ key }) => `${key.digest.slice(0, prefix.length + 6)}… (${key.name})`)
  throw new Misuse(
    `several calls begin with ${prefix}: ${some.join(', ')}${found.length > 4 ? ' and more' : ''}; give more digits`,
  )
}
