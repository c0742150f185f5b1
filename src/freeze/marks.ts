/**
 * What users say about their own values: ignore this, this is its state, this is its version. And what the rest of
 * permafrost says about its wrappers: this function stands for that one. Knows nothing of how values are walked.
 */

/** A method of an object that returns what identifies it, in place of its properties. */
export const frozenState: unique symbol = Symbol.for('permafrost.frozenState') as never

/** A method of an input that returns its version, such as a digest of a file's content. */
export const inputVersion: unique symbol = Symbol.for('permafrost.inputVersion') as never

const ignored = new WeakSet<object>()
const versions = new WeakMap<Function, string | number>()

/** Leaves an object or function out of every key from now on: a logger, a progress bar, a connection. Returns it. */
export function ignore<T>(value: T): T {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) {
    throw new TypeError(
      'ignore() takes an object or a function; to leave out an argument use the "ignore" option',
    )
  }
  ignored.add(value)
  return value
}

export function isIgnored(value: object): boolean {
  return ignored.has(value)
}

/**
 * Identifies a function by a version of your choice in place of its code and all that it captures. Returns it.
 * Raise the version whenever its results change.
 */
export function codeVersion<F extends (...args: any[]) => any>(version: string | number, fn: F): F {
  if (typeof fn !== 'function') throw new TypeError('codeVersion() takes a version and a function')
  if (typeof version !== 'string' && typeof version !== 'number') {
    throw new TypeError('codeVersion() takes a string or a number as version')
  }
  versions.set(fn, version)
  return fn
}

export function codeVersionOf(fn: Function): string | number | undefined {
  return versions.get(fn)
}

/** What a wrapper stands for: read on each walk, so that a state that moved is seen. */
export type StandIn = () => readonly unknown[]

const standIns = new WeakMap<Function, StandIn>()
const ownOfStandIns = new WeakMap<Function, ReadonlySet<string | symbol>>()

/** Identify `wrapper` by the values `standIn` returns instead of its own code, and by what it is given beside its present properties. */
export function registerStandIn(wrapper: Function, standIn: StandIn): void {
  standIns.set(wrapper, standIn)
  ownOfStandIns.set(wrapper, new Set(Reflect.ownKeys(wrapper)))
}

/** The properties that a wrapper was given since. */
export function addedToStandIn(wrapper: Function): (string | symbol)[] {
  return Reflect.ownKeys(wrapper).filter((key) => !ownOfStandIns.get(wrapper)?.has(key))
}

export function standInOf(fn: Function): StandIn | undefined {
  return standIns.get(fn)
}

const originals = new WeakMap<object, object>()
let patched = false

/** From now on `patch`, which does what `original` does, is the same to every walk. */
export function registerPatch(patch: object, original: object): void {
  originals.set(patch, original)
  patched = true
}

/** What a value stands for, if it is a patch; else the value. */
export function originalOf<T>(value: T): T {
  if (!patched || (typeof value !== 'function' && (typeof value !== 'object' || value === null))) return value
  return (originals.get(value) as T | undefined) ?? value
}

/** The same for what a property holds. */
export function originalProperty(property: PropertyDescriptor): PropertyDescriptor {
  const value = originalOf<unknown>(property.value)
  return value === property.value ? property : { ...property, value }
}
