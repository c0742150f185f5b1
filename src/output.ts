/**
 * What a call writes to standard output and standard error, console included: recorded while it runs, and written again on
 * a hit. Calls that overlap are told apart, and what an inner call writes, the one around it writes as well.
 *
 * The streams' `write` is replaced while somebody listens, and only then. Not seen: file descriptors 1 and 2 written by other
 * ways, and what child processes print.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Printed } from './outcome.ts'

interface Recorder {
  readonly printed: Printed[]
  readonly outer: Recorder | undefined
}

const recorders = new AsyncLocalStorage<Recorder>()
let listeners = 0

type Write = typeof process.stdout.write
const patched = new Map<NodeJS.WriteStream, { readonly original: Write; readonly replacement: Write }>()

/** One call that is listened to. */
export interface Recording {
  /** What was written so far, and was not taken. */
  readonly printed: readonly Printed[]
  /** Gives that, once. */
  take(): readonly Printed[]
  run<T>(work: () => T): T
  /** To be called once, when the call is over. */
  stop(): void
}

export function startRecording(): Recording {
  const recorder: Recorder = { printed: [], outer: recorders.getStore() }
  listen()
  const { printed } = recorder
  return {
    printed,
    take: () => printed.splice(0),
    run: (work) => recorders.run(recorder, work),
    stop: unlisten,
  }
}

/** Does what no call that is listened to does. */
export const unheard = <T>(work: () => T): T => recorders.exit(work)

/** Writes again what was written. */
export function replay(printed: readonly Printed[]): void {
  for (const [stream, chunk] of printed) (stream === 1 ? process.stdout : process.stderr).write(chunk)
}

function listen(): void {
  if (listeners++ > 0) return
  for (const [stream, number] of [
    [process.stdout, 1],
    [process.stderr, 2],
  ] as const) {
    const original: Write = stream.write
    const replacement = function (this: NodeJS.WriteStream, ...args: Parameters<Write>): boolean {
      note(number, args[0], args[1])
      return Reflect.apply(original, this, args)
    } as Write
    stream.write = replacement
    patched.set(stream, { original, replacement })
  }
}

function unlisten(): void {
  if (--listeners > 0) return
  for (const [stream, { original, replacement }] of patched) {
    // whoever has replaced it meanwhile keeps what he made, and ours goes on beneath
    if (stream.write === replacement) stream.write = original
  }
  patched.clear()
}

function note(stream: 1 | 2, chunk: unknown, encoding: unknown): void {
  for (let recorder = recorders.getStore(); recorder !== undefined; recorder = recorder.outer) {
    if (typeof chunk === 'string') {
      const isText = typeof encoding !== 'string' || /^utf-?8$/i.test(encoding)
      recorder.printed.push([stream, isText ? chunk : Buffer.from(chunk, encoding as BufferEncoding)])
    } else if (chunk instanceof Uint8Array) recorder.printed.push([stream, Uint8Array.from(chunk)])
  }
}
