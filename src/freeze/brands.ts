/**
 * What V8 knows of an object beside its properties: the flags of a regular expression, the options of an Intl object, and
 * whether it has a state that nothing can read. Asked of internal slots, which a program cannot fake.
 */
import { types } from 'node:util'
import { factsOf } from './function.ts'
import { intrinsicName } from './intrinsics.ts'

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
  if (types.isWeakMap(object)) return 'a WeakMap'
  if (types.isWeakSet(object)) return 'a WeakSet'
  if (types.isGeneratorObject(object)) return 'a generator in flight'
  if (types.isMapIterator(object) || types.isSetIterator(object)) return 'an iterator in flight'
  if (types.isExternal(object)) return 'a native handle'
  if (types.isCryptoKey(object) || types.isKeyObject(object)) return 'a cryptographic key'
  for (let at = getPrototypeOf(object); at !== null; at = getPrototypeOf(at)) {
    if (types.isProxy(at)) return 'an object whose prototype is a Proxy'
    const name = HIDDEN_STATE.has(at) ? HIDDEN_STATE.get(at) : hiddenByName(at)
    if (name !== undefined) return name
  }
  return undefined
}

const HIDDEN_STATE: ReadonlyMap<object, string> = new Map(
  Object.entries({
    WeakRef: 'a WeakRef',
    FinalizationRegistry: 'a FinalizationRegistry',
    'WebAssembly.Module': 'a WebAssembly module',
    'WebAssembly.Instance': 'a WebAssembly instance',
    'WebAssembly.Memory': 'a WebAssembly memory',
    'WebAssembly.Table': 'a WebAssembly table',
    'WebAssembly.Global': 'a WebAssembly global',
  }).flatMap(([name, what]) => {
    let found: any = globalThis
    for (const step of name.split('.')) found = found?.[step]
    return typeof found === 'function' ? [[found.prototype as object, what] as const] : []
  }),
)

/** Classes of Node that are loaded only if somebody uses them: known by their name among the prototypes. */
const NODE_HIDDEN: Readonly<Record<string, string>> = {
  Stream: 'a stream',
  ReadableStream: 'a ReadableStream',
  WritableStream: 'a WritableStream',
  TransformStream: 'a TransformStream',
  Blob: 'a Blob',
  Worker: 'a worker thread',
  MessagePort: 'a MessagePort',
  AsyncLocalStorage: 'an AsyncLocalStorage',
  Server: 'a server',
  ChildProcess: 'a child process',
  Timeout: 'a timer',
  Immediate: 'a timer',
}

function hiddenByName(prototype: object): string | undefined {
  const intrinsic = intrinsicName(prototype)
  if (intrinsic !== undefined) return intrinsic.includes('Iterator') ? 'an iterator in flight' : undefined
  const maker: unknown = getOwnPropertyDescriptor(prototype, 'constructor')?.value
  if (typeof maker !== 'function') return undefined
  const name: unknown = getOwnPropertyDescriptor(maker, 'name')?.value
  if (typeof name !== 'string' || !Object.hasOwn(NODE_HIDDEN, name)) return undefined
  const { native, origin } = factsOf(maker, () => name)
  return native || origin.kind === 'builtin' ? NODE_HIDDEN[name] : undefined
}

/**
 * Consoles, standard streams and the process, since what is written there is not what a function returns; and the
 * signals by which a call is aborted.
 */
export function isAmbient(object: object): boolean {
  if (object === process || object === console) return true
  if (object instanceof AbortSignal || object instanceof AbortController) return true
  if (getOwnPropertyDescriptor(object, '_isStdio')?.value === true) return true
  const above = getPrototypeOf(object)
  const maker: unknown = above && getOwnPropertyDescriptor(above, 'constructor')?.value
  return maker === (console as unknown as { Console: unknown }).Console
}
