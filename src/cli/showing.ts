/** One call or one function, looked at closely: `show`, `why`, `hash`, `impure`. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Command } from 'commander'
import { messageOf } from '../errors.ts'
import { digest, usesOf } from '../freeze/freeze.ts'
import type { MemoizedGroup } from '../group.ts'
import type { Entry, Preview } from '../types.ts'
import { answer, command, digits, EXIT, Failure, isKey, Misuse, theEntry, withGroup } from './common.ts'
import { isRemote, showRemote } from './remote-result.ts'
import { moment, resultFacts, shownOf, some } from './result.ts'
import { withStoreOption } from './stores.ts'
import { facts, plain, size, styled, table, time } from './words.ts'

const MODULE = 'a module that node can import and the name of an exported'

export function addShowing(program: Command): void {
  withStoreOption(
    command(program, 'show', 'all that is known of one result, and the result itself', 'show 3f2a91')
      .argument(
        '<key>',
        'the first digits of the digest of its call, as ls shows them; or a memo URI or three words, as remote ls does',
      )
      .option('--full', 'the whole result, however long'),
  ).action(show)

  command(
    program,
    'why',
    'say whether a call would hit, and if not, what changed',
    'why src/train.js#fit 10 \'{"rate": 0.1}\'',
  )
    .argument('<file#export or key>', `${MODULE} memoized function; or the first digits of a call's digest`)
    .argument('[arguments...]', 'of the call, as JSON; what is not JSON is a string')
    .action(why)

  command(program, 'hash', "print a function's digest, for codeVersion()", 'hash src/train.js#fit')
    .argument('<file#export>', `${MODULE} function`)
    .action(hash)

  command(
    program,
    'impure',
    'list what a function uses that no key covers: the clock, files, …',
    'impure src/train.js#fit',
  )
    .argument('<file#export>', `${MODULE} function`)
    .action(impure)
}

// one result -------------------------------------------------------------------------------------------------------

async function show(text: string, { full = false }: { full?: boolean }, of: Command): Promise<void> {
  if (isRemote(text)) return showRemote(text, full, of)
  const { entry, given, preview } = await withGroup(of, 'read', (group) => {
    const entry = theEntry(group, text)
    return { entry, given: group.argumentsOf(entry), preview: group.preview(entry) }
  })
  const { kind } = preview
  const { value, written } = shownOf(preview, full)
  answer(of, { entry, ...(given !== undefined && { arguments: given }), result: value }, () =>
    [
      styled('bold', `${plain(entry.key.name)}(${plain(given ?? '…')})`),
      facts(factsOf(entry, preview)),
      '',
      written ?? '',
    ]
      .join('\n')
      .trimEnd(),
  )
  if (kind === 'unreadable') process.exitCode = EXIT.wrong
}

function factsOf(entry: Entry, preview: Preview): [string, string | undefined][] {
  const { accessedAt, codec, computeTime, createdAt, expiresAt, hits, key, tags } = entry
  const isOver = expiresAt !== undefined && expiresAt <= Date.now()
  return [
    ['call', key.digest],
    ['code', key.code],
    ['inputs', /^0+$/.test(key.inputs) ? undefined : key.inputs],
    ['state', /^0+$/.test(key.state) ? undefined : key.state],
    ['size', size(entry.size)],
    ['took', time(computeTime)],
    ['hits', `${hits}, which saved ${time(hits * computeTime)}`],
    ['created', moment(createdAt)],
    ['used', moment(accessedAt)],
    ['expires', expiresAt === undefined ? 'never' : `${moment(expiresAt)}${isOver ? ', which is over' : ''}`],
    ['tags', some(tags)],
    ['codec', `${plain(codec)}${entry.async ? ', of a promise' : ''}`],
    ...resultFacts(preview),
  ]
}

// why --------------------------------------------------------------------------------------------------------------

async function why(target: string, args: string[], _: object, of: Command): Promise<void> {
  const isCall = isKey(target)
  if (isCall && args.length > 0)
    throw new Misuse('a key takes no arguments: it has them; give FILE#EXPORT for another call')
  const said = isCall
    ? await withGroup(of, 'read', (group) => whyKey(group, target))
    : { function: target, why: whyCall(await exportedFunction(target), target, args) }
  answer(of, said, () => plain(said.why))
  if (!said.why.startsWith('hit: ')) process.exitCode = EXIT.wrong
}

function whyCall(found: Function & { why?: unknown }, target: string, args: string[]): string {
  if (typeof found.why !== 'function')
    throw new Misuse(`${target} is not a memoized function; permafrost hash ${target} tells its digest`)
  return (found.why as (...args: unknown[]) => string)(...args.map(fromJson))
}

function whyKey(group: MemoizedGroup, text: string): { key: string; why: string } {
  const prefix = digits(text)
  const [departed] = group.departed(prefix)
  if (group.find(prefix).length === 0) {
    const why =
      departed === undefined
        ? `absent: nothing is kept of a call ${prefix}, and none such left lately`
        : `${departed.why}: ${departed.explanation}`
    return { key: departed?.key ?? prefix, why }
  }
  const { computeTime, createdAt, expiresAt, key } = theEntry(group, prefix)
  if (expiresAt !== undefined && expiresAt <= Date.now())
    return { key: key.digest, why: `expired: it expired at ${new Date(expiresAt).toISOString()}` }
  const since = new Date(createdAt).toISOString()
  return { key: key.digest, why: `hit: kept since ${since}, computed in ${Math.round(computeTime)} ms` }
}

// functions --------------------------------------------------------------------------------------------------------

async function hash(target: string, _: object, of: Command): Promise<void> {
  const found = await exportedFunction(target)
  // of a memoized function, the function itself
  const { fn = found } = found as { fn?: unknown }
  const said = digest(fn)
  answer(of, { function: target, digest: said }, () => said)
}

async function impure(target: string, _: object, of: Command): Promise<void> {
  const found = await exportedFunction(target)
  const { fn = found } = found as { fn?: Function }
  const uses = usesOf(fn)
  answer(of, { function: target, uses: uses.map(({ what, where }) => ({ what, where })) }, () =>
    uses.length === 0
      ? 'nothing found'
      : table(
          ['uses', 'where'],
          uses.map(({ what, where }) => [what, where]),
          ['where'],
        ),
  )
}

async function exportedFunction(target: string): Promise<Function> {
  const [path, name = 'default'] = target.split('#') as [string, string?]
  if (!existsSync(path))
    throw new Misuse(`there is no module ${path}; give FILE#EXPORT, such as src/train.js#fit`)
  let exported: Record<string, unknown>
  try {
    exported = (await import(pathToFileURL(resolve(path)).href)) as Record<string, unknown>
  } catch (error) {
    throw new Failure(`${path} cannot be imported: ${messageOf(error)}; node ${path} shows where`)
  }
  // what CommonJS exports is not always there by name
  const all = exported['default'] as Record<string, unknown> | undefined
  const found = exported[name] ?? (name === 'default' ? undefined : all?.[name])
  if (typeof found === 'function') return found
  const names = Object.keys(exported).join(', ')
  throw new Misuse(`${path} exports no function "${name}"; it exports ${names || 'nothing'}`)
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
