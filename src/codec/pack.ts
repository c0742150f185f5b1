/**
 * Any supported value as bytes, in one walk that checks and writes: plain parts in place as maps and arrays, other
 * objects in place with their kind, and nodes in a queue of their own (nodes.ts), so that cycles and any depth need no
 * special case. unpack.ts does the reverse; kinds.ts says what each kind of object holds.
 *
 * Promises that what it returns stands for exactly this value, or throws a `CodecError` that names the path. It never
 * invokes a getter, a proxy's trap or any other code of the value, but for the `encode` of a registered class.
 */
import { types } from 'node:util'
import { messageOf } from '../errors.ts'
import { classOf } from './classes.ts'
import { fillingOrder } from './components.ts'
import type { AnyKind } from './kind.ts'
import { kindOf } from './kinds.ts'
import { isOnlyElements } from './listing.ts'
import { packMemory } from './memory.ts'
import {
  ACCESSOR,
  CONFIGURABLE,
  ENUMERABLE,
  MAX_DEPTH,
  nowhere,
  type Packing,
  type Step,
  TAG,
  WRITABLE,
  written,
} from './nodes.ts'
import { isDefault, isExotic } from './plain.ts'
import { describe, refusal, unstorable } from './refusal.ts'
import { wellKnownName } from './symbols.ts'
import {
  finished,
  MAJOR,
  newWriter,
  release,
  type Writer,
  writeByte,
  writeHead,
  writeNumber,
  writePrimitive,
  writeText,
} from './writer.ts'

const { getPrototypeOf, getOwnPropertyDescriptor, getOwnPropertyNames, getOwnPropertySymbols, isExtensible } =
  Object

export interface Packed {
  /** The value, after its nodes. */
  readonly items: readonly Uint8Array[]
  readonly kinds: readonly string[]
  /** By node: its kind, and the contents it is made of. */
  readonly heads: readonly (readonly [kind: number, contents: readonly unknown[]])[]
  /** The bytes of ArrayBuffers, which are stored as they are. */
  readonly leaves: readonly Uint8Array[]
}

/** What is wrong with a part, for whoever cannot store everything. */
export type FlawOf = (kind: string, part: unknown, keys: readonly PropertyKey[]) => string | undefined

interface Walk {
  readonly writer: Writer
  readonly seen: Set<object>
  /** What a walk in vain has learnt. */
  readonly earlier: Graph | undefined
  readonly flawOf: FlawOf | undefined
  /** The node that is being packed, -1 for none. */
  current: number
  /** The steps from there to where the walk is; those beyond the depth of the walk are old. */
  readonly path: Step[]
  /** Where a kind is asked. */
  depth: number
  /** From the first object on that is more than a map or an array. */
  graph: Graph | undefined
}

interface Graph extends Packing {
  inVain: boolean
  /** What is there more than once. */
  readonly twice: Set<object>
  /** Of instances of registered classes, whose `encode` is asked once. */
  readonly states: Map<object, unknown>
  readonly kinds: Map<string, number>
  readonly heads: (readonly [kind: number, contents: readonly unknown[]])[]
  readonly queue: object[]
  readonly numbers: Map<object, number>
  /** By node: the nodes it mentions. */
  readonly mentions: number[][]
  /** By node: what mentioned it first, and the steps from there. */
  readonly origins: { readonly node: number; readonly steps: readonly Step[] }[]
  readonly leaves: Uint8Array[]
}

const searchParamsOf = getOwnPropertyDescriptor(URL.prototype, 'searchParams')!.get!
const arrayPrototype: unknown = Array.prototype
const objectPrototype: unknown = Object.prototype

/** A walk that meets something in place for the second time was in vain, and is done again with what it has learnt. */
export function pack(value: unknown, flawOf?: FlawOf): Packed {
  const first = attempt(value, flawOf)
  const packed = 'inVain' in first ? attempt(value, flawOf, first) : first
  if ('inVain' in packed) throw refusal('a value that changes while it is stored', 'result')
  return packed
}

const none: readonly never[] = []

function attempt(value: unknown, flawOf?: FlawOf, earlier?: Graph): Packed | Graph {
  const walk: Walk = {
    writer: newWriter(),
    seen: new Set(),
    earlier,
    flawOf,
    current: -1,
    path: [nowhere],
    depth: 0,
    graph: undefined,
  }
  item(walk, value, 0)
  const { writer, graph } = walk
  if (graph === undefined) return { items: [finished(writer)], kinds: none, heads: none, leaves: none }
  const size = writer.at
  const ends = packNodes(walk, graph)
  if (graph.inVain) {
    release(writer)
    return graph
  }
  const bytes = finished(writer)
  const { kinds, heads, leaves } = graph
  const bodies = orderOf(walk, graph).map((node) => bytes.subarray(ends[node - 1] ?? size, ends[node]))
  return { items: [...bodies, bytes.subarray(0, size)], kinds: [...kinds.keys()], heads, leaves }
}

function graphOf(walk: Walk): Graph {
  walk.graph ??= {
    buffers: new Map(),
    urls: [],
    params: new Map(),
    current: () => walk.current,
    node: (part, step) => {
      walk.path[walk.depth + 1] = step
      const number = numberOf(walk, part, walk.depth + 1)
      graphOf(walk).mentions[walk.current]!.push(number)
      return number
    },
    leaf: (bytes) => graphOf(walk).leaves.push(bytes) - 1,
    path: () => pathOf(walk, walk.depth),
    refuse: (what) => refuse(walk, what, walk.depth),
    inVain: false,
    twice: new Set(),
    states: walk.earlier?.states ?? new Map(),
    kinds: new Map(),
    heads: [],
    queue: [],
    numbers: new Map(),
    mentions: [],
    origins: [],
    leaves: [],
  }
  return walk.graph
}

function item(walk: Walk, value: unknown, depth: number): void {
  switch (typeof value) {
    case 'object':
      return value === null ? writePrimitive(walk.writer, null) : packObject(walk, value, depth)
    case 'symbol':
      checkFlaw(walk, 'symbol', value, [], depth)
      if (Symbol.keyFor(value) === undefined && wellKnownName(value) === undefined)
        refuse(walk, unstorable(value), depth)
      return writePrimitive(walk.writer, value)
    case 'function':
      return refuse(walk, unstorable(value), depth)
    default:
      return writePrimitive(walk.writer, value)
  }
}

function packObject(walk: Walk, object: object, depth: number): void {
  if (types.isProxy(object)) return refuse(walk, 'a Proxy', depth)
  const { size } = walk.seen
  if (walk.seen.add(object).size === size) return packAgain(walk, object)
  if (depth >= MAX_DEPTH || walk.earlier?.twice.has(object))
    return mention(walk, numberOf(walk, object, depth))
  const prototype: unknown = getPrototypeOf(object)
  if (Array.isArray(object)) {
    if (prototype === arrayPrototype && isPlainArray(object)) return packArray(walk, object, depth)
  } else if (prototype === objectPrototype) {
    const names = getOwnPropertyNames(object)
    const values = plainValues(object, names)
    if (values !== undefined) return packMap(walk, names, values, depth)
  } else if (prototype === Date.prototype && isPlainDate(object)) {
    writeByte(walk.writer, TAG.date)
    return writeNumber(walk.writer, Date.prototype.getTime.call(object))
  }
  const kind = kindOf(object)
  if (kind === undefined || kind.isNode) {
    if (kind === undefined && classOf(object) === undefined) refuse(walk, unstorable(object), depth)
    return mention(walk, numberOf(walk, object, depth))
  }
  writeByte(walk.writer, TAG.object)
  packKind(walk, object, kind, depth, false)
}

function packAgain(walk: Walk, object: object): void {
  const graph = graphOf(walk)
  graph.twice.add(object)
  const number = graph.numbers.get(object)
  if (number === undefined) graph.inVain = true
  else mention(walk, number)
}

function mention(walk: Walk, number: number): void {
  writeByte(walk.writer, TAG.node)
  writeNumber(walk.writer, number)
  if (walk.current >= 0) walk.graph!.mentions[walk.current]!.push(number)
}

// plain data -------------------------------------------------------------------------------------------------------

/** Neither holes nor other properties, and nothing of other than default attributes. */
function isPlainArray(array: readonly unknown[]): boolean {
  const { length } = array
  if (!isExtensible(array) || !isOnlyElements(array)) return false
  if (!getOwnPropertyDescriptor(array, 'length')!.writable) return false
  for (let i = 0; i < length; i++) if (!isDefault(getOwnPropertyDescriptor(array, i))) return false
  return true
}

function packArray(walk: Walk, array: readonly unknown[], depth: number): void {
  const { length } = array
  writeHead(walk.writer, MAJOR.array, length)
  for (let i = 0; i < length; i++) {
    walk.path[depth + 1] = i
    item(walk, array[i], depth + 1)
  }
}

/** The values of an object that has nothing but these properties, all with default attributes. */
function plainValues(object: object, names: readonly string[]): unknown[] | undefined {
  if (!isExtensible(object) || getOwnPropertySymbols(object).length > 0) return
  // Something with hidden contents and no properties, whose prototype was replaced.
  if (names.length === 0 && isExotic(object)) return
  const values = new Array<unknown>(names.length)
  for (let i = 0; i < names.length; i++) {
    const property = getOwnPropertyDescriptor(object, names[i]!)!
    // Readers that assign it would set the prototype.
    if (!isDefault(property) || names[i] === '__proto__') return
    values[i] = property.value
  }
  return values
}

function isPlainDate(object: object): object is Date {
  return types.isDate(object) && isExtensible(object) && Reflect.ownKeys(object).length === 0
}

function packMap(walk: Walk, names: readonly string[], values: readonly unknown[], depth: number): void {
  writeHead(walk.writer, MAJOR.map, names.length)
  for (let i = 0; i < names.length; i++) {
    const name = names[i]!
    writeText(walk.writer, name)
    walk.path[depth + 1] = name
    item(walk, values[i], depth + 1)
  }
}

// everything else --------------------------------------------------------------------------------------------------

/** `[kind, contents, extensible, ...properties]`; a node's kind, and what it is made of, are in its head instead. */
function packKind(walk: Walk, object: object, kind: AnyKind, depth: number, isNode: boolean): void {
  const { writer } = walk
  walk.depth = depth
  const graph = graphOf(walk)
  const contents = kind.pack(object, graph)
  const keys = kind.keys?.(object, contents) ?? Reflect.ownKeys(object)
  checkFlaw(walk, kind.name, object, keys, depth)
  const isExtended = keys.length > 0 || !isExtensible(object)
  writeHead(writer, MAJOR.array, (isNode ? 1 : 2) + (isExtended ? 1 + 3 * keys.length : 0))
  if (isNode) graph.heads.push([placeOf(graph, kind.name), kind.fill === undefined ? contents : []])
  else writeNumber(writer, placeOf(graph, kind.name))
  walk.path[depth + 1] = nowhere
  const stored = isNode && kind.fill === undefined ? [] : contents
  writeHead(writer, MAJOR.array, stored.length)
  for (let i = 0; i < stored.length; i++) {
    walk.path[depth + 2] = kind.step?.(contents, i) ?? nowhere
    item(walk, stored[i], depth + 2)
  }
  if (!isExtended) return
  writeByte(writer, isExtensible(object) ? 0xf5 : 0xf4)
  for (const key of keys) packProperty(walk, object, kind, key, depth + 2)
}

function packProperty(walk: Walk, object: object, kind: AnyKind, key: string | symbol, depth: number): void {
  walk.path[depth] = key
  const property = getOwnPropertyDescriptor(object, key)!
  let { value } = property
  // An accessor that stands for a value can be written.
  let attributes =
    (property.writable === false ? 0 : WRITABLE) |
    (property.enumerable ? ENUMERABLE : 0) |
    (property.configurable ? CONFIGURABLE : 0)
  if (property.get !== undefined || property.set !== undefined) {
    const usual = typeof key === 'string' ? kind.accessors?.[key] : undefined
    if (usual === undefined || property.get !== usual.get || property.set !== usual.set)
      return refuse(walk, 'an accessor', depth)
    value = usual.get!.call(object)
    attributes |= ACCESSOR
  }
  writeNumber(walk.writer, attributes)
  item(walk, key, depth)
  item(walk, value, depth)
}

/** The number of a node's kind in the list of names. */
function placeOf({ kinds }: Graph, name: string): number {
  let place = kinds.get(name)
  if (place === undefined) {
    place = kinds.size
    kinds.set(name, place)
  }
  return place
}

function numberOf(walk: Walk, object: object, depth: number): number {
  const { numbers, queue, mentions, origins } = graphOf(walk)
  const known = numbers.get(object)
  if (known !== undefined) return known
  walk.seen.add(object)
  const number = queue.push(object) - 1
  numbers.set(object, number)
  mentions.push([])
  origins.push({ node: walk.current, steps: walk.path.slice(1, depth + 1) })
  return number
}

/** Write the number and the body of each node. Gives where each ends. */
function packNodes(walk: Walk, graph: Graph): number[] {
  const { writer } = walk
  const { queue, heads } = graph
  const ends: number[] = []
  const end = () => ends.push(writer.at)
  // The queue grows while it is walked.
  for (let number = 0; number < queue.length; number++) {
    const object = queue[number]!
    walk.current = number
    writeNumber(writer, number)
    const kind = types.isProxy(object) ? refuse(walk, 'a Proxy', 0) : kindOf(object)
    if (kind === undefined) packInstance(walk, graph, object)
    else packKind(walk, object, kind, 0, true)
    end()
  }
  for (const url of graph.urls) {
    // The getter gives the same object each time, which changes the URL when it is changed.
    const path = graph.params.get(searchParamsOf.call(url))
    if (path !== undefined) throw refusal('a URLSearchParams beside the URL it belongs to', path)
  }
  packMemory(graph, (contents) => {
    const number = heads.push([placeOf(graph, 'ArrayBuffer'), contents]) - 1
    writeNumber(writer, number)
    writeHead(writer, MAJOR.array, 1)
    writeHead(writer, MAJOR.array, 0)
    end()
    return number
  })
  return ends
}

function packInstance(walk: Walk, graph: Graph, object: object): void {
  const cls = classOf(object)
  if (cls === undefined) return refuse(walk, unstorable(object), 0)
  checkFlaw(walk, 'class', object, [], 0)
  graph.heads.push([placeOf(graph, 'class'), []])
  const { states } = graph
  try {
    if (!states.has(object)) states.set(object, cls.encode(object))
  } catch (error) {
    return refuse(walk, `${describe(object)}, whose encode() threw ${messageOf(error)}`, 0)
  }
  writeHead(walk.writer, MAJOR.array, 3)
  walk.path[1] = nowhere
  for (const part of [cls.name, cls.version, states.get(object)]) item(walk, part, 1)
}

/** The order in which the nodes are to be filled. */
function orderOf(walk: Walk, { kinds, heads, mentions, queue }: Graph): readonly number[] {
  const natural = heads.map((_, number) => number)
  const classKind = kinds.get('class')
  if (classKind === undefined) return natural
  const isInstance = (number: number) => heads[number]![0] === classKind
  const { order, cyclic } = fillingOrder(mentions, isInstance)
  if (cyclic === undefined) return [...order, ...natural.slice(order.length)]
  walk.current = cyclic
  return refuse(walk, `${describe(queue[cyclic])} whose encoded state contains itself`, 0)
}

// refusing ---------------------------------------------------------------------------------------------------------

function checkFlaw(
  walk: Walk,
  kind: string,
  part: unknown,
  keys: readonly PropertyKey[],
  depth: number,
): void {
  const flaw = walk.flawOf?.(kind, part, keys)
  if (flaw !== undefined) refuse(walk, flaw, depth)
}

function refuse(walk: Walk, what: string, depth: number): never {
  throw refusal(what, pathOf(walk, depth))
}

function pathOf({ current, graph, path }: Walk, depth: number): string {
  const steps = path.slice(1, depth + 1)
  for (let at = current; at >= 0; at = graph!.origins[at]!.node) steps.unshift(...graph!.origins[at]!.steps)
  return `result${steps.map(written).join('')}`
}
