/**
 * The objects that JavaScript and Node bring along, by name: `Math.max`, `Array.prototype`, `%Generator%`,
 * the exports of `node:path`. They are identified by that name and the runtime's major version.
 *
 * The table is built when this is loaded, before most programs change anything, by walking from the known global names, never
 * through an accessor. It holds only what is native and where it belongs: a native function under the name it prints, and
 * objects that no program can put there. So what a program replaced or added is not in it.
 */
import { isBuiltin } from 'node:module'
import { types } from 'node:util'
import { canInspect, internalsOf } from './inspect.ts'

const GLOBALS = `
  AggregateError Array ArrayBuffer AsyncDisposableStack Atomics BigInt BigInt64Array BigUint64Array Boolean DataView
  Date DisposableStack Error EvalError FinalizationRegistry Float16Array Float32Array Float64Array Function Infinity
  Int16Array Int32Array Int8Array Intl Iterator JSON Map Math NaN Number Object Promise Proxy RangeError
  ReferenceError Reflect RegExp Set SharedArrayBuffer String SuppressedError Symbol SyntaxError Temporal TypeError
  URIError Uint16Array Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakRef WeakSet WebAssembly decodeURI
  decodeURIComponent encodeURI encodeURIComponent escape eval globalThis isFinite isNaN parseFloat parseInt undefined
  unescape
  AbortController AbortSignal Blob BroadcastChannel Buffer ByteLengthQueuingStrategy CloseEvent CompressionStream
  CountQueuingStrategy Crypto CryptoKey CustomEvent DOMException DecompressionStream ErrorEvent Event EventSource
  EventTarget File FormData Headers MessageChannel MessageEvent MessagePort Navigator Performance PerformanceEntry
  PerformanceMark PerformanceMeasure PerformanceObserver PerformanceObserverEntryList PerformanceResourceTiming
  ReadableByteStreamController ReadableStream ReadableStreamBYOBReader ReadableStreamBYOBRequest
  ReadableStreamDefaultController ReadableStreamDefaultReader Request Response Storage SubtleCrypto TextDecoder
  TextDecoderStream TextEncoder TextEncoderStream TransformStream TransformStreamDefaultController URL URLPattern
  URLSearchParams WebSocket WritableStream WritableStreamDefaultController WritableStreamDefaultWriter atob btoa
  clearImmediate clearInterval clearTimeout console crypto fetch global localStorage navigator performance process
  queueMicrotask sessionStorage setImmediate setInterval setTimeout structuredClone
`
  .trim()
  .split(/\s+/)

const globalNames: ReadonlySet<string> = new Set(GLOBALS)

/** Whether the language or Node defines a global of that name. */
export function isKnownGlobal(name: string): boolean {
  return globalNames.has(name)
}

const functionText = Function.prototype.toString
const NATIVE = /\{\s*\[native code\]\s*\}$/

/** Whether a function is made of native code: an intrinsic, a bound function or one of an addon. */
export function isNative(fn: Function): boolean {
  return NATIVE.test(functionText.call(fn))
}

/** `max` of `function max() { [native code] }`; a bound function prints no name. */
const printedName = (fn: Function): string | undefined =>
  /^function (.*?)\(\) \{\s*\[native code\]\s*\}$/.exec(functionText.call(fn))?.[1]

/** The name of an intrinsic object or native function, or undefined for all others. */
export function intrinsicName(object: object): string | undefined {
  const name = names.get(object)
  if (name !== undefined) return name
  if (enterRealm(object, names)) return names.get(object)
  return typeof object === 'function' && isNative(object) ? nameInModules(object, names) : undefined
}

/** Native functions that Node's modules export: `node:util.types.isDate`. */
function nameInModules(fn: Function, table: Map<object, string>): string | undefined {
  if (loadedModules() === tabulatedModules) return undefined
  tabulatedModules = loadedModules()
  for (const [exported, module] of tabulatedModules) {
    for (const [key, { value }] of Object.entries(Object.getOwnPropertyDescriptors(exported as object))) {
      note(value, `${module}.${key}`)
      if (typeof value !== 'object' || value === null || types.isProxy(value)) continue
      for (const [inner, member] of Object.entries(Object.getOwnPropertyDescriptors(value))) {
        note(member.value, `${module}.${key}.${inner}`)
      }
    }
  }
  return table.get(fn)

  function note(value: unknown, name: string): void {
    if (typeof value !== 'function' || types.isProxy(value) || table.has(value)) return
    // Node 24 has native functions without a name, which look like bound ones
    if (isNative(value) && (printedName(value) !== '' || isUnbound(value))) table.set(value, name)
  }
}

const isUnbound = (fn: Function): boolean => canInspect() && internalsOf(fn).bound === undefined

let tabulatedModules: Map<unknown, string> | undefined

const realms = new WeakSet<object>([globalThis])

/**
 * Objects of another realm (a `vm` context) have intrinsics of their own. A native function, or the native
 * constructor of a prototype, leads to that realm's global object, from which they are tabulated.
 */
function enterRealm(object: object, table: Map<object, string>): boolean {
  const native =
    typeof object === 'function' ? object : Object.getOwnPropertyDescriptor(object, 'constructor')?.value
  if (typeof native !== 'function' || types.isProxy(native) || !isNative(native)) return false
  let top: object | null = native
  for (let above = top; above !== null; above = Object.getPrototypeOf(above)) {
    if (typeof above === 'function') top = above
  }
  const make: unknown = Object.getOwnPropertyDescriptor(top, 'constructor')?.value
  if (typeof make !== 'function' || make === Function || !isNative(make)) return false
  try {
    const realm: unknown = make('return this')()
    if (typeof realm !== 'object' || realm === null || realms.has(realm)) return false
    realms.add(realm)
    tabulate(table, realm)
    return true
  } catch {
    return false
  }
}

function tabulate(table: Map<object, string>, realm: object): Map<object, string> {
  table.set(realm, 'globalThis')
  for (const name of GLOBALS) {
    if (NODE_OBJECTS.has(name)) continue
    const value: unknown = Object.getOwnPropertyDescriptor(realm, name)?.value
    if (isFunction(value) ? printedName(value) === name : isNamespace(value, name))
      add(value as object, name, 3)
  }
  if (realm === globalThis) for (const [name, value] of hidden()) add(value, name, 2)
  return table

  function add(value: object, name: string, depth: number): void {
    if (table.has(value)) return
    table.set(value, name)
    if (depth === 0) return
    for (const key of Reflect.ownKeys(value)) {
      if (key === 'constructor') continue
      const property = Object.getOwnPropertyDescriptor(value, key)!
      const member = typeof key === 'symbol' ? `[${key.description}]` : key
      const label = typeof key === 'symbol' ? member : `.${member}`
      const { get, set, value: held } = property
      const belongs =
        (isFunction(held) && printedName(held) === member) || (key === 'prototype' && isFixed(property))
      if (belongs) add(held as object, name + label, depth - 1)
      if (get !== undefined && printedName(get) === `get ${member}`) add(get, `get ${name}${label}`, 0)
      if (set !== undefined && printedName(set) === `set ${member}`) add(set, `set ${name}${label}`, 0)
    }
  }
}

const isFunction = (value: unknown): value is Function => typeof value === 'function' && !types.isProxy(value)

/** `Math`, `Intl` and the like, which say so themselves. */
const isNamespace = (value: unknown, name: string): value is object =>
  typeof value === 'object' &&
  value !== null &&
  !types.isProxy(value) &&
  Object.getOwnPropertyDescriptor(value, Symbol.toStringTag)?.value === name

/** A property that no program puts there: the prototypes of built-in classes. */
const isFixed = ({ value, writable }: PropertyDescriptor): boolean =>
  writable === false && ((typeof value === 'object' && value !== null) || isFunction(value))

/** Objects of Node with state of their own; they are known by name as variables only. */
export const NODE_OBJECTS: ReadonlySet<string> = new Set([
  'console',
  'crypto',
  'global',
  'globalThis',
  'localStorage',
  'navigator',
  'performance',
  'process',
  'sessionStorage',
])

/** Intrinsics that no global names: reached from a sample of each. */
function hidden(): [string, object][] {
  const of = Object.getPrototypeOf
  const generator = of(function* () {})
  const asyncGenerator = of(async function* () {})
  class Strict {
    /** In strict mode even where a loader made a script of this module. */
    arguments(): unknown {
      // biome-ignore lint/complexity/noArguments: it is what this is about
      return arguments
    }
  }
  const strict = new Strict().arguments()
  return [
    ['%ThrowTypeError%', Object.getOwnPropertyDescriptor(strict, 'callee')!.get!],
    ['%TypedArray%', of(Uint8Array)],
    ['%AsyncFunction%.prototype', of(async () => {})],
    ['%GeneratorFunction%.prototype', generator],
    ['%AsyncGeneratorFunction%.prototype', asyncGenerator],
    ['%IteratorPrototype%', of(of(generator.prototype))],
    ['%AsyncIteratorPrototype%', of(of(asyncGenerator.prototype))],
    ['%ArrayIterator%.prototype', of([].values())],
    ['%MapIterator%.prototype', of(new Map().values())],
    ['%SetIterator%.prototype', of(new Set().values())],
    ['%StringIterator%.prototype', of(''[Symbol.iterator]())],
    ['%RegExpStringIterator%.prototype', of('a'.matchAll(/a/g))],
  ]
}

const names: Map<object, string> = tabulate(new Map(), globalThis)

let modules: Map<unknown, string> | undefined
let modulesSeen = 0

/** `node:path` for the object that `import path from 'node:path'` gives; only modules somebody has loaded. */
export function builtinModuleName(object: object): string | undefined {
  return loadedModules().get(object)
}

function loadedModules(): Map<unknown, string> {
  const loaded = (process as unknown as { moduleLoadList: readonly string[] }).moduleLoadList
  if (modules !== undefined && loaded.length === modulesSeen) return modules
  const found = new Map<unknown, string>()
  for (const line of loaded) {
    const name = line.replace(/^NativeModule /, '')
    if (name.startsWith('internal/') || name.includes('/internal/') || !isBuiltin(name)) continue
    const exported: unknown = process.getBuiltinModule(name)
    if (typeof exported === 'object' || typeof exported === 'function') found.set(exported, `node:${name}`)
  }
  // loading one may load others
  modulesSeen = loaded.length
  modules = found
  return found
}
