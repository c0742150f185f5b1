/**
 * Any supported value as a table of nodes: one node per object, so that cycles, shared references and any depth need
 * no special case and nothing recurses. unpack.ts does the reverse; kinds.ts says what each kind of object holds.
 *
 * A node is `[kind, extensible, contents, ...properties]`. Contents and properties are lists of slots. A slot is a
 * boolean, null, undefined, a well-formed string or a number but -0 as it is, or `[n]`: node number n. Properties are
 * key and value in turn, after a number of attribute bits if they are not the default ones.
 *
 * Promises that what it returns stands for exactly this value, or throws a `CodecError` that names the path. It never
 * invokes a getter, a proxy's trap or any other code of the value, but for the `encode` of a registered class.
 */
import { types } from 'node:util'
import { CodecError } from '../errors.ts'
import { classOf } from './classes.ts'
import { isFilledFirst } from './components.ts'
import { type AnyKind, atomKindOf, kindOf } from './kinds.ts'
import { type Memory, packMemory } from './memory.ts'
import { isWellFormed } from './plain.ts'

export type Slot = unknown
export type Node = readonly [
  kind: string,
  extensible: boolean,
  contents: readonly Slot[],
  ...properties: Slot[],
]

export interface Packed {
  readonly root: Slot
  readonly nodes: readonly Node[]
  /** The bytes of ArrayBuffers and the like, which are stored as they are. */
  readonly leaves: readonly Uint8Array[]
}

/** What a kind may ask for while it packs an object. */
export interface Packing {
  /** The slot of a value, which gets a node if it needs one. `label` is its step in the path. */
  slot(value: unknown, label: string): Slot
  leaf(bytes: Uint8Array): number
  refuse(what: string): never
  readonly memory: Memory
}

export const WRITABLE = 1
export const ENUMERABLE = 2
export const CONFIGURABLE = 4
export const DEFAULT = 7

interface Walk extends Packing {
  readonly nodes: Node[]
  /** The node being packed. */
  current: number
}

export function pack(value: unknown): Packed {
  const numbers = new Map<unknown, number>()
  const queue: unknown[] = []
  const parents: number[] = []
  const labels: string[] = []
  const leaves: Uint8Array[] = []
  const nodes: Node[] = []
  const walk: Walk = {
    nodes,
    current: -1,
    memory: { buffers: new Map() },
    slot: (member, label) => {
      if (isInline(member)) return member
      let number = numbers.get(member)
      if (number === undefined) {
        number = queue.length
        numbers.set(member, number)
        queue.push(member)
        parents.push(walk.current)
        labels.push(label)
      }
      return [number]
    },
    leaf: (bytes) => leaves.push(bytes) - 1,
    refuse: (what) => {
      let path = ''
      for (let at = walk.current; at >= 0; at = parents[at]!) path = labels[at] + path
      throw new CodecError('ERR_UNENCODABLE', `cannot store ${what}`, path)
    },
  }
  const root = walk.slot(value, 'result')
  let hasClasses = false
  // The queue grows while it is walked.
  for (let number = 0; number < queue.length; number++) {
    walk.current = number
    const node = packNode(walk, queue[number])
    nodes.push(node)
    hasClasses ||= node[0] === 'class'
  }
  packMemory(walk, nodes)
  if (hasClasses) {
    const cyclic = isFilledFirst(nodes)
    if (cyclic !== undefined) {
      walk.current = cyclic
      walk.refuse(`${describe(queue[cyclic])} whose encoded state contains itself`)
    }
  }
  return { root, nodes, leaves }
}

function isInline(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
      return isWellFormed(value)
    case 'number':
      return !Object.is(value, -0)
    case 'object':
      return value === null
    case 'boolean':
    case 'undefined':
      return true
    default:
      return false
  }
}

function packNode(walk: Walk, value: unknown): Node {
  if (typeof value !== 'object' || value === null) {
    const atom = atomKindOf(value)
    const contents = atom?.pack(value, walk)
    if (atom === undefined || contents === undefined) return walk.refuse(describe(value))
    return [atom.name, true, contents]
  }
  if (types.isProxy(value)) return walk.refuse('a Proxy')
  const kind = kindOf(value)
  return kind === undefined ? packInstance(walk, value) : packObject(walk, value, kind)
}

function packObject(walk: Walk, object: object, kind: AnyKind): Node {
  const node: [string, boolean, readonly Slot[], ...Slot[]] = [kind.name, Object.isExtensible(object), []]
  const contents = kind.pack(object, walk)
  node[2] = contents
  for (const key of kind.keys?.(object, contents) ?? Reflect.ownKeys(object)) {
    const property = Object.getOwnPropertyDescriptor(object, key)!
    const label = labelOf(key)
    let value: unknown
    if ('value' in property) value = property.value
    else if (kind.accessors !== undefined && property.get === kind.accessors[key as string])
      value = property.get!.call(object)
    else return refuseAt(walk, 'an accessor', label)
    const attributes = attributesOf(property)
    if (attributes !== DEFAULT) node.push(attributes)
    node.push(walk.slot(key, label), walk.slot(value, label))
  }
  return node
}

function attributesOf(property: PropertyDescriptor): number {
  return (
    // A built-in accessor is one in the engine only; it can be written.
    (property.writable === false ? 0 : WRITABLE) |
    (property.enumerable ? ENUMERABLE : 0) |
    (property.configurable ? CONFIGURABLE : 0)
  )
}

function packInstance(walk: Walk, object: object): Node {
  const cls = classOf(object)
  if (cls === undefined) return walk.refuse(describe(object))
  let state: unknown
  try {
    state = cls.encode(object)
  } catch (error) {
    return walk.refuse(`${describe(object)}, whose encode() threw ${String(error)}`)
  }
  return ['class', true, [walk.slot(cls.name, ''), walk.slot(cls.version, ''), walk.slot(state, '')]]
}

function refuseAt(walk: Walk, what: string, label: string): never {
  // A symbol nobody else has gives the path a step of its own.
  walk.current = (walk.slot(Symbol(), label) as [number])[0]
  return walk.refuse(what)
}

/** How a property is written in a path, as in a FreezeError. */
export function labelOf(key: string | symbol | number): string {
  if (typeof key === 'number') return `[${key}]`
  if (typeof key === 'symbol') return `[${String(key)}]`
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`
}

/** What a refused value is called, without running any of its code. */
function describe(value: unknown): string {
  if (typeof value === 'symbol') return 'a symbol that is not registered'
  if (typeof value !== 'object' || value === null) return `a ${typeof value}`
  for (let at: object | null = value; at !== null && !types.isProxy(at); at = Object.getPrototypeOf(at)) {
    const maker: unknown = Object.getOwnPropertyDescriptor(at, 'constructor')?.value
    if (typeof maker !== 'function') continue
    const name: unknown = Object.getOwnPropertyDescriptor(maker, 'name')?.value
    if (typeof name === 'string' && name !== '') return `${/^[AEIOU]/.test(name) ? 'an' : 'a'} ${name}`
  }
  return 'an object of an unknown class'
}
