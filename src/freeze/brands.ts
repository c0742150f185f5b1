/**
 * What V8 knows of an object beside its properties: the flags of a regular expression, the options of an Intl object, and
 * whether it has a state that nothing can read. Asked of internal slots, which a program cannot fake.
 */
import { types } from 'node:util'
import { factsOf } from './function.ts'
import { intrinsicName, isNative } from './intrinsics.ts'

const { getOwnPropertyDescriptor, getPrototypeOf } = Object

const sourceGetter = getOwnPropertyDescriptor(RegExp.prototype, 'source')!.get!

/** The pattern of a regular expression. */
export const regExpSource = (object: object): string => sourceGetter.call(object) as string

const regExpFlagGetters: readonly (readonly [string, () => unknown])[] = [
  ['d', 'hasIndices'],
  ['g', 'global'],
  ['i', 'ignoreCase'],
  ['m', 'multiline'],
  ['s', 'dotAll'],
  ['u', 'unicode'],
  ['v', 'unicodeSets'],
  ['y', 'sticky'],
].flatMap(([flag, name]) => {
  const get = getOwnPropertyDescriptor(RegExp.prototype, name!)?.get
  return get === undefined ? [] : [[flag!, get] as const]
})

/** The flags from their internal slots: the `flags` getter reads properties that a program may override. */
export function regExpFlags(object: object): string {
  let flags = ''
  for (const [flag, get] of regExpFlagGetters) if (get.call(object) === true) flags += flag
  return flags
}

/** The primitive of a boxed one, from its slot: a program may have a `valueOf` of its own. */
export function boxed(object: object): unknown {
  if (types.isNumberObject(object)) return Number.prototype.valueOf.call(object)
  if (types.isStringObject(object)) return String.prototype.valueOf.call(object)
  if (types.isBooleanObject(object)) return Boolean.prototype.valueOf.call(object)
  return types.isBigIntObject(object)
    ? BigInt.prototype.valueOf.call(object as unknown as bigint)
    : Symbol.prototype.valueOf.call(object as unknown as symbol)
}

const hrefOf = getOwnPropertyDescriptor(URL.prototype, 'href')!.get!

/** What a URL or its parameters say, whatever `toString` a program gave them. */
export const textOfUrl = (object: object): unknown =>
  getPrototypeOf(object) === URL.prototype
    ? hrefOf.call(object)
    : URLSearchParams.prototype.toString.call(object)

const toStringTag = getOwnPropertyDescriptor(getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)!
  .get as () => string

/** `Float64Array`, `DataView`, …, and `Buffer` for Node's own. */
export function viewName(view: ArrayBufferView): string {
  if (Buffer.isBuffer(view)) return 'Buffer'
  return types.isTypedArray(view) ? toStringTag.call(view) : 'DataView'
}

const intlClasses = Object.entries(Object.getOwnPropertyDescriptors(Intl)).flatMap(([name, { value }]) => {
  const options: unknown = typeof value === 'function' ? value.prototype?.resolvedOptions : undefined
  return typeof options === 'function' ? [{ name, prototype: value.prototype as object, options }] : []
})

/** What an Intl object was made with: V8 keeps it where no property shows. */
export function intlOptions(object: object): unknown {
  for (const { name, prototype, options } of intlClasses) {
    if (Object.prototype.isPrototypeOf.call(prototype, object)) return [name, options.call(object)]
  }
  return undefined
}

/** Objects with a state that cannot be read, or that lives outside the program. */
export function refusalOf(object: object): string | undefined {
  if (types.isPromise(object)) return 'a Promise'
  if (types.isGeneratorObject(object)) return 'a generator in flight'
  if (types.isMapIterator(object) || types.isSetIterator(object)) return 'an iterator in flight'
  if (types.isExternal(object)) return 'a native handle'
  if (types.isCryptoKey(object) || types.isKeyObject(object)) return 'a cryptographic key'
  for (let at = getPrototypeOf(object); at !== null; at = getPrototypeOf(at)) {
    if (types.isProxy(at)) return 'an object whose prototype is a Proxy'
    const refused = refusalOfPrototype(at)
    if (refused !== undefined) return refused
  }
  return undefined
}

/**
 * Classes of the language and of Node may keep a state where nothing shows; only those listed are known to have none, or
 * none but `#private` fields.
 */
const OPEN: ReadonlySet<string> = new Set([
  'Object',
  'EventEmitter',
  'EventTarget',
  'Event',
  'CustomEvent',
  'Stats',
  'StatsBase',
  'BigIntStats',
  'Dirent',
  'TextEncoder',
  'TextDecoder',
  'Headers',
  'HeadersList',
  'URLPattern',
  'Url',
  'Map',
  'Set',
  'Array',
  'Error',
  'Performance',
])

function refusalOfPrototype(prototype: object): string | undefined {
  const name = intrinsicName(prototype)
  if (name !== undefined) {
    if (name.includes('Iterator') || name.includes('Generator')) return 'an iterator in flight'
    const [what] = name.split('.') as [string]
    return OPEN.has(what) ? undefined : `a ${name.replace('.prototype', '')}`
  }
  const maker: unknown = getOwnPropertyDescriptor(prototype, 'constructor')?.value
  if (typeof maker !== 'function' || types.isProxy(maker)) return undefined
  const made: unknown = getOwnPropertyDescriptor(maker, 'name')?.value
  if (typeof made !== 'string' || OPEN.has(made)) return undefined
  const { native, origin } = factsOf(maker)
  if (origin.kind !== 'builtin' && !(native && intrinsicName(maker) !== undefined)) return undefined
  return /^(?:Readable|Writable|Duplex|Stream|Socket|ReadStream|WriteStream)$/.test(made)
    ? 'a stream'
    : `a ${made}`
}

/**
 * Consoles, standard streams and the process, since what is written there is not what a function returns; and the
 * signals by which a call is aborted.
 */
export function isAmbient(object: object): boolean {
  if (object === process || object === console) return true
  const above = getPrototypeOf(object)
  const maker: unknown = above && getOwnPropertyDescriptor(above, 'constructor')?.value
  if (above === AbortSignal.prototype || above === AbortController.prototype) return true
  // one of a program's own may say so, too, but is no stream of Node's
  if (getOwnPropertyDescriptor(object, '_isStdio')?.value === true && typeof maker === 'function') {
    return factsOf(maker).origin.kind === 'builtin'
  }
  return maker === (console as unknown as { Console: unknown }).Console
}

const consoleFunctions: ReadonlySet<unknown> = new Set(Object.values(console))

/** Whether a function is one of console's. */
export function writesToConsole(fn: Function): boolean {
  return consoleFunctions.has(fn)
}

/** Packages whose functions and objects write logs: what they do is not what a function returns. */
export const LOGGERS: ReadonlySet<string> = new Set([
  'bunyan',
  'consola',
  'debug',
  'log4js',
  'loglevel',
  'pino',
  'roarr',
  'signale',
  'tslog',
  'winston',
])

/** Whether an object is a logger of one of those: its class, or a method it inherits, is theirs. */
export function isLogger(object: object): boolean {
  // the prototype of a Buffer has a hundred members to ask
  if (ArrayBuffer.isView(object)) return false
  for (
    let at = getPrototypeOf(object);
    at !== null && intrinsicName(at) === undefined;
    at = getPrototypeOf(at)
  ) {
    if (types.isProxy(at)) return false
    const maker: unknown = getOwnPropertyDescriptor(at, 'constructor')?.value
    // a class of the user's that extends a logger is the user's
    if (typeof maker === 'function' && !types.isProxy(maker) && factsOf(maker).origin.kind === 'user')
      return false
    for (const { value } of Object.values(Object.getOwnPropertyDescriptors(at))) {
      if (typeof value !== 'function' || types.isProxy(value) || isNative(value)) continue
      const { origin } = factsOf(value)
      if (origin.kind === 'package' && LOGGERS.has(origin.name)) return true
      break
    }
  }
  return false
}
