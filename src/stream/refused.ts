/**
 * Why a result that gives values one after the other is no stream that can be made again, and what to return instead. Runs
 * none of its code.
 */
import { types } from 'node:util'
import { classOf } from '../codec/classes.ts'
import { describe, isAsyncIterable, isIterator } from '../codec/refusal.ts'
import { CodecError } from '../errors.ts'
import { nodeStreams } from './kinds.ts'

const { getPrototypeOf } = Object

/** Undefined for a result that gives no such values. */
export function refusedStream(value: unknown): CodecError | undefined {
  const why = typeof value === 'object' && value !== null ? whyRefused(value) : undefined
  return why === undefined ? undefined : new CodecError('ERR_UNENCODABLE', `cannot keep ${why}`)
}

function whyRefused(value: object): string | undefined {
  if (types.isProxy(value) || classOf(value) !== undefined) return undefined
  const above = getPrototypeOf(value) as object | null
  const { Readable } = nodeStreams()
  if (inherits(value, Readable.prototype)) {
    return above === Readable.prototype
      ? `a Readable that was read from or destroyed, or has properties or options that another would lack: ${INSTEAD}`
      : `${describe(value)}, which is more than a Readable: ${INSTEAD}`
  }
  if (inherits(value, ReadableStream.prototype)) {
    return above === ReadableStream.prototype
      ? 'a ReadableStream that is locked or has properties of its own: return one that nobody reads'
      : `${describe(value)}, which is more than a ReadableStream: return it.pipeThrough(new TransformStream())`
  }
  if (isAsyncIterable(value))
    return `${describe(value)}, which is iterated by its own code: return its values by an async generator`
  if (isIterator(value))
    return `${describe(value)}, of which nobody can make another: return [...it].values(), or its values by a generator`
  return undefined
}

const INSTEAD = 'return Readable.from(it), or its values by an async generator'

function inherits(value: object, prototype: object): boolean {
  for (let at: object | null = value; at !== null && !types.isProxy(at); at = getPrototypeOf(at))
    if (at === prototype) return true
  return false
}
