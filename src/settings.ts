/**
 * What the default group goes by, and where each of it comes from. The strongest who says something counts: the program
 * (`configure`), the environment, the configuration file, the defaults.
 */
import { dirname, resolve } from 'node:path'
import { configurationFile } from './configuration.ts'
import { defaultDirectory } from './default-directory.ts'
import { type GroupOptions, groupChecks, groupDefaults } from './group-options.ts'
import { checkOptions } from './options.ts'

export type Origin = 'program' | 'environment' | 'file' | 'default'

export interface Setting {
  readonly name: SettingName
  /** Undefined: none. A signing key may be the name of the variable that holds it. */
  readonly value: unknown
  readonly from: Origin
  /** Which one of the environment. */
  readonly variable?: string
}

export type SettingName = Exclude<keyof GroupOptions, 'clock' | 'onError' | 'scope' | 'state' | 'temporary'>

/** In the order in which they are told. */
const NAMES = Object.keys(groupChecks).filter(
  (name) => !['clock', 'onError', 'scope', 'state', 'temporary'].includes(name),
) as SettingName[]

/** The environment's words. */
const VARIABLES: Readonly<Partial<Record<SettingName, string>>> = {
  directory: 'PERMAFROST_DIR',
  blobStore: 'PERMAFROST_BLOB_STORE',
  mode: 'PERMAFROST_MODE',
  signingKey: 'PERMAFROST_SIGNING_KEY',
  patience: 'PERMAFROST_PATIENCE',
  pipelineId: 'PERMAFROST_PIPELINE_ID',
  resultsOnly: 'PERMAFROST_RESULTS_ONLY',
}

interface Layer {
  readonly from: Origin
  readonly options: Readonly<Record<string, unknown>>
  /** What relative paths count from. */
  readonly folder: string
}

/** Throws a `TypeError` for a file that cannot be read, and for what cannot be in it or the environment. */
export function settingsOf(program: GroupOptions = {}): Setting[] {
  const file = configurationFile()
  const here = process.cwd()
  const layers: Layer[] = [
    { from: 'program', options: { ...program }, folder: here },
    { from: 'environment', options: environment(), folder: here },
    {
      from: 'file',
      options: { ...file?.config },
      folder: file === undefined ? here : dirname(file.path),
    },
  ]
  return NAMES.map((name) => (name === 'directory' ? directoryIn(layers) : settingIn(layers, name)))
}

function settingIn(layers: readonly Layer[], name: SettingName): Setting {
  const layer = layers.find(({ options }) => options[name] !== undefined)
  if (layer === undefined) {
    const isShared = layers.some(({ options }) => options['blobStore'] !== undefined)
    const value = name === 'runs' ? isShared : (groupDefaults as Record<string, unknown>)[name]
    return { name, value, from: 'default' }
  }
  return stated(name, layer.options[name], layer.from)
}

/** `directory` and `scope` are one question: whoever answers it with either leaves nothing to weaker ones. */
function directoryIn(layers: readonly Layer[]): Setting {
  const layer = layers.find(
    ({ options: { directory, scope } }) => directory !== undefined || scope !== undefined,
  )
  const name = 'directory'
  if (layer === undefined) return { name, value: resolve(defaultDirectory('project')), from: 'default' }
  const { directory, scope } = layer.options as GroupOptions
  const value = directory === undefined ? defaultDirectory(scope) : resolve(layer.folder, directory)
  return stated(name, value, layer.from)
}

function stated(name: SettingName, value: unknown, from: Origin): Setting {
  const variable = from === 'environment' ? VARIABLES[name] : undefined
  return { name, value, from, ...(variable !== undefined && { variable }) }
}

function environment(): Record<string, unknown> {
  const found: Record<string, unknown> = {}
  for (const [name, variable] of Object.entries(VARIABLES)) {
    const text = process.env[variable]
    if (text === undefined || text === '') continue
    found[name] = READ[name as SettingName]?.(text) ?? text
    checkOptions({ [name]: found[name] }, groupChecks, variable)
  }
  return found
}

/** What is no text. */
const READ: Readonly<Partial<Record<SettingName, (text: string) => unknown>>> = {
  patience: (text) => (/^\d+$/.test(text) ? Number(text) : text),
  resultsOnly: (text) =>
    /^(?:1|true|yes|on)$/i.test(text) ? true : /^(?:0|false|no|off)$/i.test(text) ? false : text,
}

/** One of them, of a program that says nothing. Throws as `settingsOf` does. */
export const settingOf = (wanted: SettingName): unknown =>
  settingsOf().find(({ name }) => name === wanted)!.value

/** The key, if there is one, of a program that says nothing. Throws as `settingsOf` does. */
export const signingKeySet = (): GroupOptions['signingKey'] => keyOf(settingOf('signingKey'), false)

/** The options of the default group, of a program that says this. Throws as `settingsOf` does, and for a signing key that is not there. */
export function defaultGroupOptions(program: GroupOptions): GroupOptions {
  const { scope, ...rest } = program
  const settings = settingsOf(program).filter(({ from }) => from !== 'default')
  const { signingKey, ...options } = Object.fromEntries(settings.map(({ name, value }) => [name, value]))
  const key = keyOf(signingKey, options['blobStore'] !== undefined)
  return { ...rest, ...options, ...(key !== undefined && { signingKey: key }) }
}

/** Where results are shared, a key that is missing is not the same as none: without one, whoever may write there is believed. */
function keyOf(signingKey: unknown, isNeeded: boolean): GroupOptions['signingKey'] {
  const variable = variableOf(signingKey)
  if (variable === undefined) return signingKey as GroupOptions['signingKey']
  const key = process.env[variable]
  if (key !== undefined && key !== '') return key
  if (!isNeeded) return undefined
  throw new TypeError(`${variable} is not set, in which the configuration file looks for the signing key`)
}

/** The variable that holds a key, if that is what the setting says. */
export function variableOf(signingKey: unknown): string | undefined {
  const isNamed = typeof signingKey === 'object' && signingKey !== null && 'env' in signingKey
  return isNamed ? String(signingKey.env) : undefined
}
