/**
 * The classes whose instances may be stored, by prototype and by name. One table for the whole process: a class means
 * the same to every cache.
 */

/** How instances of a class become a storable value and come back. */
export interface ClassSpec<T> {
  /** What the class is called in stored bytes. Keep it when the class is renamed or moves. */
  readonly name: string
  encode(value: T): unknown
  decode(state: any): T
  /** Change it when `encode` or `decode` change: what was stored under another version is computed again. */
  readonly version?: string | number
}

export interface RegisteredClass extends ClassSpec<object> {
  readonly prototype: object
}

const byPrototype = new Map<object, RegisteredClass>()
const byName = new Map<string, RegisteredClass>()

/**
 * Let instances of exactly this class be stored; subclasses are registered for themselves. Registering a name again
 * replaces the class that had it, as when a notebook cell runs again: instances of the old one are refused from then on.
 */
export function registerClass<T>(
  cls: abstract new (...args: any[]) => T,
  spec: {
    readonly name: string
    encode(value: T): unknown
    decode(state: any): T
    readonly version?: string | number
  },
): void {
  const prototype: unknown = typeof cls === 'function' ? cls.prototype : undefined
  if (typeof prototype !== 'object' || prototype === null)
    throw new TypeError('registerClass: expected a class')
  if (typeof spec?.name !== 'string' || spec.name === '')
    throw new TypeError('registerClass: expected "name" to be a non-empty string')
  if (typeof spec.encode !== 'function' || typeof spec.decode !== 'function')
    throw new TypeError('registerClass: expected "encode" and "decode" to be functions')
  const { name, version } = spec
  if (version !== undefined && typeof version !== 'string' && !Number.isFinite(version))
    throw new TypeError('registerClass: expected "version" to be a string or a finite number')
  const replaced = byName.get(name)
  if (replaced !== undefined) byPrototype.delete(replaced.prototype)
  const renamed = byPrototype.get(prototype)
  if (renamed !== undefined) byName.delete(renamed.name)
  const registered: RegisteredClass = {
    name,
    prototype,
    encode: (value) => spec.encode(value as T),
    decode: (state) => spec.decode(state) as object,
    ...(version === undefined ? {} : { version }),
  }
  byPrototype.set(prototype, registered)
  byName.set(name, registered)
}

export function classOf(instance: object): RegisteredClass | undefined {
  return byPrototype.get(Object.getPrototypeOf(instance))
}

export function classNamed(name: string): RegisteredClass | undefined {
  return byName.get(name)
}
