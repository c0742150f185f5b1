/**
 * A table of nodes back to the value. All objects are made empty first, then filled, so any cycle closes.
 *
 * Promises an independent value: nothing of it is a view on the bytes. Throws whatever it likes when the table is
 * not one that pack.ts wrote. Runs no code but the `decode` of registered classes, and makes no more than was stored:
 * each leaf is used once.
 */
import { classNamed } from './classes.ts'
import { fillingOrder } from './components.ts'
import type { AnyKind, AtomKind } from './kind.ts'
import { isAtom, kindNamed } from './kinds.ts'
import {
  ACCESSOR,
  CONFIGURABLE,
  DEFAULT,
  ENUMERABLE,
  type Making,
  type Node,
  type Slot,
  WRITABLE,
} from './nodes.ts'

interface Unpacking extends Making {
  /** By the number that nodes give. */
  readonly kinds: readonly (AnyKind | AtomKind | undefined)[]
  readonly nodes: readonly Node[]
  /** By node, undefined until made. */
  readonly made: unknown[]
}

/** @param takeLeaf gives a copy of a leaf's bytes, and throws the second time. */
export function unpack(table: readonly unknown[], takeLeaf: (index: Slot) => ArrayBuffer): unknown {
  checkTable(table)
  const [root, names, nodes] = table
  const classKind = names.indexOf('class')
  const unpacking: Unpacking = {
    kinds: names.map((name) => (name === 'class' ? undefined : (kindNamed(name) ?? unknownKind(name)))),
    nodes,
    made: new Array(nodes.length).fill(undefined),
    leaf: takeLeaf,
    buffer: (slot) => makeAs(unpacking, slot, (kind) => kind.name === 'ArrayBuffer') as ArrayBuffer,
    atom: (slot) => (Array.isArray(slot) ? makeAs(unpacking, slot, isAtom) : slot),
  }
  for (let number = 0; number < nodes.length; number++)
    if (nodes[number]![0] !== classKind) make(unpacking, number)
  if (classKind === -1) for (let number = 0; number < nodes.length; number++) fill(unpacking, number)
  else {
    const { order, cyclic } = fillingOrder(nodes, classKind)
    if (cyclic !== undefined) throw new Error('an instance inside its own state')
    for (const number of order) fill(unpacking, number)
  }
  return resolve(unpacking, root)
}

function checkTable(
  table: readonly unknown[],
): asserts table is readonly [Slot, readonly string[], readonly Node[], ...unknown[]] {
  const [, names, nodes] = table
  if (!Array.isArray(names) || !Array.isArray(nodes)) throw new Error('not a table of nodes')
  if (!names.every((name) => typeof name === 'string')) throw new Error('a kind without a name')
  for (const node of nodes as unknown[]) {
    const isNode = Array.isArray(node) && Number.isInteger(node[0]) && node[0] >= 0 && node[0] < names.length
    if (!isNode || !Array.isArray(node[2])) throw new Error('not a node')
  }
}

function unknownKind(name: string): never {
  throw new Error(`no kind ${JSON.stringify(name)}`)
}

function resolve({ made }: Unpacking, slot: Slot): unknown {
  return Array.isArray(slot) ? made[numberOf(slot, made.length)] : slot
}

/** Made before its turn, for what needs it to be made. Kinds that may be needed need none themselves. */
function makeAs(unpacking: Unpacking, slot: Slot, isNeeded: (kind: AnyKind | AtomKind) => boolean): unknown {
  const number = numberOf(slot, unpacking.nodes.length)
  const kind = unpacking.kinds[unpacking.nodes[number]![0]]
  if (kind === undefined || !isNeeded(kind)) throw new Error('a reference to the wrong kind')
  return make(unpacking, number)
}

function numberOf(slot: Slot, count: number): number {
  const number: unknown = (slot as readonly unknown[])[0]
  if (!Number.isInteger(number) || (number as number) < 0 || (number as number) >= count)
    throw new Error('a reference to no node')
  return number as number
}

function make(unpacking: Unpacking, number: number): unknown {
  const { kinds, made, nodes } = unpacking
  if (made[number] === undefined) {
    const node = nodes[number]!
    made[number] = kinds[node[0]]!.make(node[2], unpacking)
  }
  return made[number]
}

function fill(unpacking: Unpacking, number: number): void {
  const node = unpacking.nodes[number]!
  const kind = unpacking.kinds[node[0]]
  if (kind === undefined) {
    unpacking.made[number] = makeInstance(unpacking, node[2])
    return
  }
  if (isAtom(kind)) return
  const object = unpacking.made[number] as object
  kind.fill?.(object, node[2], (slot) => resolve(unpacking, slot))
  if (node.length > 3) defineProperties(unpacking, object, kind, node)
  if (node[1] === false) Object.preventExtensions(object)
}

function defineProperties(unpacking: Unpacking, object: object, kind: AnyKind, node: Node): void {
  const isPlain = kind.prototype === null || kind.prototype === Object.prototype
  for (let i = 3; i < node.length; ) {
    const attributes = typeof node[i] === 'number' ? (node[i++] as number) : undefined
    const key = resolve(unpacking, node[i++])
    if (i >= node.length || (typeof key !== 'string' && typeof key !== 'symbol'))
      throw new Error('not a property')
    const value = resolve(unpacking, node[i++])
    // Assignment is several times faster, and the same unless something inherited steps in.
    if (attributes === undefined && isPlain && key !== '__proto__')
      (object as Record<PropertyKey, unknown>)[key] = value
    else defineProperty(object, kind, key, value, attributes ?? DEFAULT)
  }
}

function defineProperty(
  object: object,
  kind: AnyKind,
  key: PropertyKey,
  value: unknown,
  attributes: number,
): void {
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

function makeInstance(unpacking: Unpacking, contents: readonly Slot[]): object {
  const [name, version, state] = contents.map((slot) => resolve(unpacking, slot))
  const cls = typeof name === 'string' ? classNamed(name) : undefined
  if (cls === undefined) throw new Error(`no class is registered as ${JSON.stringify(name)}`)
  if (!Object.is(cls.version, version)) throw new Error(`${cls.name} is registered with another version`)
  const instance = cls.decode(state)
  if (typeof instance !== 'object' || instance === null || Object.getPrototypeOf(instance) !== cls.prototype)
    throw new Error(`decode() of ${cls.name} did not return an instance`)
  return instance
}
