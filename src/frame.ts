/**
 * Which memoized call is running around the present one. What an inner call depends on, the outer one does too: it is kept
 * only if its own key covers the files, and no longer than the inner result lives.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Lease } from './store/contract.ts'
import type { Digest } from './types.ts'

export interface Frame {
  readonly digest: Digest
  /** Under which it is computed. */
  readonly lease: Lease | undefined
  readonly outer: Frame | undefined
  readonly files: Set<string>
  expiresAt: number
  /** Why what it was given may not be what its key says. */
  doubt?: string | undefined
  /** Whether its call is over. */
  isOver?: boolean
}

const frames = new AsyncLocalStorage<Frame>()

/** A frame for the call of this digest, inside the one that is running. */
export const frameOf = (digest: Digest, lease?: Lease): Frame => ({
  digest,
  lease,
  outer: frames.getStore(),
  files: new Set(),
  expiresAt: Number.POSITIVE_INFINITY,
})

/** Run `work` as that call. */
export const within = <T>(frame: Frame, work: () => T): T => frames.run(frame, work)

/** Run `work` as nobody's part. */
export const outside = <T>(work: () => T): T => frames.exit(work)

/** Whether any memoized call is running around. */
export const isInside = (): boolean => frames.getStore() !== undefined

/** Tell the call around this one what its result now depends on. */
export function depend(
  files: ReadonlySet<string> | readonly string[],
  expiresAt: number = Number.POSITIVE_INFINITY,
  doubt?: string,
): void {
  for (let outer = frames.getStore(); outer !== undefined; outer = outer.outer) {
    for (const path of files) outer.files.add(path)
    outer.expiresAt = Math.min(outer.expiresAt, expiresAt)
    outer.doubt ??= doubt
    // what goes on after a call is over reaches its caller by another way than the result
    if (outer.isOver !== true) return
  }
}

/** The call of this frame is over: what it came to depend on, kept or not, the call around it does, too. */
export function conclude(
  frame: Frame,
  inputPaths: readonly string[],
  expiresAt: number = Number.POSITIVE_INFINITY,
  doubt?: string,
): void {
  frame.isOver = true
  // whoever joined it learns of it from the frame
  frame.expiresAt = Math.min(frame.expiresAt, expiresAt)
  frame.doubt ??= doubt
  depend([...inputPaths, ...frame.files], frame.expiresAt, frame.doubt)
}

/** The frames around here, the innermost first. */
export function* around(): Generator<Frame> {
  for (let frame = frames.getStore(); frame !== undefined; frame = frame.outer) yield frame
}

/** The leases that are held around here: others may be waiting for these. */
export const leasesAround = (): Lease[] =>
  [...around()].flatMap(({ lease }) => (lease === undefined || lease.isOver ? [] : [lease]))

/** What the running calls of this thread wait for. */
const waits = new Map<Digest, Digest[]>()

/** Whether to wait for that call would be to wait for oneself, by whatever detour. */
export function wouldCircle(target: Digest): boolean {
  const own = new Set([...around()].map(({ digest }) => digest))
  if (own.size === 0) return false
  const seen = new Set<Digest>()
  const stack = [target]
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    if (own.has(at)) return true
    if (seen.has(at)) continue
    seen.add(at)
    stack.push(...(waits.get(at) ?? []))
  }
  return false
}

/** Wait for a call that is running, and let others see who waits for whom. */
export async function waitingFor<T>(target: Digest, promise: Promise<T>): Promise<T> {
  const own = [...around()].map(({ digest }) => digest)
  for (const digest of own) waits.set(digest, [...(waits.get(digest) ?? []), target])
  try {
    return await promise
  } finally {
    for (const digest of own) {
      const left = waits.get(digest) ?? []
      left.splice(left.indexOf(target), 1)
      if (left.length === 0) waits.delete(digest)
    }
  }
}
