/**
 * docs/cli.md is true: its examples, run one after the other in the project that it shows, print what it says, and what
 * `--json` prints has the shapes it gives. Digests, numbers and moments are others each time, but the same digest is the
 * same everywhere.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Ajv2020, type AnySchema } from 'ajv/dist/2020.js'
import { openBlobStore } from 'permafrost/blob'
import { put } from '../shared/parcels.js'
import { project, root } from '../support/project.js'
import { temporaryFolder } from '../support/temporary.js'
import { BIN, environment, filled, json, on, permafrost } from './command-line.js'

const text = readFileSync(join(root, 'docs', 'cli.md'), 'utf8')

/** The blocks of a language; `named` is what else stands beside it. */
const blocks = (language: string): { named: string; content: string }[] =>
  [...text.matchAll(/^```(\w+) ?(.*)\n([\s\S]*?)^```$/gm)]
    .filter((match) => match[1] === language)
    .map((match) => ({ named: match[2]!, content: match[3]! }))

interface Example {
  readonly command: string
  readonly expected: string
}

const examples: readonly Example[] = blocks('console').flatMap(({ content }) =>
  content
    .split(/^\$ /m)
    .slice(1)
    .map((example) => {
      const [command, ...lines] = example.split('\n')
      return { command: command!, expected: lines.join('\n') }
    }),
)

const DIGEST = /\b(?=[0-9a-f]*[a-f])[0-9a-f]{12,32}\b/g

/** What is the same each time: digests as `$`, numbers with their units, dates and ages as `#`. */
const shape = (shown: string): string =>
  shown
    .replaceAll(DIGEST, '$')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '#')
    .replaceAll(/^(run|attempt) .*$/gm, '$1 #')
    .replaceAll(/\bv?\d[\d.,]*(?: ?(?:ms|µs|[smhd]|[kMGT]?B)\b)?/g, '#')
    .replaceAll(/\bnow\b/g, '#')
    .replaceAll(/^by .*$/gm, 'by')
    // only where the project is in a repository
    .replaceAll(/^commit .*\n/gm, '')
    .replaceAll(/(?:# )*#(?: +#)*/g, '#')
    .replaceAll(/[ \t]+/g, ' ')
    .replaceAll(/ $/gm, '')

test('the examples print what the page says', (t) => {
  const user = project(t, { 'package.json': '{ "type": "module" }' })
  for (const { content } of blocks('js')) user.write({ [/^\/\/ (\S+)\n/.exec(content)![1]!]: content })
  user.write({
    'bin/permafrost': `#!/bin/sh\nexec "${process.execPath}" "${user.directory}/node_modules/permafrost/dist/cli/main.js" "$@"\n`,
  })
  const env = environment({ PATH: `${join(user.directory, 'bin')}:${process.env['PATH']}` })
  spawnSync('chmod', ['+x', join(user.directory, 'bin', 'permafrost')])
  /** From a digest of the page, or its beginning, to that of now. */
  const digests = new Map<string, string>()
  const now = (digest: string): string => {
    const known = [...digests].find(([written]) => written.startsWith(digest) || digest.startsWith(written))
    return known?.[1].slice(0, Math.max(12, digest.length)) ?? digest
  }
  assert.ok(examples.length > 20)
  for (const { command, expected } of examples) {
    const line = command.replaceAll(/\b(?=[0-9a-f]*\d)[0-9a-f]{6,32}\b/g, now)
    const { stdout } = spawnSync('bash', ['-c', `${line} 2>&1`], {
      cwd: user.directory,
      encoding: 'utf8',
      env,
    })
    const said = stdout.replaceAll(user.directory, '/home/me/project').replaceAll('/private/', '/')
    assert.equal(shape(said), shape(expected), `$ ${line}\n${said}`)
    const [written, real] = [expected.match(DIGEST) ?? [], said.match(DIGEST) ?? []]
    for (const [place, digest] of written.entries()) {
      const before = digests.get(digest.slice(0, 12))
      if (before !== undefined)
        assert.equal(real[place]!.slice(0, 12), before.slice(0, 12), `${digest} of $ ${command}`)
      digests.set(digest.slice(0, 12), real[place]!)
    }
  }
})

// shapes -----------------------------------------------------------------------------------------------------------

/** As strict as it can be: what the page does not name is not printed. */
function sealed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(sealed)
  if (typeof schema !== 'object' || schema === null) return schema
  const inner = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, sealed(value)]))
  return 'properties' in schema && 'type' in schema ? { additionalProperties: false, ...inner } : inner
}

test('what each command prints with --json has the shape that the page gives', async (t) => {
  const ajv = new Ajv2020({ strict: true, allErrors: true })
  const schemas = new Map(
    blocks('json').map(({ content, named }) => [named, sealed(JSON.parse(content)) as AnySchema]),
  )
  for (const [named, schema] of schemas)
    if (typeof schema === 'object' && '$id' in schema) ajv.addSchema(schema, named)
  const commandsOf = (...family: readonly string[]): string[] =>
    [
      ...permafrost(...family, '--help')
        .stdout.split('\nCommands:\n')[1]!
        .matchAll(/^ {2}([a-z]+)/gm),
    ].map((match) => [...family, match[1]!].join(' '))
  const commands = commandsOf().flatMap((name) => (name === 'remote' ? commandsOf(name) : [name]))

  const { directory, reopen } = filled(t)
  const noting = reopen({ runs: true })
  const noted = noting.memoize((x: number) => x, { name: 'src/run.js#noted', version: 1 })
  noted(1)
  noted(1)
  noting.close()
  const run = on(directory)
  const file = join(temporaryFolder(t), 'results')
  const user = project(t, {
    'package.json': '{ "type": "module" }',
    'work.js': `import { memoize } from 'permafrost'\nexport const work = memoize(() => Date.now())`,
  })
  const target = join(user.directory, 'work.js#work')
  const keyOf = (name: string): string => json(run('ls', name, '--json')).entries[0].key.digest
  const [list, half, square] = [keyOf('*list'), keyOf('*half'), keyOf('*square')]
  const uri = `file://${temporaryFolder(t)}`
  const { memo: key } = await put(await openBlobStore(uri), 1, { leaves: [new Uint8Array(10)] })
  const memo = `${uri}/${key}`
  const asked: readonly (readonly string[])[] = [
    ['ls'],
    ['ls', 'nobody'],
    ['stats'],
    ['top', '-i', '0.01'],
    ['summary'],
    ['du'],
    ['show', list],
    ['show', half],
    ['why', list],
    ['why', half],
    ['why', '0'.repeat(32)],
    ['why', target],
    ['hash', target],
    ['impure', target],
    ['export', file],
    ['forget', square],
    ['import', file],
    ['verify'],
    ['recover', '--dry-run'],
    ['remote ls', '--long'],
    ['remote ls', '-n', '1'],
    ['remote stats'],
    ['remote gc', '--dry-run'],
    ['remote verify'],
    ['remote copy', 'memory:'],
    ['show', memo],
    ['evict', '--entries', '2'],
    ['gc'],
    ['clear', '--all'],
    ['doctor'],
    ['config'],
    ['completion', 'fish'],
  ]
  for (const args of asked) {
    const schema = schemas.get(args[0]!)
    assert.ok(schema, `the page has no shape of ${args[0]}`)
    const isRemote = args[0]!.startsWith('remote ')
    const store = isRemote ? (args[0] === 'remote copy' ? [uri] : ['--store', uri]) : []
    const said = json(run(...args[0]!.split(' '), ...store, ...args.slice(1), '--json'))
    const isValid = ajv.getSchema(args[0]!) ?? ajv.compile(schema)
    assert.ok(isValid(said), `${args.join(' ')}: ${ajv.errorsText(isValid.errors)}\n${JSON.stringify(said)}`)
  }
  assert.deepEqual([...new Set(asked.map(([command]) => command))].sort(), commands.toSorted())
  assert.deepEqual(
    [...schemas.keys()].filter((name) => !commands.includes(name)),
    ['entry', 'counts', 'remote-entry', 'calls'],
  )
  assert.ok(BIN.endsWith('main.js'))
})
