/**
 * A table of nodes back to the value. All objects are made empty first, then filled, so any cycle closes.
 *
 * Promises an independent value: nothing of it is a view on the bytes. Throws whatever it likes when the table is
 * not one that pack.ts wrote. Runs no code but the `decode` of registered classes, and makes no more than was stored:
 * each leaf is used once.
 */
import { classNamed } from './classes.ts'
import { fillingOrder } from './components.ts'
import { type AnyKind, atomKindNamed, kindNamed, type Making } from './kinds.ts'
import { CONFIGURABLE, ENUMERABLE, type Node, type Slot, WRITABLE } from './pack.ts'

interface Unpacking extends Making {
  readonly nodes: readonly Node[]
  /** By node, undefined until made. */
  readonly made: unknown[]
}

/** @param takeLeaf gives a copy of a leaf's bytes, and throws the second time. */
export function unpack(root: Slot, nodes: unknown, takeLeaf: (index: Slot) => ArrayBuffer): unknown {
  checkNodes(nodes)
  const made: unknown[] = new Array(nodes.length).fill(undefined)
  const unpacking: Unpacking = {
    nodes,
    made,
    leaf: takeLeaf,
    buffer: (slot) => {
      const number = numberOf(slot, nodes.length)
      if (nodes[number]![0] !== 'ArrayBuffer') throw new Error('not an ArrayBuffer')
      return make(unpacking, number) as ArrayBuffer
    },
    atom: (slot) => {
      if (!Array.isArray(slot)) return slot
      const number = numberOf(slot, nodes.length)
      if (atomKindNamed(nodes[number]![0]) === undefined) throw new Error('not a primitive')
      return make(unpacking, number)
    },
  }
  for (let number = 0; number < nodes.length; number++) make(unpacking, number)
  const resolve = (slot: Slot) => (Array.isArray(slot) ? made[numberOf(slot, nodes.length)] : slot)
  if (nodes.some(([kind]) => kind === 'class')) {
    const { order, cyclic } = fillingOrder(nodes)
    if (cyclic !== undefined) throw new Error('an instance inside its own state')
    for (const number of order) fill(unpacking, number, resolve)
  } else for (let number = 0; number < nodes.length; number++) fill(unpacking, number, resolve)
  return resolve(root)
}

function checkNodes(nodes: unknown): asserts nodes is readonly Node[] {
  const areNodes =
    Array.isArray(nodes) &&
    nodes.every((node) => Array.isArray(node) && typeof node[0] === 'string' && Array.isArray(node[2]))
  if (!areNodes) throw new Error('not a table of nodes')
}

function numberOf(slot: Slot, count: number): number {
  const number: unknown = (slot as readonly unknown[])[0]
  if (!Number.isInteger(number) || (number as number) < 0 || (number as number) >= count)
    throw new Error('a reference to no node')
  return number as number
}

function make(unpacking: Unpacking, number: number): unknown {
  const { made, nodes } = unpacking
  const already = made[number]
  if (already !== undefined) return already
  const [name, , contents] = nodes[number]!
  if (name === 'class') return
  const kind = kindNamed(name) ?? atomKindNamed(name)
  if (kind === undefined) throw new Error(`no kind ${JSON.stringify(name)}`)
  const object: unknown = kind.make(contents, unpacking)
  made[number] = object
  return object
}

function fill(unpacking: Unpacking, number: number, resolve: (slot: Slot) => unknown): void {
  const node = unpacking.nodes[number]!
  const [name, isExtensible, contents] = node
  if (name === 'class') {
    unpacking.made[number] = makeInstance(contents, resolve)
    return
  }
  const kind = kindNamed(name)
  if (kind === undefined) return
  const object = unpacking.made[number] as object
  kind.fill?.(object, contents, resolve)
  defineProperties(object, kind, node, resolve)
  if (!isExtensible) Object.preventExtensions(object)
}

function defineProperties(object: object, kind: AnyKind, node: Node, resolve: (slot: Slot) => unknown): void {
  const isPlain = kind.name === 'object' || kind.name === 'null'
  for (let i = 3; i < node.length; ) {
    const attributes = typeof node[i] === 'number' ? (node[i++] as number) : undefined
    const key = resolve(node[i++])
    if (i >= node.length || (typeof key !== 'string' && typeof key !== 'symbol'))
      throw new Error('not a property')
    const value = resolve(node[i++])
    // Assignment is several times faster, and the same unless something inherited steps in.
    if (attributes === undefined && isPlain && key !== '__proto__')
      (object as Record<PropertyKey, unknown>)[key] = value
    else if (kind.accessors !== undefined && Object.hasOwn(kind.accessors, key))
      Reflect.set(object, key, value)
    else {
      const bits = attributes ?? WRITABLE | ENUMERABLE | CONFIGURABLE
      Object.defineProperty(object, key, {
        value,
        writable: (bits & WRITABLE) !== 0,
        enumerable: (bits & ENUMERABLE) !== 0,
        configurable: (bits & CONFIGURABLE) !== 0,
      })
    }
  }
}

function makeInstance([name, version, state]: readonly Slot[], resolve: (slot: Slot) => unknown): object {
  const cls = classNamed(String(resolve(name)))
  if (cls === undefined) throw new Error(`no class is registered as ${JSON.stringify(resolve(name))}`)
  if (!Object.is(cls.version, resolve(version)))
    throw new Error(`${cls.name} is registered with another version`)
  const instance = cls.decode(resolve(state))
  if (typeof instance !== 'object' || instance === null || Object.getPrototypeOf(instance) !== cls.prototype)
    throw new Error(`decode() of ${cls.name} did not return an instance`)
  return instance
}
