/**
 * Any value or function to a digest: the door to this room. Knows nothing of caches: it gives a digest and the versions of
 * the input files met on the way, and walks again only when something could have changed since.
 *
 * Based on: type-tagged, length-prefixed canonical bytes hashed with XXH3-128; see tags.ts for the encoding.
 */
import { performance } from 'node:perf_hooks'
import { emit, tell, warn } from '../events.ts'
import type { Digest } from '../types.ts'
import { ByteWriter } from './bytes.ts'
import { writeFunction } from './code.ts'
import { digestForKey, inStrength } from './digest.ts'
import { beginWalk } from './function.ts'
import { isAsBefore } from './globals.ts'
import { readings } from './kept.ts'
import { writeObject, writeSymbol } from './objects.ts'
import { keepsShape } from './shape.ts'
import { FREEZE_VERSION, TAG } from './tags.ts'
import { type Line, Trace } from './trace.ts'
import { distinct, type Use } from './uses.ts'
import { type InputVersion, type Original, type Shape, Walk, type WalkOptions } from './walk.ts'

export type { InputVersion, WalkOptions } from './walk.ts'

export interface Frozen {
  readonly digest: Digest
  /** Of the versions of all input files met; `NOTHING` if there were none. */
  readonly inputs: Digest
  /** Each of those files. */
  readonly inputVersions: readonly InputVersion[]
  /** Names of the environment variables among what was met. */
  readonly environment: readonly string[]
  /** What the functions met use that no key covers. */
  readonly uses: readonly Use[]
  /** Versions of the packages whose code was met, by name: where there are several, with commas. */
  readonly packages: ReadonlyMap<string, string>
  /** The objects and symbols met, each with a number that follows from the graph alone. */
  readonly nodes: ReadonlyMap<object | symbol, number>
  /** Whether a WeakMap or WeakSet was met, which may hold something of objects that only another walk meets. */
  readonly weak: boolean
}

/** The digest of no inputs and of no state. */
export const NOTHING: Digest = '0'.repeat(32) as Digest

export const defaultWalkOptions: WalkOptions = { keyOrder: 'respect', packages: 'version' }

/** The digest of a value: equal for equal values in all processes, different for all others. Throws `FreezeError`. */
export function digest(value: unknown): Digest {
  return freezeValue(value, 'value', defaultWalkOptions).digest
}

/** @param root what paths in errors begin with. Throws `FreezeError`, and what reading an input file throws. */
export function freezeValue(value: unknown, root: string, options: WalkOptions): Frozen {
  return summary(walkFrom(value, root, options))
}

/** The same for a call's arguments, an array just made that nobody changed: the bytes are those of any other. */
export function freezeArguments(args: readonly unknown[], options: WalkOptions): Frozen {
  const digest = digestPrimitives(args, options)
  return digest === undefined
    ? summary(walkFrom(args, 'args', options, undefined, undefined, args))
    : {
        digest,
        inputs: NOTHING,
        inputVersions: NONE,
        environment: NONE,
        uses: NONE,
        packages: NO_PACKAGES,
        nodes: NO_NODES,
        weak: false,
      }
}

/**
 * A few primitives, which most calls are given, need no walk: the digest of `before` and the bytes that one would write.
 * Undefined if there is anything else among them.
 * @param before digests, one after the other
 */
export function digestPrimitives(
  args: readonly unknown[],
  options: WalkOptions,
  before = '',
): Digest | undefined {
  for (const argument of args) {
    if (typeof argument !== 'number' && typeof argument !== 'string' && typeof argument !== 'boolean') {
      return undefined
    }
  }
  const out = idle.pop() ?? new ByteWriter()
  out.reset()
  if (before !== '') out.latin1(before)
  begin(out, options)
  out.tag(TAG.reference)
  out.uint(0)
  out.tag(TAG.array)
  out.uint(args.length)
  for (const argument of args) {
    if (typeof argument === 'number') out.number(argument)
    else if (typeof argument === 'string') out.string(argument)
    else out.tag(argument ? TAG.true : TAG.false)
  }
  out.tag(TAG.end)
  const digest = digestForKey(out.written())
  idle.push(out)
  return digest
}

const NONE: readonly never[] = []
const NO_PACKAGES: ReadonlyMap<string, string> = new Map()
const NO_NODES: ReadonlyMap<object | symbol, number> = new Map()

/** What a function and all it captures use that no key covers, in the order met. Throws `FreezeError`. */
export function usesOf(fn: Function): readonly Use[] {
  return distinct(freezeValue(fn, fn.name, defaultWalkOptions).uses)
}

interface Stable extends Frozen {
  readonly shapes: readonly Shape[]
  readonly originals: readonly Original[]
  readonly rechecks: readonly (() => boolean)[]
}

type Answers = WeakMap<WalkOptions, WeakMap<Function, Stable>>

interface Remembered {
  readonly stable: Answers
  readonly settled: Answers
}

const remembered = (): Remembered => ({ stable: new WeakMap(), settled: new WeakMap() })

const usual = remembered()
/** Answers by SHA-256: no walk may take one for another. */
const strong = remembered()

/**
 * A function by what it would do. While it captures only what cannot change, the walk is done once.
 * @param once take the first answer for good, whatever changes later.
 */
export function freezeFunction(fn: Function, root: string, options: WalkOptions, once = false): Frozen {
  const { settled, stable } = inStrength() ? strong : usual
  const known = once ? settled : stable
  let answers = known.get(options)
  if (answers === undefined) {
    answers = new WeakMap()
    known.set(options, answers)
  }
  const before = answers.get(fn)
  if (before !== undefined && isStill(before)) return before
  const began = performance.now()
  const { ...readBefore } = readings
  const walk = walkFrom(fn, root, options)
  const frozen = summary(walk)
  tell('freeze', () => ({
    name: root,
    digest: frozen.digest,
    took: performance.now() - began,
    nodes: frozen.nodes.size,
    inputs: frozen.inputVersions.length,
    parsed: readings.parsed - readBefore.parsed,
    remembered: readings.remembered - readBefore.remembered,
    ...(walk.volatile && { again: 'at each call, since it captures what may change' }),
  }))
  for (const { what, where } of walk.blind) {
    emit('unsound', () => ({ name: root, what, where }))
    warn(
      'WARN_UNSOUND',
      `${root} ${what} ${where}`,
      `${root}: ${what} in ${where} cannot be seen through; a change of what it runs is not noticed`,
    )
  }
  if (once) {
    // what it captures may be newer when it runs, so no function that is looked at each time may hit its results
    const apart: Frozen = { ...frozen, digest: digestForKey(Buffer.from(`once ${frozen.digest}`)) }
    answers.set(fn, { ...apart, shapes: [], originals: [], rechecks: [] })
    return apart
  }
  if (!walk.volatile) {
    const { originals, plainFunctions: shapes, rechecks } = walk
    answers.set(fn, { ...frozen, shapes, originals, rechecks })
  }
  return frozen
}

const isStill = ({ originals, rechecks, shapes }: Stable): boolean =>
  shapes.every(keepsShape) && originals.every(isAsBefore) && rechecks.every((check) => check())

const idle: ByteWriter[] = []

/** What a walk meets, in words. Throws as `freezeValue` does. */
export function traceValue(value: unknown, root: string, options: WalkOptions): Traced {
  const trace = new Trace()
  const { inputs, out } = walkFrom(value, root, options, trace)
  idle.push(out)
  return { lines: trace.lines, inputs }
}

export interface Traced {
  readonly lines: readonly Line[]
  /** The input files met. */
  readonly inputs: readonly InputVersion[]
}

type Sorting = (value: unknown) => string

/** Digests to sort by. Each object has its digest made once, however deep the nesting of what is to be sorted. */
function sorterFor(root: string, options: WalkOptions): Sorting {
  const known = new Map<object, string>()
  const digestOf: Sorting = (value) => {
    const object = typeof value === 'object' && value !== null ? value : undefined
    const before = object && known.get(object)
    if (before !== undefined) return before
    // one that holds itself is sorted among its own members as if it were empty
    if (object !== undefined) known.set(object, '')
    const found = summary(walkFrom(value, root, options, undefined, digestOf)).digest
    if (object !== undefined) known.set(object, found)
    return found
  }
  return digestOf
}

function walkFrom(
  value: unknown,
  root: string,
  options: WalkOptions,
  trace?: Trace,
  sorting?: Sorting,
  fresh?: readonly unknown[],
): Walk {
  beginWalk()
  const out = idle.pop() ?? new ByteWriter()
  out.reset()
  const walk = new Walk(
    root,
    options,
    out,
    sorting ?? (options.keyOrder === 'ignore' ? sorterFor(root, options) : UNSORTED),
  )
  walk.trace = trace
  begin(out, options)
  walk.root(value)
  walk.drain(fresh === undefined ? writeNode : writeCall)
  return walk

  /** An array just made has nothing but its items. */
  function writeCall(self: Walk, node: object | symbol): void {
    if (node !== fresh) return writeNode(self, node)
    out.tag(TAG.array)
    out.uint(fresh.length)
    for (let index = 0; index < fresh.length; index++) self.value(fresh[index], index)
    out.tag(TAG.end)
  }
}

/** Where order counts, nothing is sorted. */
const UNSORTED: Sorting = () => ''

function writeNode(walk: Walk, node: object | symbol): void {
  if (typeof node === 'function') writeFunction(walk, node)
  else if (typeof node === 'symbol') writeSymbol(walk, node)
  else writeObject(walk, node)
}

function begin(out: ByteWriter, { keyOrder }: WalkOptions): void {
  out.tag(FREEZE_VERSION)
  out.tag(keyOrder === 'ignore' ? TAG.true : TAG.false)
}

function summary(walk: Walk): Frozen {
  const { inputs, out } = walk
  const whole = digestForKey(out.written())
  idle.push(out)
  return {
    digest: whole,
    inputs: inputs.length === 0 ? NOTHING : freezeValue(inputs, 'inputs', walk.options).digest,
    inputVersions: inputs,
    environment: walk.environment,
    uses: walk.uses,
    packages: walk.packages ?? NO_PACKAGES,
    nodes: walk.nodes,
    weak: walk.weak.length > 0,
  }
}
