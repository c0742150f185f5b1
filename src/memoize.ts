/**
 * Wraps a function or a method: checks the options, gives the wrapper its inspection methods, and hands each call to
 * call.ts. Knows how functions look from outside, not how results are found.
 */
import { types } from 'node:util'
import { call, refresh } from './call.ts'
import { type BuiltinCodec, type Compression, checkCompression, codecOf } from './codec/codec.ts'
import { configuredMemospace, heedConfiguration } from './configuration.ts'
import { ask, ConfigurationError, messageOf } from './errors.ts'
import { defaultWalkOptions, freezeFunction, type WalkOptions } from './freeze/freeze.ts'
import { ignore, registerStandIn } from './freeze/marks.ts'
import { looksAtSuper, looksAtThis } from './freeze/place.ts'
import type { MemoizedGroup } from './group.ts'
import { checkAllowed, tellerOf } from './impure.ts'
import { ignoredPositions, keyOf, labelOf, plainKey } from './key.ts'
import { type Lookup, lookup, why, wouldHit } from './lookup.ts'
import type { Memo, Room } from './memo.ts'
import { cacheErrorsOf, leaseTerms, type MemoizeOptions, memoizeChecks } from './memoize-options.ts'
import { inherit } from './observe.ts'
import { checkOptions, milliseconds } from './options.ts'
import { DEFAULT_PIPELINE, pipelineOf } from './pipeline.ts'
import { withoutReads, withReads } from './recorded.ts'
import { type Ref, refer } from './ref.ts'
import { outdate } from './running.ts'
import { forget, memoUri } from './share.ts'
import type { LeaseTerms } from './store/contract.ts'
import type { AnyFunction, CallKey, Codec, Duration, FunctionStats } from './types.ts'

/** The function as it was, with a memory. */
export type Memoized<F extends AnyFunction> = F & MemoizedMethods<F>

/** Of a method that looks at `this`, ask on its object: `model.fit.wouldHit.call(model, x)`. */
export interface MemoizedMethods<F extends AnyFunction> {
  /** The function without memory. */
  readonly fn: F
  readonly group: MemoizedGroup
  /** What identifies a call. Throws `FreezeError` if nothing can. */
  key(...args: Parameters<F>): CallKey
  /** Whether a call would be answered from the cache. Counts and changes nothing. Throws `FreezeError`. */
  wouldHit(...args: Parameters<F>): boolean
  /** The kept value, or undefined. Never computes, never counts. Throws `FreezeError`. */
  peek(...args: Parameters<F>): Awaited<ReturnType<F>> | undefined
  /** As `peek`, but tells a kept `undefined` from nothing, and why a call would miss. Throws `FreezeError`. */
  lookup(...args: Parameters<F>): Lookup<Awaited<ReturnType<F>>>
  /**
   * One line for people: whether a call would hit, and if not, which function and line, captured variable, package,
   * argument or input file changed since the call most like it. Throws `FreezeError`.
   */
  why(...args: Parameters<F>): string
  /**
   * A reference to the result, computed if it is missing, not decoded: passed to another memoized function it counts by its
   * digest, and is read only if that function runs. Throws `FreezeError`.
   */
  ref(
    ...args: Parameters<F>
  ): ReturnType<F> extends PromiseLike<infer T> ? Promise<Ref<T>> : Ref<ReturnType<F>>
  /** Compute now, and replace what is kept. */
  refresh(...args: Parameters<F>): ReturnType<F>
  /**
   * Where in the group's blob store the result of a call is, or would be: root, `permafrost-1`, pipeline, function and version, digest of
   * what is given. Throws `FreezeError`, and an `Error` without a blob store.
   */
  memoUri(...args: Parameters<F>): string
  /** Forget one call. Whether there was something to forget. Throws `FreezeError`. */
  forget(...args: Parameters<F>): boolean
  /** Forget all calls of this function, of all versions of its code. How many there were. */
  clear(): number
  stats(): FunctionStats
  resetStats(): void
}

type Method<This, A extends unknown[], R> = (this: This, ...args: A) => R
type MethodContext<This, A extends unknown[], R> = ClassMethodDecoratorContext<This, Method<This, A, R>>
type GetterContext<This, R> = ClassGetterDecoratorContext<This, R>

/** What `@memoize(options)` makes: a decorator of methods, static methods and getters. */
export interface MemoizeDecorator {
  <This, A extends unknown[], R>(
    method: Method<This, A, R>,
    context: MethodContext<This, A, R>,
  ): Method<This, A, R>
  <This, R>(getter: (this: This) => R, context: GetterContext<This, R>): (this: This) => R
}

/**
 * Remember what a function returns, across runs, until its code, what it captures, its arguments or its input files
 * change. As a function `memoize(fn, options?)`, as a decorator `@memoize` or `@memoize(options)`.
 * Throws a `TypeError` for a wrong option.
 */
export interface Memoize {
  <This, A extends unknown[], R>(
    method: Method<This, A, R>,
    context: MethodContext<This, A, R>,
  ): Method<This, A, R>
  <This, R>(getter: (this: This) => R, context: GetterContext<This, R>): (this: This) => R
  <F extends AnyFunction>(fn: F, options?: MemoizeOptions<NoInfer<F>>): Memoized<F>
  (options: MemoizeOptions): MemoizeDecorator
}

const rooms = new WeakMap<object, GroupRoom>()
const CHECKS = memoizeChecks((value) => rooms.has(value))

/** Tell what a group shares with its functions. */
export function registerRoom(group: MemoizedGroup, room: GroupRoom): void {
  rooms.set(group, ignore(room))
  ignore(group)
}

/** What a group gives its functions. */
export interface GroupRoom extends Room {
  readonly state: (() => unknown) | undefined
  readonly ttl: number | undefined
  readonly codec: Codec | BuiltinCodec
  readonly compress: Compression | false
  readonly packages: WalkOptions['packages']
  readonly keyOrder: WalkOptions['keyOrder']
  readonly lease: LeaseTerms | false
  readonly observe: 'warn' | 'refuse' | false
  readonly pipelineId: string | undefined
  readonly resultsOnly: boolean
}

/** `memoize` for one group. The group is asked for when it is first needed, so that importing opens nothing. */
export function memoizeFor(groupOf: () => MemoizedGroup): Memoize {
  const memoize = (first: unknown, second?: unknown, third?: unknown): unknown => {
    if (typeof first === 'function') {
      if (isDecoratorContext(second)) return decorate(first as AnyFunction, second, {}, groupOf)
      if (third !== undefined) throw legacy()
      return wrap(first as AnyFunction, (second ?? {}) as MemoizeOptions, groupOf)
    }
    if (typeof second === 'string' || typeof second === 'symbol') throw legacy()
    if (typeof first !== 'object' || first === null) {
      throw new TypeError(`memoize: expected a function, found ${first === null ? 'null' : typeof first}`)
    }
    checkOptions(first, CHECKS, 'memoize')
    return (method: AnyFunction, context: unknown) => {
      if (!isDecoratorContext(context)) throw legacy()
      return decorate(method, context, first, groupOf)
    }
  }
  // a class that was decorated mentions this function; what it does is not what the class does
  registerStandIn(memoize, () => ['memoize'])
  return memoize as Memoize
}

const legacy = (): TypeError =>
  new TypeError('@memoize is a standard decorator; compile without the "experimentalDecorators" option')

function isDecoratorContext(
  value: unknown,
): value is ClassMethodDecoratorContext | ClassGetterDecoratorContext {
  return typeof value === 'object' && value !== null && 'kind' in value && 'addInitializer' in value
}

function decorate(
  method: AnyFunction,
  { kind, name, private: hidden }: { kind: string; name: string | symbol; private: boolean },
  options: MemoizeOptions,
  groupOf: () => MemoizedGroup,
): AnyFunction {
  if (kind !== 'method' && kind !== 'getter') {
    throw new TypeError(`@memoize decorates methods and getters, not a ${kind} ("${String(name)}")`)
  }
  if (hidden) throw new TypeError(`@memoize cannot decorate the private ${kind} "${String(name)}"`)
  return wrap(method, options, groupOf)
}

function wrap<F extends AnyFunction>(
  fn: F,
  options: MemoizeOptions,
  groupOf: () => MemoizedGroup,
): Memoized<F> {
  const memo = memoOf(fn, options, options.group === undefined ? groupOf : () => options.group!)
  const wrapper = function (this: unknown, ...args: unknown[]): unknown {
    // whoever says `new` wants an object of his own
    if (new.target !== undefined) return Reflect.construct(fn, args, new.target === wrapper ? fn : new.target)
    return call(memo, this, args)
  }
  const store = () => memo.room().store()
  // asked as `model.fit.wouldHit(x)`, `this` is the wrapper; as `model.fit.wouldHit.call(model, x)`, the object
  const method = <T>(ask: (self: unknown, args: readonly unknown[]) => T) =>
    function (this: unknown, ...args: unknown[]): T {
      return ask(this === wrapper ? undefined : this, args)
    }
  const keyed = (self: unknown, args: readonly unknown[]) => {
    const found = keyOf(memo, self, args)
    inherit(found)
    return found.key
  }
  const methods: { [K in keyof MemoizedMethods<AnyFunction>]: unknown } = {
    fn,
    group: undefined,
    key: method((self, args) => plainKey(keyed(self, args))),
    wouldHit: method((self, args) => wouldHit(memo, self, args)),
    lookup: method((self, args) => lookup(memo, self, args)),
    why: method((self, args) => why(memo, self, args)),
    peek: method((self, args) => {
      const found = lookup(memo, self, args)
      return found.hit ? found.value : undefined
    }),
    ref: method((self, args) => refer(memo, self, args, () => call(memo, self, args))),
    refresh: method((self, args) => refresh(memo, self, args)),
    memoUri: method((self, args) => memoUri(memo, self, args)),
    forget: method((self, args) => forget(memo, self, args)),
    clear: () => {
      outdate(memo.room(), { name: memo.name })
      return store()?.clear({ name: memo.name }) ?? 0
    },
    stats: () => store()?.usage()[memo.name] ?? NO_STATS,
    resetStats: () => store()?.resetUsage(memo.name),
  }
  for (const [name, value] of Object.entries(methods))
    Object.defineProperty(wrapper, name, { value, configurable: true })
  Object.defineProperty(wrapper, 'group', {
    get: options.group === undefined ? groupOf : () => options.group,
    configurable: true,
  })
  Object.defineProperty(wrapper, 'name', { value: options.name ?? fn.name, configurable: true })
  Object.defineProperty(wrapper, 'length', { value: fn.length, configurable: true })
  registerStandIn(wrapper, () => [
    memo.version === undefined ? fn : [memo.name, memo.version],
    // what it captured at its first call, whatever that is by now
    memo.once && freezeFunction(fn, memo.name, memo.walk, true).digest,
    memo.states.map((state) => ask('state', state)),
    options.cacheKey,
    [...memo.ignored],
    ...told(options.calls, memospaceOf(memo, options)),
  ])
  memos.set(wrapper, memo)
  return wrapper as unknown as Memoized<F>
}

/** What counts of a captured function where it is said. */
const told = (calls: MemoizeOptions['calls'], memospace: string | undefined): unknown[] =>
  calls === undefined && memospace === undefined ? [] : [calls, memospace]

/** By its option, or else the configuration file. */
const memospaceOf = (memo: Memo, { memospace }: MemoizeOptions): string | undefined =>
  memospace ?? configuredMemospace(() => memo.name)

/** The memos of wrappers. */
const memos = new WeakMap<object, Memo>()

/** What a memoized function is inside. Throws a `TypeError` for another one. */
export function memoOfWrapper(wrapper: AnyFunction, where: string): Memo {
  const memo = memos.get(wrapper)
  if (memo === undefined) throw new TypeError(`${where}: expected a memoized function`)
  return memo
}

const NO_STATS: FunctionStats = { hits: 0, misses: 0, timeSaved: 0, timeSpent: 0, overhead: 0, bytes: 0 }

function memoOf(fn: AnyFunction, options: MemoizeOptions, groupOf: () => MemoizedGroup): Memo {
  checkOptions(options, CHECKS, 'memoize')
  if (/^class\b/.test(Function.prototype.toString.call(fn))) {
    throw new TypeError(
      `memoize: ${fn.name || 'a class'} is a class; memoize a function that makes instances, or a method`,
    )
  }
  if (options.version !== undefined && options.name === undefined && fn.name === '') {
    throw new TypeError(
      'memoize: a function without a name needs the "name" option beside "version", which replaces its code',
    )
  }
  const ignored = ignoredPositions(fn, options.ignore ?? [])
  checkCompression(options.compress ?? false, 'memoize')
  const ttl = typeof options.ttl === 'string' ? milliseconds(options.ttl) : options.ttl
  let codec: Codec | undefined
  let name = options.name
  let settled: GroupRoom | undefined
  let walk: WalkOptions | undefined
  let states: readonly (() => unknown)[] | undefined
  const room = (): GroupRoom => {
    settled ??= heeding(rooms.get(groupOf())!)
    return settled
  }
  let lookingAtThis: boolean | undefined
  let lookingAtSuper: boolean | undefined
  checkAllowed(options)
  const records = options.inputs === 'auto'
  const memo: Memo = {
    fn,
    get name() {
      name ??= labelOf(fn)
      return name
    },
    version: options.version,
    // what is recorded is as good as declared
    tellUses: tellerOf(
      () => memo.name,
      records ? { ...options, allow: [...(options.allow ?? []), 'fs', 'process.env'] } : options,
    ),
    cacheKey: options.cacheKey,
    ignored,
    once: options.closure === 'once',
    get walk() {
      walk ??= walkOptions(options.keyOrder ?? room().keyOrder, options.packages ?? room().packages)
      return walk
    },
    get states() {
      states ??= [room().state, options.state].filter((state) => state !== undefined)
      return states
    },
    usesThis: () => {
      lookingAtThis ??= looksAtThis(fn)
      return lookingAtThis
    },
    usesSuper: () => {
      lookingAtSuper ??= looksAtSuper(fn)
      return lookingAtSuper
    },
    room,
    get codec() {
      codec ??= codecOf(options.codec ?? room().codec, options.compress ?? room().compress)
      if (records && !withoutReads(codec.name).hasReads) {
        const plain = codec
        codec = {
          name: withReads(plain.name),
          encode: (value) => plain.encode(value),
          decode: (bytes) => plain.decode(bytes),
        }
      }
      return codec
    },
    shouldCache: options.shouldCache,
    get ttl() {
      return ttl ?? room().ttl
    },
    staleWhileRevalidate: ageOf(options.staleWhileRevalidate),
    staleIfError: ageOf(options.staleIfError),
    get lease() {
      return options.lease === undefined ? room().lease : leaseTerms(options.lease)
    },
    isAsync: types.isAsyncFunction(fn) && !types.isGeneratorFunction(fn),
    isAsyncGenerator: types.isAsyncFunction(fn) && types.isGeneratorFunction(fn),
    learnt: { calls: 0, time: 0, isAsync: false, isSync: false },
    cacheErrors: cacheErrorsOf(options.cacheErrors),
    captureOutput: options.captureOutput ?? false,
    audit: options.audit,
    keepVersions:
      options.keepVersions === undefined || options.keepVersions === 'all'
        ? Number.POSITIVE_INFINITY
        : options.keepVersions,
    tags: options.tags ?? [],
    get observe() {
      return options.observe ?? room().observe
    },
    recordsInputs: records,
    purity: options,
    onUncacheable: options.onUncacheable ?? 'warn',
    calls: options.calls ?? [],
    // a function that its code identifies may move to another file
    get functionId() {
      if (options.name !== undefined) return options.name
      return options.version === undefined ? fn.name || 'anonymous' : memo.name
    },
    spaceOf: () => memo.space() ?? { pipelineId: DEFAULT_PIPELINE },
    space: () => {
      const pipelineId = pipelineOf(() => memo.name, options.pipelineId, room().pipelineId)
      const memospace = memospaceOf(memo, options)
      const isUsual = pipelineId === DEFAULT_PIPELINE && memospace === undefined
      return isUsual ? undefined : { pipelineId, memospace }
    },
    get resultsOnly() {
      return options.resultsOnly ?? room().resultsOnly
    },
    rerunErrors: options.rerunErrors ?? false,
  }
  return memo
}

/** What a group gives, once the configuration file counts; of one that cannot be read nobody knows what it says: nothing is kept. */
function heeding(room: GroupRoom): GroupRoom {
  try {
    heedConfiguration()
    return room
  } catch (error) {
    if (room.store() === undefined) return room
    room.report(new ConfigurationError(messageOf(error), { cause: error }), 'configuration')
    return ignore({ ...room, store: () => undefined, shared: undefined })
  }
}

const ageOf = (age: Duration | undefined): number => (age === undefined ? 0 : milliseconds(age))

/** Equal options are one object: what is known of a function is kept by it. */
function walkOptions(keyOrder: WalkOptions['keyOrder'], packages: WalkOptions['packages']): WalkOptions {
  if (keyOrder === 'respect' && packages === 'version') return defaultWalkOptions
  const found = shared.find((one) => one.keyOrder === keyOrder && one.packages === packages)
  if (found !== undefined) return found
  const made: WalkOptions = { keyOrder, packages }
  shared.push(made)
  return made
}

const shared: WalkOptions[] = []
