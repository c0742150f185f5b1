/**
 * Bytes back to the value. Nodes are made empty first, then filled, so any cycle closes.
 *
 * Promises an independent value: nothing of it is a view on the bytes. Throws whatever it likes when the bytes are
 * not what pack.ts wrote. Runs no code but the `decode` of registered classes, and makes no more than was stored: each
 * leaf is used once.
 */
import { classNamed } from './classes.ts'
import type { AnyKind } from './kind.ts'
import { kindNamed } from './kinds.ts'
import { ACCESSOR, CONFIGURABLE, ENUMERABLE, type Making, WRITABLE } from './nodes.ts'
import { type Reader, readArrayHead, readItem, readNatural32 } from './reader.ts'

/** A kind, undefined for instances of classes, and what the node is made of. */
type Head = readonly [kind: AnyKind | undefined, contents: readonly unknown[]]

interface Unpacking extends Making {
  readonly kinds: readonly (AnyKind | undefined)[]
  /** By node, as is the next; undefined until made. */
  readonly heads: readonly Head[]
  readonly made: unknown[]
}

/**
 * Reads the nodes and the value.
 * @param takeLeaf gives a copy of a leaf's bytes, and throws the second time.
 */
export function unpack(
  reader: Reader,
  names: unknown,
  heads: unknown,
  takeLeaf: (index: unknown) => ArrayBuffer,
): unknown {
  const kinds = arrayOf(names).map((name) => (name === 'class' ? undefined : kindFor(name)))
  const unpacking: Unpacking = {
    kinds,
    heads: arrayOf(heads).map((head) => {
      const [kind, contents] = arrayOf(head)
      if (!((kind as number) in kinds)) throw new Error('a node of no kind')
      return [kinds[kind as number], arrayOf(contents)]
    }),
    made: arrayOf(heads).map(() => undefined),
    leaf: takeLeaf,
    buffer: (node) => {
      if (unpacking.heads[node as number]?.[0]?.name !== 'ArrayBuffer') throw new Error('a view of no buffer')
      return make(unpacking, node as number) as ArrayBuffer
    },
  }
  for (let number = 0; number < unpacking.heads.length; number++) make(unpacking, number)
  reader.objects = {
    object: (parts) => {
      const kind = kinds[parts[0] as number]
      if (kind === undefined || kind.isNode) throw new Error('an object of no kind')
      const object: object = kind.make(kind.fill === undefined ? arrayOf(parts[1]) : [], unpacking)
      fill(object, kind, parts, 1)
      return object
    },
    node: (number) => unpacking.made[number] ?? missing(number),
  }
  let left = readArrayHead(reader)
  if (left !== 2 * unpacking.heads.length) throw new Error('nodes that are not filled')
  for (; left > 0; left -= 2) fillNode(unpacking, readNatural32(reader), arrayOf(readItem(reader)))
  return readItem(reader)
}

function arrayOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error('not an array')
  return value
}

function kindFor(name: unknown): AnyKind {
  const kind = typeof name === 'string' ? kindNamed(name) : undefined
  if (kind === undefined) throw new Error(`no kind ${JSON.stringify(name)}`)
  return kind
}

function missing(number: number): never {
  throw new Error(`node ${number} is not there`)
}

/** All but instances of classes, which wait for their state. */
function make(unpacking: Unpacking, number: number): unknown {
  const { heads, made } = unpacking
  const [kind, contents] = heads[number]!
  made[number] ??= kind?.make(contents, unpacking)
  return made[number]
}

function fillNode(unpacking: Unpacking, number: number, parts: readonly unknown[]): void {
  const [kind] = unpacking.heads[number] ?? missing(number)
  if (kind !== undefined) fill(unpacking.made[number] as object, kind, parts, 0)
  else unpacking.made[number] = makeInstance(parts)
}

/** @param at where the contents are, before `extensible` and the properties. */
function fill(object: object, kind: AnyKind, parts: readonly unknown[], at: number): void {
  kind.fill?.(object, arrayOf(parts[at]))
  if (parts.length > at + 2) defineProperties(object, kind, parts, at + 2)
  if (parts[at + 1] === false) Object.preventExtensions(object)
}

function defineProperties(object: object, kind: AnyKind, parts: readonly unknown[], start: number): void {
  if ((parts.length - start) % 3 !== 0) throw new Error('a property without a value')
  for (let i = start; i < parts.length; i += 3) {
    const [attributes, key, value] = [parts[i], parts[i + 1], parts[i + 2]]
    if (typeof attributes !== 'number' || (typeof key !== 'string' && typeof key !== 'symbol'))
      throw new Error('not a property')
    const shown = {
      enumerable: (attributes & ENUMERABLE) !== 0,
      configurable: (attributes & CONFIGURABLE) !== 0,
    }
    const accessor = attributes & ACCESSOR && typeof key === 'string' ? kind.accessors?.[key] : undefined
    if (accessor === undefined)
      Object.defineProperty(object, key, { value, writable: (attributes & WRITABLE) !== 0, ...shown })
    else {
      Object.defineProperty(object, key, { ...accessor, ...shown })
      accessor.set?.call(object, value)
    }
  }
}

function makeInstance([name, version, state]: readonly unknown[]): object {
  const cls = typeof name === 'string' ? classNamed(name) : undefined
  if (cls === undefined) throw new Error(`no class is registered as ${JSON.stringify(name)}`)
  if (!Object.is(cls.version, version)) throw new Error(`${cls.name} is registered with another version`)
  const instance = cls.decode(state)
  if (typeof instance !== 'object' || instance === null || Object.getPrototypeOf(instance) !== cls.prototype)
    throw new Error(`decode() of ${cls.name} did not return an instance`)
  return instance
}
