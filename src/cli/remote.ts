/** Results in a blob store, which others share: `remote ls`, `stats`, `gc`, `verify`, `copy`. */
import { setImmediate } from 'node:timers/promises'
import type { Command } from 'commander'
import type { BlobStore } from '../blob/blob-store.ts'
import { is, milliseconds } from '../options.ts'
import { copyResults } from '../shared/copy.ts'
import { describe, type ListedCall, listResults, sumUp, type Where } from '../shared/survey.ts'
import { collect } from '../shared/upkeep.ts'
import { verifyResults } from '../shared/verify.ts'
import type { Duration } from '../types.ts'
import { answer, command, EXIT, Misuse, positive, wantsJson } from './common.ts'
import { watched } from './progress.ts'
import { aboutOf, type RemoteEntry, remoteEntry } from './remote-result.ts'
import { signingKeyOf, storeUriOf, withBlobStore, withStoreOption } from './stores.ts'
import { counted, headed, number, plain, roughly, shortened, size, styled, table, time } from './words.ts'

/** Rows of one table: more are set one table after the other. */
const ROWS = 500

export function addRemote(program: Command): void {
  const remote = command(
    program,
    'remote',
    'results in a blob store: list, tidy, verify, copy',
    'remote ls',
  ).helpCommand(false)
  const sub = (usage: string, summary: string, example: string): Command =>
    withWhere(command(remote, usage, summary, `remote ${example}`))

  withStoreOption(sub('ls', 'list results in the order of their keys', 'ls --function "src/train*" --long'))
    .option('-l, --long', 'read their headers, too: who computed them, and how long it took')
    .option(
      '-n, --limit <count>',
      'how many, or "all"',
      (text) => (text === 'all' ? text : positive(text)),
      50,
    )
    .action(list)

  withStoreOption(sub('stats', 'results and bytes by pipeline and function', 'stats')).action(stats)

  withStoreOption(
    sub('gc', 'remove what is old, and large memory that no result names', 'gc --older-than 30d --dry-run'),
  )
    .option('--older-than <age>', 'results written longer ago, such as 30d, by the clock of the store')
    .option('--dry-run', 'only count them')
    .action(gc)

  withStoreOption(sub('verify', 'read all results and compare them with their digests', 'verify --repair'))
    .option('--repair', 'delete what is damaged')
    .action(verify)

  sub(
    'copy',
    'copy results to another blob store, except those that are there',
    'copy s3://bucket/cache file:///mnt/cache',
  )
    .argument('<from>', 'the URI of a blob store')
    .argument('<to>', 'that of another one')
    .option('--start-at <key>', 'pass over what comes before this key')
    .action(copy)
}

const withWhere = (to: Command): Command =>
  to
    .option('--pipeline <id>', 'only results of this pipeline, and of those below it')
    .option('--function <name>', 'only those of this function; * stands for any characters')

function whereOf(of: Command): Where {
  const { function: functionId, pipeline: pipelineId } = of.opts<{ pipeline?: string; function?: string }>()
  return { pipelineId, functionId }
}

// looking ----------------------------------------------------------------------------------------------------------

interface ListOptions {
  readonly long?: boolean
  readonly limit: number | 'all'
}

async function list({ limit, long = false }: ListOptions, of: Command): Promise<void> {
  await withBlobStore(storeUriOf(of), async (store) => {
    const all = (long ? describe : listResults)(store, whereOf(of))
    const most = limit === 'all' ? Number.POSITIVE_INFINITY : limit
    const print = wantsJson(of) ? printJson : printTable
    await print(store, all, most, long)
  })
}

type Print = (store: BlobStore, all: AsyncIterable<ListedCall>, most: number, long: boolean) => Promise<void>

/** One document, written as it comes. */
const printJson: Print = async (store, all, most) => {
  let shown = 0
  let more = false
  process.stdout.write('{\n  "entries": [')
  for await (const one of all) {
    if (shown === most) {
      more = true
      break
    }
    const text = JSON.stringify(remoteEntry(store, one), null, 2).replaceAll('\n', '\n    ')
    if (!process.stdout.write(`${shown === 0 ? '' : ','}\n    ${text}`)) await setImmediate()
    shown += 1
  }
  process.stdout.write(`${shown === 0 ? '' : '\n  '}],\n  "more": ${more}\n}\n`)
}

const printTable: Print = async (store, all, most, long) => {
  const head = [
    'function',
    'pipeline',
    'call',
    'code',
    'size',
    'age',
    ...(long ? ['took', 'computed by'] : []),
  ]
  let rows: string[][] = []
  let shown = 0
  let isFirst = true
  const flush = async (): Promise<void> => {
    if (rows.length === 0) return
    const lines = table(isFirst ? head : head.map(() => ''), rows, WORDS).split('\n')
    for (const [at, line] of lines.entries())
      console.log((isFirst && at === 0 ? styled('bold', line) : line).trimEnd())
    rows = []
    isFirst = false
    // to hear of a closed pipe
    await setImmediate()
  }
  for await (const one of all) {
    if (shown === most) {
      await flush()
      return console.log(styled('dim', '… and more; -n all shows all'))
    }
    rows.push(row(remoteEntry(store, one), long))
    shown += 1
    if (rows.length === ROWS) await flush()
  }
  await flush()
  if (shown === 0) console.log('nothing is kept there, or nothing fits')
}

const WORDS = ['pipeline', 'call', 'code', 'computed by']

function row({ code, header, modified, size: bytes, ...one }: RemoteEntry, long: boolean): string[] {
  return [
    plain(one.function),
    plain(one.pipeline),
    one.words,
    shortened(code, 12),
    size(bytes),
    modified === undefined ? '' : roughly(Date.now() - modified),
    ...(long
      ? header === undefined
        ? ['', 'nobody knows']
        : [time(header.computeTime), aboutOf(header)]
      : []),
  ]
}

async function stats(_: object, of: Command): Promise<void> {
  const sum = await withBlobStore(storeUriOf(of), (store) =>
    watched('counting', 'blobs', (watch) => sumUp(store, { ...whereOf(of), ...watch }), NOT_COUNTED),
  )
  const functions = sum.functions.map(({ functionId, pipelineId, ...counts }) => ({
    pipeline: pipelineId,
    function: functionId,
    ...counts,
  }))
  answer(of, { ...sum, functions }, () => {
    const rows = functions
      .toSorted((one, other) => other.bytes - one.bytes)
      .map((one) => [
        plain(one.function),
        plain(one.pipeline),
        number(one.results),
        number(one.versions),
        number(one.leases),
        size(one.bytes),
      ])
    const head = ['function', 'pipeline', 'results', 'versions', 'leases', 'size']
    return [
      headed(table(head, rows, WORDS)),
      `${counted(sum.results, 'result')} in ${size(sum.bytes)}; ${counted(sum.objects, 'object')} in ${size(sum.objectBytes)}; ${counted(sum.leases, 'lease')}`,
    ].join('\n')
  })
}

const NOT_COUNTED = 'what was counted until then is told, and the same command starts over'

// keeping ----------------------------------------------------------------------------------------------------------

async function gc(
  { dryRun = false, olderThan }: { dryRun?: boolean; olderThan?: string },
  of: Command,
): Promise<void> {
  if (olderThan !== undefined && !is.duration.accepts(olderThan))
    throw new Misuse(`--older-than takes an age such as 12h or 30d, not "${olderThan}"`)
  const report = await withBlobStore(storeUriOf(of), (store) =>
    watched(dryRun ? 'looking' : 'tidying', 'blobs', (watch) =>
      collect(store, {
        ...whereOf(of),
        ...watch,
        dryRun,
        ...(olderThan !== undefined && { olderThan: milliseconds(olderThan as Duration) }),
      }),
    ),
  )
  answer(of, report, () => {
    const { attempts, bytesFreed, leases, objects, results, unreadable } = report
    const done = dryRun ? 'could be removed' : 'removed'
    const kept = `; all objects stay, since ${counted(unreadable, 'result')} cannot be understood: permafrost remote verify tells which`
    return `${counted(results, 'result')}, ${counted(objects, 'object')}, ${counted(leases, 'lease')} and ${counted(attempts, 'attempt')} ${done}; ${size(bytesFreed)} ${dryRun ? 'would be freed' : 'freed'}${unreadable > 0 ? kept : ''}`
  })
  if (report.unreadable > 0) process.exitCode ??= EXIT.wrong
}

async function verify({ repair = false }: { repair?: boolean }, of: Command): Promise<void> {
  const signingKey = signingKeyOf()
  const report = await withBlobStore(storeUriOf(of), (store) =>
    watched(
      'verifying',
      'results',
      (watch) => verifyResults(store, { ...whereOf(of), ...watch, repair, signingKey }),
      'what was found until then is told, and the same command starts over',
    ),
  )
  const { objects, problems, results } = report
  const left = problems.filter(({ repaired }) => !repaired).length
  answer(of, report, () => {
    const next = left === 0 || repair ? '' : '; permafrost remote verify --repair deletes what is damaged'
    return [
      `${counted(results, 'result')} and ${counted(objects, 'object')} read`,
      ...problems.map(({ message, repaired }) => {
        const word = repaired ? styled('yellow', 'deleted') : styled('red', 'problem')
        return `${word}: ${plain(message)}`
      }),
      problems.length === 0
        ? styled('green', 'nothing wrong')
        : `${counted(problems.length, 'problem')}${next}`,
    ].join('\n')
  })
  if (left > 0) process.exitCode ??= EXIT.wrong
}

async function copy(from: string, to: string, { startAt }: { startAt?: string }, of: Command): Promise<void> {
  const report = await withBlobStore(from, (source) =>
    withBlobStore(to, (target) => {
      if (source.uri === target.uri) throw new Misuse('copy takes two blob stores, and these are one')
      return watched('copying', 'results', (watch) =>
        copyResults(source, target, { ...whereOf(of), ...watch, startAt }),
      )
    }),
  )
  answer(of, report, () => {
    const { bytes, copied, next, objects, present, refused } = report
    return [
      `${counted(copied, 'result')} and ${counted(objects, 'object')} of ${size(bytes)} copied, ${number(present)} were there, ${number(refused)} refused`,
      ...(next === undefined ? [] : [`--start-at ${next} passes over what was looked at`]),
    ].join('\n')
  })
  if (report.refused > 0) process.exitCode ??= EXIT.wrong
}
