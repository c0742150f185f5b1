/** What is kept: `ls`, `stats`, `du`. */
import { setImmediate } from 'node:timers/promises'
import { type Command, Option } from 'commander'
import type { MemoizedGroup } from '../group.ts'
import { ORDERS } from '../selection.ts'
import type { Entry, EntryOrder, FunctionStats, Share } from '../types.ts'
import { answer, command, filterOf, positive, wantsJson, withFilter, withGroup } from './common.ts'
import {
  headed,
  inAll,
  number,
  plain,
  roughly,
  shortened,
  size,
  styled,
  table,
  time,
  usageTable,
  width,
} from './words.ts'

/** Rows of one table: more are set one table after the other. */
const ROWS = 1000
/** Characters of arguments, where nobody knows how many there is room for. */
const LONGEST = 60
const KEY_DIGITS = 12

export function addListing(program: Command): void {
  withFilter(
    command(program, 'ls', 'list the results that are kept', "ls 'src/train*' --sort time -n 10")
      .argument('[name]', 'only those of this function; * stands for any characters')
      .addOption(
        new Option('-s, --sort <order>', 'what comes first: what was used last, is newest, largest, …')
          .choices(ORDERS)
          .default('used'),
      )
      .option('-r, --reverse', 'the other way round')
      .option(
        '-n, --limit <count>',
        'how many, or "all"',
        (text) => (text === 'all' ? text : positive(text)),
        50,
      ),
  ).action(list)

  command(program, 'stats', 'hits, misses and time saved of each function, over all runs', 'stats')
    .option('--reset', 'count from zero from now on')
    .action(stats)

  command(program, 'du', 'what takes how much room on the disk', 'du --json').action(du)
}

interface ListOptions {
  readonly sort: EntryOrder
  readonly reverse?: boolean
  readonly limit: number | 'all'
}

interface Listed extends Entry {
  readonly arguments?: string
}

async function list(name: string | undefined, options: ListOptions, of: Command): Promise<void> {
  const { limit, reverse = false, sort } = options
  const filter = filterOf(of, name)
  await withGroup(of, 'read', async (group) => {
    const sum = group.sum(filter)
    const entries = group.entries({ ...filter, sort, reverse, ...(limit !== 'all' && { limit }) })
    if (wantsJson(of)) {
      const all = [...entries].map((entry) => listed(group, entry))
      return answer(of, { total: sum.entries, size: sum.size, entries: all }, () => '')
    }
    const shown = await listTables(group, entries)
    const more = sum.entries - shown
    if (shown === 0) console.log(name === undefined && sum.entries === 0 ? 'nothing is kept' : 'nothing fits')
    else if (more > 0) console.log(styled('dim', `… and ${number(more)} more; -n all shows all`))
  })
}

async function listTables(group: MemoizedGroup, entries: Iterable<Entry>): Promise<number> {
  let shown = 0
  let rows: string[][] = []
  const print = async (): Promise<void> => {
    const isFirst = shown === rows.length
    const [head, ...lines] = table(isFirst ? HEAD : HEAD.map(() => ''), fitted(rows), [
      'call',
      'arguments',
    ]).split('\n')
    // an empty head takes a line, too
    for (const line of isFirst ? [styled('bold', head!), ...lines] : lines) console.log(line.trimEnd())
    rows = []
    // to hear of a closed pipe
    await setImmediate()
  }
  for (const entry of entries) {
    rows.push(row(listed(group, entry)))
    shown += 1
    if (rows.length === ROWS) await print()
  }
  if (rows.length > 0) await print()
  return shown
}

const HEAD = ['function', 'call', 'size', 'took', 'hits', 'age', 'used', 'expires in', 'arguments']

/** Arguments take what the other columns leave of a terminal's line. */
function fitted(rows: readonly string[][]): string[][] {
  const columns = width() ?? Number.POSITIVE_INFINITY
  const others = HEAD.slice(0, -1).map((name, at) =>
    Math.max(name.length, ...rows.map((cells) => cells[at]!.length)),
  )
  const left = columns - others.reduce((sum, widest) => sum + widest + 2, 0)
  const room = Math.min(LONGEST, Math.max(HEAD.at(-1)!.length, left))
  return rows.map((cells) => cells.with(-1, shortened(cells.at(-1)!, room)))
}

function listed(group: MemoizedGroup, entry: Entry): Listed {
  const words = group.argumentsOf(entry)
  return words === undefined ? entry : { ...entry, arguments: words }
}

function row(entry: Listed): string[] {
  const { accessedAt, computeTime, createdAt, expiresAt, hits, key } = entry
  const now = Date.now()
  const expires = expiresAt === undefined ? 'never' : expiresAt <= now ? 'expired' : roughly(expiresAt - now)
  return [
    plain(key.name),
    key.digest.slice(0, KEY_DIGITS),
    size(entry.size),
    time(computeTime),
    `${hits}`,
    roughly(now - createdAt),
    roughly(now - accessedAt),
    expires,
    entry.arguments ?? '',
  ]
}

async function stats({ reset = false }: { reset?: boolean }, of: Command): Promise<void> {
  const all = await withGroup(of, reset ? 'write' : 'read', (group) => {
    const counts = group.stats()
    if (reset) group.resetStats()
    return counts
  })
  answer(of, all, () => {
    const functions = Object.entries(all.functions)
      .sort(bySaving)
      .map(([name, one]) => [plain(name), one] as const)
    return `${headed(usageTable(functions))}\n${inAll(all)}${reset ? '; counting from zero now' : ''}`
  })
}

const bySaving = ([, a]: [string, FunctionStats], [, b]: [string, FunctionStats]): number =>
  b.timeSaved - a.timeSaved || b.bytes - a.bytes

async function du(_: object, of: Command): Promise<void> {
  const space = await withGroup(of, 'read', (group) => group.space())
  answer(of, space, () => {
    const all = ({ leaves, objects, rows }: Share): number => rows + objects + leaves
    const rows = Object.entries(space.functions)
      .sort(([, a], [, b]) => all(b) - all(a))
      .map(([name, share]) => [
        plain(name),
        number(share.entries),
        size(share.rows),
        size(share.objects),
        size(share.leaves),
        size(all(share)),
      ])
    const files = [
      ['index file', space.index],
      ['its log', space.log],
      ['objects', space.objects],
      ['leaves, each once', space.leaves],
      ['the rest', space.rest],
      ['on disk in all', space.total],
    ] as const
    return [
      headed(table(['function', 'results', 'in rows', 'in objects', 'in leaves', 'all'], rows)),
      '',
      table(
        ['', ''],
        files.map(([what, bytes]) => [what, size(bytes)]),
      ).trimStart(),
    ].join('\n')
  })
}
