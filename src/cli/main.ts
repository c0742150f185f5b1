#!/usr/bin/env node
/**
 * `permafrost`: look into a cache directory and keep it tidy. Uses the public surface only. Prints tables for people,
 * or JSON with `--json`; failures are one line on stderr and exit code 1.
 */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Command } from 'commander'
import prettyBytes from 'pretty-bytes'
import { messageOf } from '../errors.ts'
import { digest, usesOf } from '../freeze/freeze.ts'
import { defaultDirectory, MemoizedGroup } from '../group.ts'
import { table, time } from '../report.ts'
import type { Duration, Entry } from '../types.ts'

interface Common {
  readonly directory?: string
  readonly json?: boolean
}

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

const program = new Command('permafrost')
  .description('Look into a permafrost cache directory and keep it tidy.')
  .version(version)
  .option(
    '-d, --directory <path>',
    'the cache directory (default: PERMAFROST_DIR, else .permafrost beside package.json)',
  )
  .option('--json', 'print JSON')

program
  .command('ls')
  .description('list the results that are kept, the last used first')
  .argument('[name]', 'only those of this function')
  .option('-n, --limit <count>', 'how many', '50')
  .action((name: string | undefined, { limit }: { limit: string }) => {
    const entries = withGroup(true, (group) => {
      const filter = name === undefined ? undefined : { name }
      return [...group.entries(filter)].sort((a, b) => b.accessedAt - a.accessedAt)
    })
    if (common().json === true) return print(entries)
    const most = Number(limit)
    console.log(
      table(
        ['function', 'call', 'size', 'took', 'hits', 'age', 'expires in'],
        entries.slice(0, most).map(row),
      ),
    )
    if (entries.length > most) console.log(`… and ${entries.length - most} more`)
  })

program
  .command('stats')
  .description('hits, misses and time saved of each function, over all runs')
  .action(() => {
    const { functions, ...all } = withGroup(true, (group) => group.stats())
    if (common().json === true) return print({ ...all, functions })
    const rows = Object.entries(functions).map(([name, one]) => [
      name,
      `${one.hits}`,
      `${one.misses}`,
      time(one.timeSaved),
      time(one.timeSpent),
      prettyBytes(one.bytes),
    ])
    console.log(table(['function', 'hits', 'misses', 'time saved', 'time spent', 'kept'], rows))
    console.log(`${all.entries} results in ${prettyBytes(all.size)}; ${time(all.timeSaved)} saved`)
  })

program
  .command('gc')
  .description('remove what expired, what is over the limits and what crashes left behind')
  .action(async () => {
    const report = await withGroup(false, (group) => group.gc())
    if (common().json === true) return print(report)
    const { bytesFreed, evicted, expired, orphans } = report
    console.log(
      `${expired} expired, ${evicted} evicted, ${orphans} orphans removed; ${prettyBytes(bytesFreed)} freed`,
    )
  })

program
  .command('verify')
  .description('check every row and every object; exit code 1 if something is wrong')
  .option('--repair', 'repair what can be repaired')
  .action(async ({ repair = false }: { repair?: boolean }) => {
    const report = await withGroup(false, (group) => group.verify({ repair }))
    const { checked, problems, steps } = report
    if (common().json === true) print(report)
    else {
      const rows = Object.entries(steps).map(([step, took]) => [
        step,
        (checked[step] ?? 0).toLocaleString('en'),
        time(took),
      ])
      console.log(table(['step', 'checked', 'took'], rows))
      for (const { message, repaired } of problems)
        console.log(`${repaired ? 'repaired' : 'problem'}: ${message}`)
      console.log(problems.length === 0 ? 'nothing wrong' : `${problems.length} problems`)
    }
    if (problems.some(({ repaired }) => !repaired)) process.exitCode = 1
  })

program
  .command('recover')
  .description('adopt objects that the index does not name')
  .option('--dry-run', 'only count them')
  .action(async ({ dryRun = false }: { dryRun?: boolean }) => {
    const { bar, end } = progressBar(dryRun ? 'looking' : 'recovering')
    const { adopted } = await withGroup(false, (group) => group.recover({ dryRun, onProgress: bar })).finally(
      end,
    )
    if (common().json === true) return print({ adopted })
    console.log(`${adopted} objects ${dryRun ? 'could be adopted' : 'adopted'}`)
  })

program
  .command('export')
  .description('write results to one file, to be imported elsewhere')
  .argument('<file>')
  .option('-n, --name <name>', 'only those of this function; * stands for any characters')
  .option('-t, --tag <tag>', 'only those with this tag')
  .option('--since <when>', 'only those computed since: a date, or an age such as 7d')
  .option('--before <when>', 'only those computed before')
  .action(async (file: string, { before, name, since, tag }: Record<string, string | undefined>) => {
    const filter = {
      ...(name !== undefined && { name }),
      ...(tag !== undefined && { tag }),
      ...(since !== undefined && { since: moment(since) }),
      ...(before !== undefined && { before: moment(before) }),
    }
    const report = await withGroup(true, (group) => group.export(file, filter))
    if (common().json === true) return print(report)
    console.log(`${report.entries} results of ${prettyBytes(report.bytes)} exported`)
  })

program
  .command('import')
  .description('keep the results of an exported file, except of calls that have one')
  .argument('<file>')
  .action(async (file: string) => {
    const report = await withGroup(false, (group) => group.import(file), 'make')
    if (common().json === true) return print(report)
    const { expired, imported, present, refused } = report
    console.log(
      `${imported} results imported, ${present} were there, ${expired} have expired, ${refused} found no room`,
    )
  })

program
  .command('clear')
  .description('forget results: all, those of one function, or those with one tag')
  .argument('[name]', 'only those of this function')
  .option('-t, --tag <tag>', 'only those with this tag')
  .option('-a, --all', 'all results')
  .action((name: string | undefined, { all, tag }: { all?: boolean; tag?: string }) => {
    if (name === undefined && tag === undefined && all !== true) {
      throw new Error('clear takes the name of a function, --tag, or --all')
    }
    const filter = { ...(name !== undefined && { name }), ...(tag !== undefined && { tag }) }
    const cleared = withGroup(false, (group) => group.clear(filter))
    if (common().json === true) return print({ cleared })
    console.log(`${cleared} results forgotten`)
  })

program
  .command('hash')
  .description(
    "print a function's digest: its code, all it captures, the packages it uses; for codeVersion()",
  )
  .argument('<file#export>', 'a module that node can import and the name of an exported function')
  .action(async (target: string) => {
    const found = await exportedFunction(target)
    // of a memoized function, the function itself
    const { fn = found } = found as { fn?: unknown }
    const hash = digest(fn)
    if (common().json === true) return print({ function: target, digest: hash })
    console.log(hash)
  })

program
  .command('impure')
  .description(
    'list what a function and all it captures use that no key covers: the clock, files, the network',
  )
  .argument('<file#export>', 'a module that node can import and the name of an exported function')
  .action(async (target: string) => {
    const found = await exportedFunction(target)
    const { fn = found } = found as { fn?: Function }
    const uses = usesOf(fn)
    if (common().json === true) return print({ function: target, uses })
    console.log(
      uses.length === 0
        ? 'nothing found'
        : table(
            ['uses', 'where'],
            uses.map(({ what, where }) => [what, where]),
          ),
    )
  })

program
  .command('why')
  .description('say whether a call would hit, and if not, what changed since the call most like it')
  .argument('<file#export>', 'a module that node can import and the name of an exported memoized function')
  .argument('[arguments...]', 'as JSON; what is not JSON is a string')
  .action(async (target: string, args: string[]) => {
    const found = (await exportedFunction(target)) as { why?: unknown }
    if (typeof found.why !== 'function') throw new Error(`${target} is not a memoized function`)
    const answer: string = found.why(...args.map(fromJson))
    if (common().json === true) return print({ function: target, why: answer })
    console.log(answer)
  })

/** The part of cli-progress used here. */
interface Bar {
  start(total: number, done: number): void
  setTotal(total: number): void
  update(done: number): void
  stop(): void
}

/** A bar on stderr, where somebody can see it. */
function progressBar(doing: string): { bar: (done: number, total: number) => void; end: () => void } {
  if (process.stderr.isTTY !== true || common().json === true) return { bar: () => {}, end: () => {} }
  const { SingleBar } = createRequire(import.meta.url)('cli-progress') as {
    SingleBar: new (o: object) => Bar
  }
  const shown = new SingleBar({
    format: `${doing} {bar} {value} of {total} objects, {eta} s left`,
    clearOnComplete: true,
  })
  shown.start(0, 0)
  return {
    bar: (done, total) => {
      shown.setTotal(total)
      shown.update(done)
    },
    end: () => shown.stop(),
  }
}

async function exportedFunction(target: string): Promise<Function> {
  const [path, name = 'default'] = target.split('#') as [string, string?]
  const exported = (await import(pathToFileURL(resolve(path)).href)) as Record<string, unknown>
  // what CommonJS exports is not always there by name
  const all = exported['default'] as Record<string, unknown> | undefined
  const found = exported[name] ?? (name === 'default' ? undefined : all?.[name])
  if (typeof found === 'function') return found
  const names = Object.keys(exported).join(', ')
  throw new Error(`${path} exports no function "${name}"; it exports ${names || 'nothing'}`)
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** A date as people and machines write it, or an age. */
function moment(text: string): Date | Duration {
  const date = new Date(text)
  return /^\d{4}-/.test(text) && !Number.isNaN(date.getTime()) ? date : (text as Duration)
}

const common = (): Common => program.opts<Common>()

const print = (value: unknown): void => console.log(JSON.stringify(value, null, 2))

function row({ computeTime, createdAt, expiresAt, hits, key, size }: Entry): string[] {
  const now = Date.now()
  const expires = expiresAt === undefined ? 'never' : expiresAt <= now ? 'expired' : time(expiresAt - now)
  return [
    key.name,
    key.digest.slice(0, 12),
    prettyBytes(size),
    time(computeTime),
    `${hits}`,
    time(now - createdAt),
    expires,
  ]
}

/** Opens the directory for one action, also an asynchronous one. `'make'`: one that is not there is made. */
function withGroup<T>(readonly: boolean, act: (group: MemoizedGroup) => T, absent?: 'make'): T {
  const directory = resolve(common().directory ?? defaultDirectory())
  if (absent === undefined && !existsSync(directory))
    throw new Error(`there is no cache directory ${directory}`)
  const group = new MemoizedGroup({ directory, readonly })
  const result = act(group)
  if (result instanceof Promise) {
    const close = () => group.close()
    result.then(close, close)
  } else group.close()
  return result
}

program.parseAsync().catch((error: unknown) => {
  console.error(`permafrost: ${messageOf(error)}`)
  process.exitCode = 1
})
