/**
 * The configuration file: where it lies, what it may say, and what of it counts for all groups. It is looked for, and run,
 * when somebody first needs it, once in a process, and never because permafrost is imported.
 *
 * What it says is known or it is not: of a file that cannot be read, or says what nobody understands, no part counts, and
 * functions run uncached, since nobody knows which results they were to be given.
 */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, extname, isAbsolute, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type BuiltinCodec, checkCompression } from './codec/codec.ts'
import { projectFolder } from './default-directory.ts'
import { messageOf } from './errors.ts'
import { type BuiltinPolicy, type GroupOptions, groupChecks } from './group-options.ts'
import { checkOptions, is, type OptionCheck } from './options.ts'
import { addLastPipelineHandler, pipelineCheck } from './pipeline.ts'
import { type RequireOptions, requireAllResults } from './require.ts'
import { policies } from './store/policy.ts'

/** Options of groups that are data, and stand in the file as they are. */
type Plain =
  | 'directory'
  | 'scope'
  | 'maxSize'
  | 'maxEntries'
  | 'memory'
  | 'checkUpTo'
  | 'ttl'
  | 'compress'
  | 'durability'
  | 'lease'
  | 'packages'
  | 'observe'
  | 'keyOrder'
  | 'mode'
  | 'patience'
  | 'pipelineId'
  | 'resultsOnly'
  | 'readonly'
  | 'runs'

/**
 * What a configuration file may say. Options of groups are those of the default group; a `directory` counts from the file's own
 * folder.
 */
export interface Configuration extends Pick<GroupOptions, Plain> {
  readonly policy?: BuiltinPolicy
  readonly codec?: BuiltinCodec
  /** The URI of a blob store. */
  readonly blobStore?: string
  /** The environment variable that holds the key, so that no secret stands in the file. */
  readonly signingKey?: { readonly env: string }
  /** For all groups: functions whose names match, as regular expressions, belong to that pipeline; of several the first. */
  readonly pipelines?: readonly { readonly functions: string; readonly pipelineId: string }[]
  /** For all groups: the URI of a memospace by the name of a function; see the option of `memoize`, which is stronger. */
  readonly memospaces?: Readonly<Record<string, string>>
  /** Modules that are imported before a blob store is opened: files, from the file's own folder, or packages. */
  readonly plugins?: readonly string[]
  /** For all groups: memoized functions do not compute. */
  readonly requireAllResults?: RequireOptions
}

/** Gives back what it is given, so that an editor knows what a configuration file may say. */
export function defineConfig(config: Configuration): Configuration {
  return config
}

export interface ConfigurationFile {
  /** Absolute. */
  readonly path: string
  readonly config: Configuration
}

// what it may say --------------------------------------------------------------------------------------------------

const isText = (item: unknown): boolean => is.string.accepts(item)

const isPattern = (item: unknown): boolean => {
  try {
    return isText(item) && new RegExp(item as string) !== undefined
  } catch {
    return false
  }
}

const { clock, onError, state, temporary, ...data } = groupChecks

const CHECKS: Readonly<Record<keyof Configuration, OptionCheck>> = {
  ...data,
  policy: is.oneOf(...Object.keys(policies)),
  codec: is.oneOf('cbor', 'json', 'v8', 'raw'),
  blobStore: {
    expects: 'the URI of a blob store',
    accepts: (value) => typeof value === 'string' && URL.canParse(value),
  },
  signingKey: {
    expects: 'an object of "env" (the name of the environment variable that holds the key)',
    accepts: (value) =>
      is.record({ env: is.string }).accepts(value) && isText((value as { env?: unknown }).env),
  },
  pipelines: is.listOf('objects', (item) => typeof item === 'object' && item !== null),
  memospaces: {
    expects: 'an object of memospace URIs by name of function',
    accepts: (value) =>
      typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      Object.values(value).every(isText),
  },
  plugins: is.listOf('modules', isText),
  requireAllResults: is.record({ message: is.string, unless: is.string }),
}

const PIPELINE: Readonly<Record<string, OptionCheck>> = {
  functions: { expects: 'a regular expression over names of functions, as text', accepts: isPattern },
  pipelineId: pipelineCheck,
}

/** Throws a `TypeError` that names the file, what is wrong, and the nearest that is right. */
function checked(config: unknown, path: string): Configuration {
  checkOptions(config as object, CHECKS, path)
  const known = config as Configuration
  checkCompression(known.compress ?? false, path)
  for (const [at, pipeline] of (known.pipelines ?? []).entries()) {
    const where = `${path}: pipelines[${at}]`
    checkOptions(pipeline, PIPELINE, where)
    for (const [name, { expects }] of Object.entries(PIPELINE))
      if ((pipeline as Record<string, unknown>)[name] === undefined)
        throw new TypeError(`${where}: "${name}" is missing: ${expects}`)
  }
  return known
}

// where it is, and how it is read ----------------------------------------------------------------------------------

const NAMES = ['ts', 'js', 'mjs', 'json'].map((extension) => `permafrost.config.${extension}`)

type Reading = { readonly file: ConfigurationFile | undefined } | { readonly error: TypeError }

let reading: Reading | undefined

/**
 * The file of this project, read at the first call; undefined if there is none. Throws, the same each time, a `TypeError` for one
 * that cannot be read, or is wrong.
 */
export function configurationFile(): ConfigurationFile | undefined {
  if (reading === undefined) {
    reading = { error: new TypeError('the configuration file calls a memoized function while it is read') }
    reading = read()
  }
  if ('error' in reading) throw reading.error
  return reading.file
}

function read(): Reading {
  let path: string | undefined
  try {
    path = whereItIs()
    return { file: path === undefined ? undefined : { path, config: checked(contentOf(path), path) } }
  } catch (error) {
    // what Node adds on other lines is about its own modules
    const [message = ''] = messageOf(error).split('\n')
    const isNamed = path === undefined || message.startsWith(path)
    return { error: new TypeError(isNamed ? message : `${path}: ${message}`, { cause: error }) }
  }
}

function whereItIs(): string | undefined {
  const named = process.env['PERMAFROST_CONFIG']
  if (named !== undefined && named !== '') {
    const path = resolve(named)
    if (!existsSync(path)) throw new TypeError(`there is no file ${path}, which PERMAFROST_CONFIG names`)
    return path
  }
  const folder = projectFolder()
  if (folder === undefined) return undefined
  const [first, second] = NAMES.map((name) => join(folder, name)).filter((path) => existsSync(path))
  if (second !== undefined)
    throw new TypeError(`${first}: there is ${basename(second)} beside it; keep one of them`)
  return first
}

function contentOf(path: string): unknown {
  const kind = extname(path)
  if (kind === '.json') return JSON.parse(readFileSync(path, 'utf8'))
  // from here, not from there: it is Node's own way to load a file by its path
  const require = createRequire(import.meta.url)
  if (kind === '.ts' && !canStripTypes() && require.extensions['.ts'] === undefined)
    throw new TypeError(
      'this Node does not run TypeScript: take 22.18, 23.6 or later, run it with a loader such as tsx, or write permafrost.config.js',
    )
  if (!['.ts', '.js', '.mjs', '.cjs'].includes(kind))
    throw new TypeError(`expected a file that ends with .ts, .js, .mjs or .json`)
  const loaded: unknown = require(path)
  if (typeof loaded !== 'object' || loaded === null) return loaded
  if (Object.hasOwn(loaded, 'default')) return (loaded as { default: unknown }).default
  const isModule = Object.prototype.toString.call(loaded) === '[object Module]'
  if (isModule || Object.hasOwn(loaded, '__esModule')) throw new TypeError('it has no default export')
  return loaded
}

const canStripTypes = (): boolean =>
  Boolean((process.features as { readonly typescript?: unknown }).typescript)

// what counts for all groups ---------------------------------------------------------------------------------------

/** What the file says to all groups counts from the first call of this on. Throws as `configurationFile` does. */
export function heedConfiguration(): void {
  const file = configurationFile()
  if (file === undefined || heeded.has(file)) return
  heeded.add(file)
  const { pipelines = [], requireAllResults: required } = file.config
  for (const { functions, pipelineId } of pipelines) addLastPipelineHandler(new RegExp(functions), pipelineId)
  if (required !== undefined) requireAllResults(required)
}

const heeded = new WeakSet<ConfigurationFile>()

/** Where the results of a function are, if the file says so. */
export function configuredMemospace(functionName: () => string): string | undefined {
  let memospaces: Configuration['memospaces']
  try {
    memospaces = configurationFile()?.config.memospaces
  } catch {
    // whoever calls the function tells, and finds nothing
  }
  if (memospaces === undefined) return undefined
  const name = functionName()
  return Object.hasOwn(memospaces, name) ? memospaces[name] : undefined
}

let importing: Promise<void> | undefined

/** Imports the file's plugins, once. Rejects with a `TypeError` that names the file and the plugin. */
export function importPlugins(): Promise<void> {
  importing ??= importAll()
  return importing
}

async function importAll(): Promise<void> {
  const file = configurationFile()
  if (file === undefined) return
  for (const plugin of file.config.plugins ?? []) {
    try {
      await import(urlOf(plugin, file.path))
    } catch (error) {
      throw new TypeError(`${file.path}: the plugin "${plugin}" failed: ${messageOf(error)}`, {
        cause: error,
      })
    }
  }
}

function urlOf(plugin: string, path: string): string {
  const isFile = /^\.{1,2}\//.test(plugin) || isAbsolute(plugin)
  const found = isFile ? resolve(dirname(path), plugin) : createRequire(path).resolve(plugin)
  return isAbsolute(found) ? pathToFileURL(found).href : found
}
