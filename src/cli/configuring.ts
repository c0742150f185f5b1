/** `config`: what the default group goes by, and where each of it comes from. */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { type Configuration, configurationFile } from '../configuration.ts'
import { type Setting, settingsOf, variableOf } from '../settings.ts'
import { withoutSecrets } from '../shared-room.ts'
import { answer, command, namedDirectory } from './common.ts'
import { facts, plain, table } from './words.ts'

/** A setting as it is told: no secret is in it. */
interface Told {
  readonly name: string
  readonly value?: unknown
  readonly from: Setting['from'] | 'option'
  readonly variable?: string
}

export function addConfiguring(program: Command): void {
  command(program, 'config', 'print each setting with its value, and where it comes from', 'config').action(
    (_: object, of: Command) => {
      const file = configurationFile()
      const settings = [
        ...settingsOf().map((setting) => told(setting, namedDirectory(of))),
        ...forAll(file?.config),
      ]
      answer(of, { ...(file !== undefined && { file: file.path }), settings }, () =>
        [
          facts([['file', file === undefined ? 'none' : plain(file.path)]]),
          '',
          table(
            ['setting', 'value', 'from'],
            settings.map((setting) => [setting.name, inWords(setting.value), source(setting)]),
            ['value', 'from'],
          ),
        ].join('\n'),
      )
    },
  )
}

function told({ from, name, value, variable }: Setting, directory: string | undefined): Told {
  if (name === 'directory' && directory !== undefined)
    return { name, value: resolve(directory), from: 'option' }
  const shown = name === 'signingKey' ? secret(value) : name === 'blobStore' ? bare(value) : value
  return {
    name,
    ...(shown !== undefined && { value: shown }),
    from,
    ...(variable !== undefined && { variable }),
  }
}

/** Whether there is one; of one that is to be in the environment, where. */
function secret(key: unknown): string | undefined {
  const variable = variableOf(key)
  if (variable === undefined) return key === undefined ? undefined : '(set)'
  return (process.env[variable] ?? '') === '' ? `(not set: ${variable})` : '(set)'
}

const bare = (uri: unknown): unknown => (typeof uri === 'string' ? withoutSecrets(uri) : uri)

/** What the file alone can say. */
function forAll(config: Configuration = {}): Told[] {
  const { memospaces, pipelines, plugins, requireAllResults } = config
  return Object.entries({ pipelines, memospaces, plugins, requireAllResults }).map(([name, value]) =>
    value === undefined ? { name, from: 'default' } : { name, value, from: 'file' },
  )
}

const inWords = (value: unknown): string =>
  value === undefined ? 'none' : plain(typeof value === 'string' ? value : JSON.stringify(value))

const source = ({ from, variable }: Told): string =>
  variable ?? (from === 'option' ? '--directory' : from === 'file' ? 'the file' : from)
