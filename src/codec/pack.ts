/**
 * Any supported value as a table of nodes: one node per object, so that cycles, shared references and any depth need
 * no special case and nothing recurses. unpack.ts does the reverse; kinds.ts says what each kind of object holds.
 *
 * Promises that what it returns stands for exactly this value, or throws a `CodecError` that names the path. It never
 * invokes a getter, a proxy's trap or any other code of the value, but for the `encode` of a registered class.
 */
import { types } from 'node:util'
import { CodecError } from '../errors.ts'
import { atomKindOf } from './atoms.ts'
import { classOf } from './classes.ts'
import { fillingOrder } from './components.ts'
import type { AnyKind } from './kind.ts'
import { kindOf } from './kinds.ts'
import { packMemory } from './memory.ts'
import {
  ACCESSOR,
  CONFIGURABLE,
  DEFAULT,
  ENUMERABLE,
  type Node,
  nowhere,
  type Packing,
  type Slot,
  type Step,
  WRITABLE,
  written,
} from './nodes.ts'
import { isWellFormed } from './plain.ts'

export interface Packed {
  readonly root: Slot
  readonly kinds: readonly string[]
  readonly nodes: readonly Node[]
  /** The bytes of ArrayBuffers and the like, which are stored as they are. */
  readonly leaves: readonly Uint8Array[]
}

interface Walk extends Packing {
  readonly nodes: Node[]
  /** The node being packed. */
  current: number
}

const searchParamsOf = Object.getOwnPropertyDescriptor(URL.prototype, 'searchParams')!.get!

/** @param flawOf says what is wrong with a node for whoever cannot store all kinds. */
export function pack(value: unknown, flawOf?: (kind: string, node: Node) => string | undefined): Packed {
  const numbers = new Map<unknown, number>()
  const queue: unknown[] = []
  const parents: number[] = []
  const steps: Step[] = []
  const kinds = new Map<string, number>()
  const leaves: Uint8Array[] = []
  const nodes: Node[] = []
  const walk: Walk = {
    nodes,
    current: -1,
    buffers: new Map(),
    urls: [],
    slot: (member, step) => {
      if (isInline(member)) return member
      let number = numbers.get(member)
      if (number === undefined) {
        number = queue.length
        numbers.set(member, number)
        queue.push(member)
        parents.push(walk.current)
        steps.push(step)
      }
      return [number]
    },
    kind: (name) => {
      let place = kinds.get(name)
      if (place === undefined) {
        place = kinds.size
        kinds.set(name, place)
      }
      return place
    },
    leaf: (bytes) => leaves.push(bytes) - 1,
    refuse: (what) => {
      let path = ''
      for (let at = walk.current; at >= 0; at = parents[at]!) path = written(steps[at]!) + path
      throw new CodecError('ERR_UNENCODABLE', `cannot store ${what}`, `result${path}`)
    },
  }
  const root = walk.slot(value, nowhere)
  // The queue grows while it is walked.
  for (let number = 0; number < queue.length; number++) {
    walk.current = number
    const node = packNode(walk, queue[number])
    nodes.push(node)
    const flaw = flawOf?.([...kinds.keys()][node[0]]!, node)
    if (flaw !== undefined) walk.refuse(flaw)
  }
  for (const url of walk.urls) {
    // The getter gives the same object each time, which changes the URL when it is changed.
    const params = numbers.get(searchParamsOf.call(url))
    if (params === undefined) continue
    walk.current = params
    walk.refuse('a URLSearchParams beside the URL it belongs to')
  }
  packMemory(walk, nodes)
  const classKind = kinds.get('class')
  if (classKind !== undefined) {
    const { cyclic } = fillingOrder(nodes, classKind)
    if (cyclic !== undefined) {
      walk.current = cyclic
      walk.refuse(`${describe(queue[cyclic])} whose encoded state contains itself`)
    }
  }
  return { root, kinds: [...kinds.keys()], nodes, leaves }
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
    return [walk.kind(atom.name), true, contents]
  }
  if (types.isProxy(value)) return walk.refuse('a Proxy')
  const kind = kindOf(value)
  return kind === undefined ? packInstance(walk, value) : packObject(walk, value, kind)
}

function packObject(walk: Walk, object: object, kind: AnyKind): Node {
  const contents = kind.pack(object, walk)
  const node: Slot[] = [walk.kind(kind.name), Object.isExtensible(object), contents]
  for (const key of kind.keys?.(object, contents) ?? Reflect.ownKeys(object)) {
    const property = Object.getOwnPropertyDescriptor(object, key)!
    let { value } = property
    let attributes = attributesOf(property)
    if (property.get !== undefined || property.set !== undefined) {
      const usual = typeof key === 'string' ? kind.accessors?.[key] : undefined
      if (usual === undefined || property.get !== usual.get || property.set !== usual.set)
        return refuseAt(walk, 'an accessor', key)
      value = usual.get!.call(object)
      attributes |= ACCESSOR
    }
    if (attributes !== DEFAULT) node.push(attributes)
    node.push(walk.slot(key, key), walk.slot(value, key))
  }
  return node as unknown as Node
}

function attributesOf(property: PropertyDescriptor): number {
  return (
    // An accessor that stands for a value can be written.
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
  const contents = [cls.name, cls.version, state].map((part) => walk.slot(part, nowhere))
  return [walk.kind('class'), true, contents]
}

function refuseAt(walk: Walk, what: string, step: Step): never {
  // A symbol nobody else has gives the path a step of its own.
  walk.current = (walk.slot(Symbol(), step) as [number])[0]
  return walk.refuse(what)
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
