/**
 * Stand-ins for what Node offers of the clock, randomness, the environment, files, the network and other processes. Each
 * says that it is used, then does what its original does. They are in place only while somebody wants to know.
 *
 * Promises: the same behaviour, properties and `this`; nothing thrown that the original does not throw; what a program put in
 * the place of an original stays, before, during and after; to every walk a stand-in is its original (see marks.ts).
 */
import { createRequire, syncBuiltinESMExports } from 'node:module'
import { types } from 'node:util'
import { dottedName, impureName } from './freeze/impurity.ts'
import { registerPatch } from './freeze/marks.ts'

/** Told what is used, and how: `fs.readFileSync`, its arguments, the function that the user's code called, and the original. */
export type Notice = (what: string, args: readonly unknown[], standIn: Function, original: unknown) => void

interface Patch {
  readonly holder: object
  readonly key: string
  readonly before: PropertyDescriptor
  readonly standIn: unknown
}

const { apply, construct, defineProperty, ownKeys, setPrototypeOf } = Reflect
const { getOwnPropertyDescriptor, getPrototypeOf } = Object

let patches: readonly Patch[] | undefined
let users = 0
let notice: Notice = () => {}

/** Put the stand-ins in place, if they are not yet. */
export function install(tell: Notice): void {
  notice = tell
  if (users++ > 0) return
  patches ??= all()
  for (const { before, holder, key, standIn } of patches) {
    const now = Object.getOwnPropertyDescriptor(holder, key)
    if (now?.value !== before.value || now?.get !== before.get) continue
    put(holder, key, {
      value: standIn,
      writable: true,
      enumerable: before.enumerable === true,
      configurable: true,
    })
  }
  syncBuiltinESMExports()
}

/** Take them away, when nobody wants to know any more. */
export function remove(): void {
  if (--users > 0 || patches === undefined) return
  for (const { before, holder, key, standIn } of patches) {
    if (Object.getOwnPropertyDescriptor(holder, key)?.value === standIn) put(holder, key, before)
  }
  syncBuiltinESMExports()
}

function put(holder: object, key: string, property: PropertyDescriptor): void {
  try {
    defineProperty(holder, key, property)
  } catch {
    // it cannot be changed (--frozen-intrinsics): it is not noticed
  }
}

/** Files that are read; writing them is no input. */
const READS =
  /^(?:read|readv|glob|readFile|createReadStream|open|openAsBlob|opendir|readdir|stat|lstat|statfs|access|exists|realpath|readlink|copyFile|cp|watch|watchFile)(?:Sync)?$/

const MODULES: Readonly<Record<string, RegExp>> = {
  fs: READS,
  'fs/promises': READS,
  crypto: /./,
  child_process: /./,
  http: /./,
  https: /./,
  http2: /./,
  net: /./,
  tls: /./,
  dgram: /./,
  dns: /./,
  'dns/promises': /./,
}

function all(): readonly Patch[] {
  const made: Patch[] = []
  const patch = (holder: object, key: string, make: (original: any) => unknown): void => {
    const before = Object.getOwnPropertyDescriptor(holder, key)
    if (before?.configurable !== true) return
    const original: unknown = before.get === undefined ? before.value : Reflect.get(holder, key)
    if ((typeof original !== 'function' && typeof original !== 'object') || original === null) return
    const standIn = make(original)
    registerPatch(standIn as object, original)
    made.push({ holder, key, before, standIn })
  }
  const method = (holder: object, key: string, what: string): void =>
    patch(holder, key, (original: Function) => calling(original, what))

  const clock = constructing(Date, 'new Date()', 'Date()')
  patch(globalThis, 'Date', () => clock)
  patch(Date.prototype, 'constructor', () => clock)
  method(Date, 'now', 'Date.now')
  method(Math, 'random', 'Math.random')
  method(Object.getPrototypeOf(performance) as object, 'now', 'performance.now')
  patch(process, 'hrtime', (original: typeof process.hrtime) => {
    const standIn = calling(original, 'process.hrtime') as unknown as Record<string, unknown>
    const bigint = calling(original.bigint, 'process.hrtime.bigint')
    registerPatch(bigint, original.bigint)
    standIn['bigint'] = bigint
    return standIn
  })
  patch(process, 'env', environment)
  method(globalThis, 'fetch', 'fetch')
  for (const name of ['WebSocket', 'EventSource'])
    patch(globalThis, name, (original: Function) => constructing(original, name, name))
  if (typeof crypto === 'object') {
    const prototype = Object.getPrototypeOf(crypto) as object
    for (const key of ['getRandomValues', 'randomUUID']) method(prototype, key, `crypto.${key}`)
  }
  const require = createRequire(import.meta.url)
  for (const [module, keys] of Object.entries(MODULES)) {
    const exported = require(`node:${module}`) as object
    for (const [key, { value }] of Object.entries(Object.getOwnPropertyDescriptors(exported))) {
      const what = dottedName(module, [key])
      // classes are constructed, and what they do is noticed elsewhere
      const isPlain = typeof value === 'function' && /^[a-z]/.test(key) && !types.isProxy(value)
      if (isPlain && keys.test(key) && impureName(what) === what) method(exported, key, what)
    }
  }
  return made
}

/** A function that says it is called. */
function calling(original: Function, what: string): Function {
  const { standIn } = {
    standIn(this: unknown, ...args: unknown[]): unknown {
      tell(what, args, standIn, original)
      return apply(original, this, args)
    },
  }
  // name, length, and what util.promisify looks for
  for (const key of ownKeys(original)) defineProperty(standIn, key, getOwnPropertyDescriptor(original, key)!)
  setPrototypeOf(standIn, getPrototypeOf(original) as object)
  return standIn
}

/** A class that says it is made an instance of without arguments, or called. */
function constructing(original: Function, asNew: string, asCall: string): Function {
  const traps: ProxyHandler<Function> = {
    construct(target, args, newTarget) {
      if (args.length === 0 || asNew === asCall) tell(asNew, args, traps.construct!, original)
      return construct(target, args, newTarget === standIn ? target : newTarget) as object
    },
    apply(target, self, args) {
      tell(asCall, args, traps.apply!, original)
      return apply(target, self, args) as unknown
    },
  }
  const standIn: Function = new Proxy(original, traps)
  return standIn
}

/** The environment, which says what is read of it. */
function environment(original: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const one = (key: string | symbol, trap: Function): void => {
    if (typeof key === 'string') tell(`process.env.${key}`, [key], trap, original)
  }
  const traps: ProxyHandler<NodeJS.ProcessEnv> = {
    get(target, key) {
      one(key, traps.get!)
      return Reflect.get(target, key) as unknown
    },
    has(target, key) {
      one(key, traps.has!)
      return Reflect.has(target, key)
    },
    getOwnPropertyDescriptor(target, key) {
      one(key, traps.getOwnPropertyDescriptor!)
      return getOwnPropertyDescriptor(target, key)
    },
    ownKeys(target) {
      tell('process.env', [], traps.ownKeys!, original)
      return ownKeys(target)
    },
    // without the proxy as receiver, which the environment would take for a foreign object
    set: (target, key, value) => Reflect.set(target, key, value),
  }
  return new Proxy(original, traps)
}

function tell(what: string, args: readonly unknown[], standIn: Function, original: unknown): void {
  try {
    notice(what, args, standIn, original)
  } catch {
    // what is noticed is the cache's business, never the caller's
  }
}
