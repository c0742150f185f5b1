/**
 * Which values are streams that can be recorded and made again: generator objects, iterators that can be told from no
 * other, web streams, and Node's plain `Readable`, untouched as yet. Runs no code of theirs.
 */
import type { Readable } from 'node:stream'
import { types } from 'node:util'
import { type IteratorName, isIteratorName, iteratorName } from './iterators.ts'

/** What a stream is, as far as another of its kind must be the same. */
export type Shape =
  | { readonly kind: 'generator' }
  | { readonly kind: 'async generator' }
  | { readonly kind: 'iterator'; readonly name: IteratorName }
  | { readonly kind: 'web stream'; readonly bytes: boolean }
  | {
      readonly kind: 'readable'
      readonly objectMode: boolean
      readonly highWaterMark: number
      readonly encoding: BufferEncoding | null
    }

export type Kind = Shape['kind']

/** A value that is a stream. */
export interface Streaming {
  readonly shape: Shape
  readonly stream: object
}

const protoOf = (value: object): object | null => Object.getPrototypeOf(value)
const GENERATOR = protoOf(protoOf((function* () {})())!)
const ASYNC_GENERATOR = protoOf(protoOf((async function* () {})())!)

/** Undefined for whatever is no stream, or is one that could not be told from its copy only by luck. */
export function streamOf(value: unknown): Streaming | undefined {
  if (typeof value !== 'object' || value === null || types.isProxy(value)) return undefined
  if (!Object.isExtensible(value)) return undefined
  let shape: Shape | undefined
  try {
    shape = types.isGeneratorObject(value)
      ? generatorShape(value)
      : (iteratorShape(value) ?? classShape(value))
  } catch {
    // it only looks like one
  }
  return shape && { shape, stream: value }
}

function generatorShape(value: object): Shape | undefined {
  const proto = protoOf(value)
  // a method that somebody added to it, or to all that one function makes, would be missing
  if (proto === null || Reflect.ownKeys(value).length + Reflect.ownKeys(proto).length > 0) return undefined
  const above = protoOf(proto)
  if (above === GENERATOR) return { kind: 'generator' }
  return above === ASYNC_GENERATOR ? { kind: 'async generator' } : undefined
}

function iteratorShape(value: object): Shape | undefined {
  const name = iteratorName(value)
  return name && { kind: 'iterator', name }
}

function classShape(value: object): Shape | undefined {
  const proto = protoOf(value)
  const maker: unknown = proto && Object.getOwnPropertyDescriptor(proto, 'constructor')?.value
  if (typeof maker !== 'function') return undefined
  // asked by name first: whoever only mentions the global class has it loaded
  if (/ReadableStream$|^InternalReadable/.test(maker.name) && isOfWeb(value, maker))
    return webShape(value as ReadableStream)
  if (maker.name === 'Readable' && maker === nodeStreams().Readable) return readableShape(value as Readable)
  return undefined
}

/** A program's own class may extend the global one. Node's own do, too, and say by a property that they are that one. */
function isOfWeb(value: object, maker: Function): boolean {
  const isGlobal = (one: unknown): boolean => one === globalThis.ReadableStream
  const said = Object.getOwnPropertyDescriptor(value, 'constructor')
  return (
    (isGlobal(maker) || nodesOwn().has(maker)) &&
    Object.getOwnPropertyNames(value).length === (said === undefined ? 0 : 1) &&
    isGlobal(said === undefined ? maker : said.value)
  )
}

let makers: ReadonlySet<unknown> | undefined

/** What Node makes the streams with that it gives by itself: those of `TransformStream`, `tee` and `ReadableStream.from`. */
function nodesOwn(): ReadonlySet<unknown> {
  makers ??= new Set(
    [
      new TransformStream().readable,
      new ReadableStream().tee()[0],
      new ReadableStream({ type: 'bytes' }).tee()[0],
    ].map((stream) => protoOf(stream)!.constructor),
  )
  return makers
}

function webShape(stream: ReadableStream): Shape | undefined {
  return stream.locked ? undefined : { kind: 'web stream', bytes: isOfBytes(stream) }
}

/** Only a stream of bytes gives a reader of this mode. */
function isOfBytes(stream: ReadableStream): boolean {
  try {
    stream.getReader({ mode: 'byob' }).releaseLock()
    return true
  } catch {
    return false
  }
}

/** What a `Readable` has of its own, and what its options put there. */
const OWN = new Set([
  '_readableState',
  '_events',
  '_eventsCount',
  '_maxListeners',
  '_read',
  '_destroy',
  '_construct',
  'readable',
  'domain',
])

/** How a `Readable` ends, which only its state tells. */
interface Ending {
  readonly autoDestroy?: boolean
  readonly emitClose?: boolean
}

function readableShape(stream: Readable): Shape | undefined {
  if (Object.getOwnPropertyNames(stream).some((name) => !OWN.has(name))) return undefined
  const isUntouched =
    stream.readableFlowing === null &&
    !stream.readableDidRead &&
    !stream.readableEnded &&
    !stream.destroyed &&
    stream.errored === null &&
    stream.listenerCount('readable') === 0
  const { autoDestroy, emitClose } = (stream as unknown as { _readableState: Ending })._readableState
  if (!isUntouched || autoDestroy === false || emitClose === false) return undefined
  return {
    kind: 'readable',
    objectMode: stream.readableObjectMode,
    highWaterMark: stream.readableHighWaterMark,
    encoding: stream.readableEncoding,
  }
}

/** Loaded at first use. */
export const nodeStreams = (): typeof import('node:stream') => process.getBuiltinModule('node:stream')

/** Whether this is the shape of a stream, as it was written. */
export function isShape(value: unknown, kind: Kind): value is Shape {
  const { highWaterMark, kind: own, name, objectMode } = (value ?? {}) as Readonly<Record<string, unknown>>
  if (own !== kind) return false
  if (kind === 'iterator') return isIteratorName(name)
  return kind !== 'readable' || (typeof objectMode === 'boolean' && Number(highWaterMark) >= 0)
}
