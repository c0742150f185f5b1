/**
 * What a call is: the function, what it is given, the contents of its input files, and the state the user declared.
 * Turns a function with its options into a `CallKey`; knows nothing of where results are kept.
 */
import { ask, FreezeError } from './errors.ts'
import { digestForKey, strongly } from './freeze/digest.ts'
import {
  defaultWalkOptions,
  digestPrimitives,
  type Frozen,
  freezeArguments,
  freezeFunction,
  freezeValue,
  type InputVersion,
  NOTHING,
  traceValue,
  type WalkOptions,
} from './freeze/freeze.ts'
import { inheritsFrom, looksAtThis, parametersOf, placeOf } from './freeze/place.ts'
import { areSame, hashOf, keptOf, partsOf } from './freeze/records.ts'
import type { Line } from './freeze/trace.ts'
import type { Use } from './freeze/uses.ts'
import { idOf, knownOf } from './known.ts'
import type { AnyFunction, CallKey, Digest } from './types.ts'

/** A function and all options that decide what its calls are. */
export interface Subject {
  readonly fn: AnyFunction
  /** Given by the user, or found from the code at the first use. */
  readonly name: string
  readonly version: string | number | undefined
  readonly states: readonly (() => unknown)[]
  readonly cacheKey: AnyFunction | undefined
  /** Positions of the arguments left out. */
  readonly ignored: ReadonlySet<number>
  readonly once: boolean
  readonly walk: WalkOptions
  /** Whether the object a method is called on is part of the call. */
  readonly usesThis: () => boolean
  /** Told what the code uses that no key covers, each time it is walked. */
  readonly tellUses: (uses: readonly Use[]) => void
  /** Whether it calls what its object inherits. */
  readonly usesSuper: () => boolean
  /** Functions that it calls in a way that its code does not show. */
  readonly calls: readonly AnyFunction[]
  /** Apart from which other results its own are kept; undefined for the usual place. */
  readonly space: () => Space | undefined
}

/** What parts the results of one and the same function. */
export interface Space {
  readonly pipelineId: string
  /** In the place of pipeline and function: what a function of another name, or other code, has left. */
  readonly memospace?: string | undefined
}

/** A call's key, with the paths of the input files that are part of it. */
export interface Keyed {
  readonly key: CallKey
  readonly inputPaths: readonly string[]
  readonly inputVersions: readonly InputVersion[]
  /** Names of the environment variables that the code reads, and that are part of it. */
  readonly environment: readonly string[]
  /** What the code uses that no key covers, by what it says. */
  readonly uses: readonly Use[]
  /** Versions of the packages that the code uses, by name. */
  readonly packages: ReadonlyMap<string, string>
}

/** Throws `FreezeError` for what cannot be identified, `OptionError` when the user's `cacheKey` or `state` throws. */
export function keyOf(subject: Subject, self: unknown, args: readonly unknown[]): Keyed {
  const code = codeOf(subject)
  if (subject.version === undefined && subject.usesSuper() && !inheritsFrom(self, subject.fn)) {
    throw new FreezeError('a method that uses "super", apart from its object,', subject.name)
  }
  if (!isAllGiven(subject, self, code)) return walkedKey(subject, self, args, code)
  const quick = quickKey(subject, args, code) ?? alikeKey(subject, args, code)
  return quick === undefined ? walkedKey(subject, self, args, code) : keyed(quick, code, NONE)
}

function walkedKey(subject: Subject, self: unknown, args: readonly unknown[], code: Frozen): Keyed {
  const given = freezeGiven(subject, self, args, code)
  const stated =
    subject.states.length === 0 ? undefined : freezeValue(statesOf(subject), 'state', subject.walk)
  const state = stated?.digest ?? NOTHING
  const inputs = together(code.inputs, given.inputs, stated?.inputs ?? NOTHING)
  const key: CallKey = {
    name: subject.name,
    code: code.digest,
    args: given.digest,
    inputs,
    state,
    digest: combined(code.digest, given.digest, inputs, state),
  }
  if (inputs === NOTHING) return keyed(key, code, NONE)
  return keyed(key, code, [code, given, ...(stated === undefined ? [] : [stated])])
}

/** A call by SHA-256, for caches that others write to. 64 hex digits each. */
export interface StrongKey {
  readonly code: Digest
  /** Arguments, contents of input files, state. */
  readonly given: Digest
}

/** Throws as `keyOf` does. */
export function strongKeyOf(subject: Subject, self: unknown, args: readonly unknown[]): StrongKey {
  return strongly(() => {
    const { code, args: given, inputs, state } = keyOf(strongOf(subject), self, args).key
    return { code, given: digestForKey(Buffer.from(given + inputs + state, 'latin1')) }
  })
}

/** The same function, whose keys are remembered apart. */
function strongOf(subject: Subject): Subject {
  let strong = strongs.get(subject)
  if (strong === undefined) {
    strong = Object.create(subject, {
      space: { value: () => undefined },
      tellUses: { value: () => undefined },
    }) as Subject
    strongs.set(subject, strong)
  }
  return strong
}

const strongs = new WeakMap<Subject, Subject>()

const NONE: readonly never[] = []

function keyed(key: CallKey, { environment, packages, uses }: Frozen, parts: readonly Frozen[]): Keyed {
  if (parts.length === 0) return { key, inputPaths: NONE, inputVersions: NONE, environment, packages, uses }
  const inputVersions = parts.flatMap((part) => part.inputVersions)
  return { key, inputPaths: inputVersions.map(([path]) => path), inputVersions, environment, packages, uses }
}

/** Whether what a call is follows from the code as it is now and the arguments. */
function isAllGiven(subject: Subject, self: unknown, code: Frozen): boolean {
  const { cacheKey, ignored, states } = subject
  if (cacheKey !== undefined || ignored.size > 0 || states.length > 0 || code.weak) return false
  return code.inputs === NOTHING && (self === undefined || !subject.usesThis())
}

/** A call with a few primitives and nothing else: one hash in place of two. */
function quickKey(subject: Subject, args: readonly unknown[], code: Frozen): CallKey | undefined {
  const { name, walk } = subject
  const { keys } = knownOf(subject, code.digest)
  const id = idOf(args)
  const before = id === undefined ? undefined : keys.get(id)
  if (before !== undefined) return before
  const digest = digestPrimitives(args, walk, code.digest)
  if (digest === undefined) return undefined
  const key = new QuickKey(name, code.digest, digest, args, walk)
  if (id !== undefined) keys.set(id, key)
  return key
}

/** The key of a call made lately with arguments that a walk would find the same; or of this one, for the next like it. */
function alikeKey(subject: Subject, args: readonly unknown[], code: Frozen): CallKey | undefined {
  if (subject.walk.keyOrder !== 'respect') return undefined
  const parts = partsOf(args, code.nodes)
  if (parts === undefined) return undefined
  const { alike } = knownOf(subject, code.digest)
  const hash = hashOf(parts)
  const before = alike.get(hash)
  if (before !== undefined && areSame(before.parts, parts)) return before.key
  const kept = keptOf(parts)
  const { key } = walkedKey(subject, undefined, args, code)
  alike.set(hash, { parts: kept, key })
  return key
}

/** What most hits never ask for, the digest of the arguments, is made when somebody does. */
class QuickKey implements CallKey {
  readonly inputs: Digest = NOTHING
  readonly state: Digest = NOTHING
  readonly name: string
  readonly code: Digest
  readonly digest: Digest
  readonly #given: readonly unknown[]
  readonly #walk: WalkOptions
  #args: Digest | undefined

  constructor(name: string, code: Digest, digest: Digest, given: readonly unknown[], walk: WalkOptions) {
    this.name = name
    this.code = code
    this.digest = digest
    this.#given = given
    this.#walk = walk
  }

  get args(): Digest {
    this.#args ??= freezeArguments(this.#given, this.#walk).digest
    return this.#args
  }
}

/** A key as users see it. */
export const plainKey = ({ name, code, args, inputs, state, digest }: CallKey): CallKey => ({
  name,
  code,
  args,
  inputs,
  state,
  digest,
})

const combined = (code: Digest, args: Digest, inputs: Digest, state: Digest): Digest =>
  digestForKey(Buffer.from(code + args + inputs + state, 'latin1'))

/**
 * Where a WeakMap is involved, function and arguments are walked as one, since it may hold something of either. Elsewhere it is
 * enough to say which objects are in both: `x === EMPTY` is true for one of them only.
 */
function freezeGiven(subject: Subject, self: unknown, args: readonly unknown[], code: Frozen): Frozen {
  const { calls, fn, version, walk } = subject
  const given = givenOf(subject, self, args)
  const frozen = given === args ? freezeArguments(args, walk) : freezeValue(given, 'args', walk)
  const codes = version === undefined ? [fn, ...calls] : calls
  if ((code.weak || frozen.weak) && codes.length > 0)
    return freezeValue({ fn: codes.length === 1 ? codes[0] : codes, given }, 'args', walk)
  const pairs = inBoth(code.nodes, frozen.nodes)
  if (pairs.length === 0) return frozen
  return { ...frozen, digest: digestForKey(Buffer.from(`${frozen.digest} ${pairs.join(' ')}`, 'latin1')) }
}

/** The numbers that objects and symbols of both walks have in each, one pair after the other. */
function inBoth(code: Frozen['nodes'], given: Frozen['nodes']): readonly number[] {
  const pairs: number[] = []
  for (const [node, number] of given) {
    const other = code.get(node)
    if (other !== undefined) pairs.push(other, number)
  }
  return pairs
}

/** The same in words, part by part, to compare with another call's. Throws as `keyOf` does. */
export interface Told {
  readonly args: readonly Line[]
  readonly state: readonly Line[]
  readonly inputs: readonly InputVersion[]
}

export function tellCall(subject: Subject, self: unknown, args: readonly unknown[]): Told {
  const given = traceValue(givenOf(subject, self, args), 'args', subject.walk)
  const stated =
    subject.states.length === 0 ? undefined : traceValue(statesOf(subject), 'state', subject.walk)
  return {
    args: given.lines,
    state: stated?.lines ?? [],
    inputs: [...codeOf(subject).inputVersions, ...given.inputs, ...(stated?.inputs ?? [])],
  }
}

export function tellCode({ fn, name, version, walk }: Subject): readonly Line[] {
  return version === undefined
    ? traceValue(fn, name, walk).lines
    : [{ path: name, what: `version ${version}` }]
}

/** Of functions that say themselves what their code is. */
const named = new WeakMap<Subject, Frozen>()

function codeOf(subject: Subject): Frozen {
  const space = subject.space()
  const code = space?.memospace === undefined ? calling(subject, ownCode(subject)) : placed()
  return space === undefined ? code : inSpace(code, space)
}

/** Of a function that goes by where its results are. */
function placed(): Frozen {
  anywhere ??= freezeValue('memospace', 'memospace', defaultWalkOptions)
  return anywhere
}

let anywhere: Frozen | undefined

function inSpace(code: Frozen, { memospace, pipelineId }: Space): Frozen {
  const name = memospace ?? pipelineId
  const before = spaced.get(code)
  if (before?.name === name) return before.code
  const digest = digestForKey(Buffer.from(`in ${name} ${code.digest}`))
  const apart = { name, code: { ...code, digest } }
  spaced.set(code, apart)
  return apart.code
}

const spaced = new WeakMap<Frozen, { readonly name: string; readonly code: Frozen }>()

/** With the functions that it calls besides. */
function calling({ calls, name, walk }: Subject, code: Frozen): Frozen {
  if (calls.length === 0) return code
  const called = calls.map((fn) => freezeFunction(fn, `${name} calls`, walk))
  const digests = [code, ...called].map(({ digest }) => digest)
  const nodes = new Map<object | symbol, number>()
  // what one of them captures may be what another is given
  const shared: number[] = []
  let count = 0
  for (const part of [code, ...called]) {
    for (const [node, number] of part.nodes) {
      const before = nodes.get(node)
      if (before === undefined) nodes.set(node, count + number)
      else shared.push(before, count + number)
    }
    count += part.nodes.size
  }
  return {
    digest: digestForKey(Buffer.from(`calls ${[...digests, ...shared].join(' ')}`, 'latin1')),
    inputs: called.reduce((all, { inputs }) => together(all, inputs, NOTHING), code.inputs),
    inputVersions: [code, ...called].flatMap(({ inputVersions }) => inputVersions),
    environment: [code, ...called].flatMap(({ environment }) => environment),
    uses: [code, ...called].flatMap(({ uses }) => uses),
    packages: new Map([code, ...called].flatMap(({ packages }) => [...packages])),
    nodes,
    weak: [code, ...called].some(({ weak }) => weak),
  }
}

function ownCode(subject: Subject): Frozen {
  const { fn, name, once, tellUses, version, walk } = subject
  if (version !== undefined) {
    let frozen = named.get(subject)
    if (frozen === undefined) {
      frozen = freezeValue([name, version], name, walk)
      named.set(subject, frozen)
    }
    return frozen
  }
  const frozen = freezeFunction(fn, name, walk, once)
  if (frozen.uses.length > 0) tellUses(frozen.uses)
  return frozen
}

const statesOf = ({ states }: Subject): unknown[] => states.map((state) => ask('state', state))

function givenOf(subject: Subject, self: unknown, args: readonly unknown[]): unknown {
  const { cacheKey } = subject
  // another way to make a key is another key
  if (cacheKey !== undefined) {
    const made = ask('cacheKey', () => cacheKey.apply(self, args as unknown[]))
    // one that looks at the object itself has said what of it counts
    return self !== undefined && subject.usesThis() && !looksAtThis(cacheKey)
      ? { cacheKey, made, self }
      : { cacheKey, made }
  }
  const { ignored } = subject
  const kept = ignored.size === 0 ? args : { ignored: [...ignored], args: without(ignored, args) }
  return self !== undefined && subject.usesThis() ? { self, args: kept } : kept
}

/** As if the ignored arguments had not been given. */
function without(ignored: ReadonlySet<number>, args: readonly unknown[]): unknown[] {
  let length = args.length
  while (length > 0 && ignored.has(length - 1)) length--
  return args.slice(0, length).map((arg, index) => (ignored.has(index) ? undefined : arg))
}

function together(code: Digest, args: Digest, state: Digest): Digest {
  if (code === NOTHING && args === NOTHING && state === NOTHING) return NOTHING
  return digestForKey(Buffer.from(code + args + state, 'latin1'))
}

/** Positions for the `ignore` option, which names parameters or gives positions. Throws a `TypeError` for others. */
export function ignoredPositions(fn: AnyFunction, ignore: readonly (number | string)[]): ReadonlySet<number> {
  const names = ignore.some((one) => typeof one === 'string') ? parametersOf(fn) : []
  return new Set(
    ignore.map((one) => {
      if (typeof one === 'number') return one
      const position = names.indexOf(one)
      if (position >= 0) return position
      const known = names.filter((name) => name !== null).join(', ')
      throw new TypeError(`memoize: the "ignore" option names "${one}", but the parameters are (${known})`)
    }),
  )
}

/** `src/fit.ts#fit`: the file from the package's root, and the best name for the function. */
export function labelOf(fn: AnyFunction): string {
  const { file, name } = placeOf(fn)
  return file === undefined ? name : `${file}#${name}`
}
