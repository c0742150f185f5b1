/** What stays and what leaves: `gc`, `evict`, `forget`, `clear`, `verify`, `recover`. */
import type { Command } from 'commander'
import type { Digest } from '../types.ts'
import {
  answer,
  bytesOf,
  command,
  EXIT,
  filterOf,
  Misuse,
  positive,
  theEntry,
  withFilter,
  withGroup,
} from './common.ts'
import { watched } from './progress.ts'
import { counted, number, plain, size, styled, table, time } from './words.ts'

export function addKeeping(program: Command): void {
  command(program, 'gc', 'remove what expired and what crashes left behind', 'gc').action(gc)

  withFilter(
    command(
      program,
      'evict',
      'make room: what is cheap, large and seldom used leaves first',
      'evict --to 500MB',
    )
      .argument('[name]', 'only results of this function; * stands for any characters')
      .option('--to <size>', 'until the results take so much, such as 500MB')
      .option('--entries <count>', 'until so many are left', positive),
  ).action(evict)

  command(program, 'forget', 'forget single calls', 'forget 3f2a91')
    .argument('<key...>', 'the first digits of their digests, as ls shows them')
    .action(forget)

  withFilter(
    command(program, 'clear', 'forget results: all, or those of a function, a tag, …', "clear 'src/old*'")
      .argument('[name]', 'only those of this function; * stands for any characters')
      .option('-a, --all', 'all results'),
  ).action(clear)

  command(
    program,
    'verify',
    'check every row and every object; exit code 1 if something is wrong',
    'verify --repair',
  )
    .option('--repair', 'repair what can be repaired')
    .action(verify)

  command(program, 'recover', 'adopt objects that the index does not name', 'recover --dry-run')
    .option('--dry-run', 'only count them')
    .action(recover)
}

async function gc(_: object, of: Command): Promise<void> {
  const report = await withGroup(of, 'write', (group) =>
    watched('tidying', 'steps', (watch) => group.gc(watch)),
  )
  answer(of, report, () => {
    const { bytesFreed, evicted, expired, orphans } = report
    return `${number(expired)} expired, ${number(evicted)} evicted, ${number(orphans)} orphans removed; ${size(bytesFreed)} freed`
  })
}

async function evict(
  name: string | undefined,
  { entries, to }: { entries?: number; to?: string },
  of: Command,
): Promise<void> {
  const filter = filterOf(of, name)
  const isFiltered = Object.keys(filter).length > 0
  if (to === undefined && entries === undefined && !isFiltered)
    throw new Misuse(
      'evict takes --to, --entries, --older-than or another filter; permafrost evict --help tells more',
    )
  if ((to !== undefined || entries !== undefined) && isFiltered)
    throw new Misuse('evict takes either a limit (--to, --entries) or a filter; evict twice for both')
  const report = await withGroup(of, 'write', (group) =>
    watched('evicting', 'results', (watch) =>
      group.evict({
        ...watch,
        ...(to !== undefined && { maxSize: bytesOf(to, '--to') }),
        ...(entries !== undefined && { maxEntries: entries }),
        ...(isFiltered && { filter }),
      }),
    ),
  )
  answer(of, report, () => `${counted(report.evicted, 'result')} evicted; ${size(report.bytesFreed)} freed`)
}

async function forget(keys: string[], _: object, of: Command): Promise<void> {
  const forgotten = await withGroup(of, 'write', (group) => {
    // all or none
    const digests = new Set<Digest>(keys.map((key) => theEntry(group, key).key.digest))
    return [...digests].filter((digest) => group.forget(digest))
  })
  answer(of, { forgotten }, () => `${counted(forgotten.length, 'result')} forgotten`)
}

async function clear(
  name: string | undefined,
  { all = false }: { all?: boolean },
  of: Command,
): Promise<void> {
  const filter = filterOf(of, name)
  if (Object.keys(filter).length === 0 && !all)
    throw new Misuse('clear takes the name of a function, --tag or another filter, or --all')
  const cleared = await withGroup(of, 'write', (group) => group.clear(filter))
  answer(of, { cleared }, () => `${counted(cleared, 'result')} forgotten`)
}

async function verify({ repair = false }: { repair?: boolean }, of: Command): Promise<void> {
  const report = await withGroup(of, repair ? 'write' : 'read', async (group, failures) => {
    const found = await watched(
      'verifying',
      'results',
      (watch) => group.verify({ ...watch, repair }),
      'what was found until then is told, and the same command starts over',
    )
    // an index that cannot be opened is set aside, and what is left is verified
    const damages = failures.filter(({ code }) => code === 'ERR_STORE_CORRUPT')
    const lost = damages.map(({ message }) => ({ code: 'index-damaged', message, repaired: repair }))
    return { ...found, problems: [...lost, ...found.problems] }
  })
  const { checked, problems, steps } = report
  const left = problems.filter(({ repaired }) => !repaired).length
  answer(of, report, () => {
    const rows = Object.entries(steps).map(([step, took]) => [step, number(checked[step] ?? 0), time(took)])
    const next = left === 0 || repair ? '' : '; permafrost verify --repair repairs what can be repaired'
    return [
      table(['step', 'checked', 'took'], rows),
      ...problems.map(({ message, repaired }) => {
        const word = repaired ? styled('yellow', 'repaired') : styled('red', 'problem')
        return `${word}: ${plain(message)}`
      }),
      problems.length === 0
        ? styled('green', 'nothing wrong')
        : `${counted(problems.length, 'problem')}${next}`,
    ].join('\n')
  })
  if (left > 0) process.exitCode ??= EXIT.wrong
}

async function recover({ dryRun = false }: { dryRun?: boolean }, of: Command): Promise<void> {
  const doing = dryRun ? 'looking' : 'recovering'
  const report = await withGroup(of, 'write', (group) =>
    watched(doing, 'objects', (watch) => group.recover({ ...watch, dryRun })),
  )
  answer(of, report, () => `${counted(report.adopted, 'object')} ${dryRun ? 'could be adopted' : 'adopted'}`)
}
