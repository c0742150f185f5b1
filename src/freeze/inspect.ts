/**
 * What JavaScript hides and V8 shows: the scopes a function closed over, the target of a bound function, `#private`
 * members, and the source of each script. The one door to node:inspector.
 *
 * An in-process Session answers synchronously, and `Runtime.callFunctionOn` hands the real objects over, so no value
 * is copied. What it hands over is a snapshot of the variables. `Debugger.enable` is needed to list scripts; it is
 * switched off again at once, before any user code can run, so no `debugger` statement ever stops a program.
 */

import type { Session } from 'node:inspector'
import { createRequire } from 'node:module'
import { isForeign } from './origin.ts'

/** One scope of a function, innermost first. Reading a variable that is not initialised yet throws on Node 22 and later. */
export interface Scope {
  /** V8's word: Block, Catch, Closure, Eval, Module, Script, With. */
  readonly kind: string
  readonly variables: Readonly<Record<string, unknown>>
}

export interface Internals {
  readonly location?: { readonly scriptId: string; readonly line: number; readonly column: number }
  /** Without the global scope. */
  readonly scopes: readonly Scope[]
  /** The global object of the function's realm: that of a `vm` context is another. */
  readonly global: object
  readonly bound?: {
    readonly target: unknown
    readonly thisArgument: unknown
    readonly arguments: readonly unknown[]
  }
}

export interface Script {
  readonly url: string
  /** Undefined for scripts nobody needs to read: those of Node itself and of packages. */
  readonly source: string | undefined
  readonly start: Start
}

/** What V8 counts the first line of a script as, and the first character of that: whoever compiles it may say. */
export interface Start {
  readonly line: number
  readonly column: number
}

interface RemoteObject {
  readonly objectId?: string
  readonly description?: string
  readonly value?: unknown
}
interface Property {
  readonly name: string
  readonly value?: RemoteObject
}
interface Properties {
  readonly internalProperties?: readonly Property[]
  readonly privateProperties?: readonly Property[]
}

/** Where objects pass between this file and V8's side of the session. */
interface Exchange {
  given: unknown
  taken: unknown
}

const require = createRequire(import.meta.url)
const GROUP = 'permafrost'
/** A script longer than this is not read; its variables then count as ones that change. */
const LONGEST_SCRIPT = 4 << 20

let session: Session | undefined
let refused = false
const exchange: Exchange = { given: undefined, taken: undefined }
let exchangeId: string | undefined
const scripts = new Map<string, Script>()

/** Whether V8 lets us look. False under the permission model and on other engines. */
export function canInspect(): boolean {
  connect()
  return session !== undefined
}

function connect(): void {
  if (session !== undefined || refused) return
  try {
    const inspector = require('node:inspector') as typeof import('node:inspector')
    session = new inspector.Session()
    session.connect()
    const name = '__permafrost_exchange__'
    Object.defineProperty(globalThis, name, { value: exchange, configurable: true })
    const found = post<{ result: RemoteObject }>('Runtime.evaluate', { expression: `globalThis.${name}` })
    delete (globalThis as Record<string, unknown>)[name]
    exchangeId = found.result.objectId
    if (exchangeId === undefined) throw new Error('the inspector does not hand objects over')
  } catch {
    // the permission model says no, or this is no V8
    refused = true
    session = undefined
  }
}

function post<T>(method: string, parameters?: object): T {
  let failure: Error | null = null
  let answer: unknown
  session!.post(method, parameters, (error: Error | null, result?: object) => {
    failure = error
    answer = result
  })
  if (failure !== null) throw failure
  if (answer === undefined) throw new Error(`the inspector did not answer ${method}`)
  return answer as T
}

function remote(value: unknown): string {
  exchange.given = value
  const call = {
    objectId: exchangeId,
    functionDeclaration: 'function () { return this.given }',
    objectGroup: GROUP,
  }
  const { objectId } = post<{ result: RemoteObject }>('Runtime.callFunctionOn', call).result
  if (objectId === undefined) throw new Error('the inspector gave no handle')
  return objectId
}

function local(objectId: string): unknown {
  post('Runtime.callFunctionOn', {
    objectId: exchangeId,
    functionDeclaration: 'function (value) { this.taken = value }',
    arguments: [{ objectId }],
  })
  return exchange.taken
}

function looking<T>(look: () => T): T {
  try {
    return look()
  } finally {
    exchange.given = undefined
    exchange.taken = undefined
    post('Runtime.releaseObjectGroup', { objectGroup: GROUP })
  }
}

/** A function's location, scopes and binding. Only when `canInspect()`. About 0.1 ms. */
export function internalsOf(fn: Function): Internals {
  return looking(() => {
    const { internalProperties = [] } = post<Properties>('Runtime.getProperties', {
      objectId: remote(fn),
      ownProperties: true,
    })
    const property = (name: string) => internalProperties.find((one) => one.name === name)?.value
    const take = (name: string) => {
      const value = property(name)
      if (value === undefined) return undefined
      return value.objectId === undefined ? primitive(value) : local(value.objectId)
    }
    if (property('[[TargetFunction]]') !== undefined) {
      const bound = {
        target: take('[[TargetFunction]]'),
        thisArgument: take('[[BoundThis]]'),
        arguments: Array.from(take('[[BoundArgs]]') as ArrayLike<unknown>),
      }
      return { scopes: [], global: globalThis, bound }
    }
    const where = property('[[FunctionLocation]]')?.value as
      | { scriptId: string; lineNumber: number; columnNumber: number }
      | undefined
    const location = where && { scriptId: where.scriptId, line: where.lineNumber, column: where.columnNumber }
    return { ...scopesIn(take('[[Scopes]]')), ...(location && { location }) }
  })
}

function scopesIn(listed: unknown): Pick<Internals, 'scopes' | 'global'> {
  const scopes: Scope[] = []
  let global: object = globalThis
  if (typeof listed !== 'object' || listed === null) return { scopes, global }
  const found = listed as Record<string, { description: string; object: object }>
  for (const [index, { description, object }] of Object.entries(found)) {
    if (!/^\d+$/.test(index)) continue
    const kind = description.split(' ', 1)[0]!
    if (kind === 'Global') global = object
    else scopes.push({ kind, variables: object as Record<string, unknown> })
  }
  return { scopes, global }
}

/** The values of an object's `#private` fields and accessors, by name. Only when `canInspect()`. */
export function privateMembersOf(object: object): readonly (readonly [name: string, value: unknown])[] {
  return looking(() => {
    const found = post<Properties>('Runtime.getProperties', { objectId: remote(object), ownProperties: true })
    return (found.privateProperties ?? [])
      .filter((member) => member.value !== undefined)
      .map(({ name, value }) => [
        name,
        value!.objectId === undefined ? primitive(value!) : local(value!.objectId),
      ])
  })
}

function primitive(value: RemoteObject & { unserializableValue?: string; type?: string }): unknown {
  if (value.unserializableValue === undefined) return value.value
  if (value.type === 'bigint') return BigInt(value.unserializableValue.slice(0, -1))
  return Number(value.unserializableValue)
}

/** The script of that id, or undefined when V8 does not list it. The first call costs about 20 ms, new scripts 3. */
export function scriptOf(scriptId: string): Script | undefined {
  if (!scripts.has(scriptId)) listScripts()
  return scripts.get(scriptId)
}

/** The script loaded last from that URL, among those listed so far, or among all there are now. */
export function scriptAt(url: string, how?: 'ask again'): Script | undefined {
  if (how !== undefined && canInspect()) looking(listScripts)
  let found: Script | undefined
  for (const script of scripts.values()) if (script.url === url) found = script
  return found
}

function listScripts(): void {
  const found: {
    scriptId: string
    url: string
    length: number
    startLine: number
    startColumn: number
  }[] = []
  const listen = ({ params }: { params: (typeof found)[number] }) => found.push(params)
  const events = session as unknown as NodeJS.EventEmitter
  events.on('Debugger.scriptParsed', listen)
  try {
    post('Debugger.enable')
    for (const { scriptId, url, length, startLine, startColumn } of found) {
      if (scripts.has(scriptId)) continue
      const foreign = isForeign(url) || length > LONGEST_SCRIPT
      const source = foreign
        ? undefined
        : post<{ scriptSource: string }>('Debugger.getScriptSource', { scriptId }).scriptSource
      scripts.set(scriptId, { url, source, start: { line: startLine, column: startColumn } })
    }
  } finally {
    events.off('Debugger.scriptParsed', listen)
    post('Debugger.disable')
  }
}
