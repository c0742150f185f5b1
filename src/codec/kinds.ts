/**
 * The kinds of things a node can be: how each is recognised, what it holds beside its properties, and how an empty
 * one is made and filled. A kind is a brand the engine vouches for and exactly the usual prototype; anything else is
 * an instance of a class.
 */
import { inspect, types } from 'node:util'
import { packBuffer, packView } from './memory.ts'
import { type Making, nowhere, type Packing, type Slot } from './nodes.ts'
import { isExotic } from './plain.ts'

export interface Kind<T extends object> {
  readonly name: string
  readonly prototype: object | null
  is(object: object): boolean
  pack(object: T, packing: Packing): readonly Slot[]
  /** The properties to store, where not all own ones. */
  keys?(object: T, contents: readonly Slot[]): readonly (string | symbol)[]
  /** Own accessors of the engine that stand for a value. */
  readonly accessors?: Readonly<Record<string, () => unknown>>
  make(contents: readonly Slot[], making: Making): T
  /** For contents that may be in a cycle with the object. */
  fill?(object: T, contents: readonly Slot[], resolve: (slot: Slot) => unknown): void
}

export type AnyKind = Kind<any>

/** A primitive that a slot cannot hold as it is. `pack` gives undefined for what cannot be stored at all. */
export interface AtomKind {
  readonly name: string
  readonly is?: never
  pack(value: any, packing: Packing): readonly Slot[] | undefined
  make(contents: readonly Slot[], making: Making): unknown
}

const kind = <T extends object>(kind: Kind<T>): AnyKind => kind
const nothing: readonly Slot[] = []

// Primitives ----------------------------------------------------------------------------------------------------

const wellKnown: ReadonlyMap<symbol, string> = new Map(
  Object.getOwnPropertyNames(Symbol).flatMap((name) => {
    const value: unknown = Object.getOwnPropertyDescriptor(Symbol, name)!.value
    return typeof value === 'symbol' ? [[value, name] as const] : []
  }),
)

const atoms: Readonly<Record<'number' | 'bigint' | 'string' | 'symbol', AtomKind>> = {
  number: { name: '-0', pack: () => nothing, make: () => -0 },
  bigint: {
    name: 'bigint',
    pack: (value: bigint) => [value < 0n, (value < 0n ? -value : value).toString(16)],
    make: ([isNegative, hex]) => {
      const value = BigInt(`0x${text(hex)}`)
      return isNegative === true ? -value : value
    },
  },
  string: {
    name: 'utf16',
    pack: (value: string, { leaf }) => [leaf(Buffer.from(value, 'utf16le'))],
    make: ([leaf], making) => Buffer.from(making.leaf(leaf)).toString('utf16le'),
  },
  symbol: {
    name: 'symbol',
    pack: (value: symbol, { slot }) => {
      const name = wellKnown.get(value)
      if (name !== undefined) return [true, name]
      const key = Symbol.keyFor(value)
      return key === undefined ? undefined : [false, slot(key, nowhere)]
    },
    make: ([isWellKnown, slot], { atom }) => {
      const name = text(atom(slot))
      if (isWellKnown !== true) return Symbol.for(name)
      for (const [symbol, known] of wellKnown) if (known === name) return symbol
      throw new Error(`no Symbol.${name}`)
    },
  },
}

export function atomKindOf(value: unknown): AtomKind | undefined {
  const type = typeof value
  return Object.hasOwn(atoms, type) ? atoms[type as keyof typeof atoms] : undefined
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new Error('expected text')
  return value
}

// Objects -------------------------------------------------------------------------------------------------------

const isOrdinary = (object: object) => !Array.isArray(object) && !isExotic(object)

const ordinary: readonly AnyKind[] = [
  kind<object>({
    name: 'object',
    prototype: Object.prototype,
    is: isOrdinary,
    pack: () => nothing,
    make: () => ({}),
  }),
  kind<object>({
    name: 'null',
    prototype: null,
    is: isOrdinary,
    pack: () => nothing,
    make: () => Object.create(null) as object,
  }),
  kind<unknown[]>({
    name: 'Array',
    prototype: Array.prototype,
    is: Array.isArray,
    // The length, then the elements up to the first that is a hole or has attributes; those after are properties.
    pack: (array, { slot }) => {
      const contents: Slot[] = [array.length]
      for (let index = 0; index < array.length; index++) {
        const element = Object.getOwnPropertyDescriptor(array, index)
        if (!element?.writable || !element.enumerable || !element.configurable) break
        contents.push(slot(element.value, index))
      }
      return contents
    },
    keys: (array, contents) => {
      const isResizable = Object.getOwnPropertyDescriptor(array, 'length')!.writable
      const keys = Reflect.ownKeys(array).slice(contents.length - 1)
      return isResizable ? keys.filter((key) => key !== 'length') : keys
    },
    make: () => [],
    fill: (array, contents, resolve) => {
      for (let i = 1; i < contents.length; i++) array.push(resolve(contents[i]))
      const length: unknown = contents[0]
      if (typeof length !== 'number' || length < array.length)
        throw new Error('an array longer than its length')
      array.length = length
    },
  }),
]

const collections: readonly AnyKind[] = [
  kind<Map<unknown, unknown>>({
    name: 'Map',
    prototype: Map.prototype,
    is: types.isMap,
    pack: (map, { slot }) =>
      [...Map.prototype.entries.call(map)].flatMap(([key, value], index) => [
        slot(key, ['.keys()', index]),
        slot(value, typeof key === 'string' ? ['.get', key] : ['.values()', index]),
      ]),
    make: () => new Map(),
    fill: (map, contents, resolve) => {
      for (let i = 0; i < contents.length; i += 2) map.set(resolve(contents[i]), resolve(contents[i + 1]))
    },
  }),
  kind<Set<unknown>>({
    name: 'Set',
    prototype: Set.prototype,
    is: types.isSet,
    pack: (set, { slot }) =>
      [...Set.prototype.values.call(set)].map((value, index) => slot(value, ['.keys()', index])),
    make: () => new Set(),
    fill: (set, contents, resolve) => {
      for (const slot of contents) set.add(resolve(slot))
    },
  }),
]

// Values with hidden contents -----------------------------------------------------------------------------------

const regExpGetter = (name: string) => Object.getOwnPropertyDescriptor(RegExp.prototype, name)?.get
const regExpSource = regExpGetter('source')!
/** By letter and property, because the `flags` getter asks properties that a RegExp may have of its own. */
const regExpFlags = Object.entries({
  d: 'hasIndices',
  g: 'global',
  i: 'ignoreCase',
  m: 'multiline',
  s: 'dotAll',
  u: 'unicode',
  v: 'unicodeSets',
  y: 'sticky',
}).map(([flag, name]) => [flag, regExpGetter(name)] as const)

const hrefOf = Object.getOwnPropertyDescriptor(URL.prototype, 'href')!.get!

const scalars: readonly AnyKind[] = [
  kind<Date>({
    name: 'Date',
    prototype: Date.prototype,
    is: types.isDate,
    pack: (date) => [Date.prototype.getTime.call(date)],
    make: ([time]) => new Date(time as number),
  }),
  kind<RegExp>({
    name: 'RegExp',
    prototype: RegExp.prototype,
    is: types.isRegExp,
    // lastIndex is a property.
    pack: (regExp, { slot }) => [
      slot(regExpSource.call(regExp), nowhere),
      regExpFlags.map(([flag, get]) => (get?.call(regExp) ? flag : '')).join(''),
    ],
    make: ([source, flags], { atom }) => new RegExp(text(atom(source)), text(flags)),
  }),
  kind<URL>({
    name: 'URL',
    prototype: URL.prototype,
    is: (object) => isBranded(() => hrefOf.call(object)),
    pack: (url, { urls }) => {
      urls.push(url)
      return [hrefOf.call(url)]
    },
    make: ([href]) => new URL(text(href)),
  }),
  kind<URLSearchParams>({
    name: 'URLSearchParams',
    prototype: URLSearchParams.prototype,
    is: (object) => isBranded(() => URLSearchParams.prototype.toString.call(object)),
    pack: (params) => [...URLSearchParams.prototype.entries.call(params)].flat(),
    make: (contents) => {
      const params = new URLSearchParams()
      for (let i = 0; i < contents.length; i += 2) params.append(text(contents[i]), text(contents[i + 1]))
      return params
    },
  }),
  boxed(Boolean, types.isBooleanObject),
  boxed(Number, types.isNumberObject),
  boxed(String, types.isStringObject),
  boxed(BigInt, types.isBigIntObject),
  boxed(Symbol, types.isSymbolObject),
]

function boxed(
  wrapper: { readonly name: string; readonly prototype: { valueOf(): unknown } },
  is: (object: object) => boolean,
): AnyKind {
  return kind<object>({
    name: wrapper.name,
    prototype: wrapper.prototype,
    is,
    pack: (object, { slot }) => [slot(wrapper.prototype.valueOf.call(object), nowhere)],
    keys: (object) => {
      const keys = Reflect.ownKeys(object)
      if (wrapper.name !== 'String') return keys
      const { length } = String.prototype.valueOf.call(object)
      // The characters come first.
      return keys.slice(length).filter((key) => key !== 'length')
    },
    make: ([slot], { atom }) => {
      const value = atom(slot)
      if (typeof value !== wrapper.name.toLowerCase()) throw new Error(`not a ${wrapper.name}`)
      return Object(value) as object
    },
  })
}

function isBranded(ask: () => unknown): boolean {
  try {
    ask()
    return true
  } catch {
    return false
  }
}

// Errors --------------------------------------------------------------------------------------------------------

/** Newer engines give errors a `stack` that is an accessor; older ones, a value. */
const stackOf = Object.getOwnPropertyDescriptor(new Error(), 'stack')?.get

const errors: readonly AnyKind[] = [
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
  AggregateError,
].map((maker) =>
  kind<Error>({
    name: maker.name,
    prototype: maker.prototype,
    is: types.isNativeError,
    // Message, stack, cause and errors are properties.
    pack: () => nothing,
    ...(stackOf === undefined ? {} : { accessors: { stack: stackOf } }),
    make: () => {
      const error = maker === AggregateError ? new AggregateError([]) : new (maker as ErrorConstructor)()
      for (const key of Reflect.ownKeys(error)) Reflect.deleteProperty(error, key)
      return error
    },
  }),
)

// Bytes ---------------------------------------------------------------------------------------------------------

type TypedArray = Uint8Array | Float64Array
type TypedArrayConstructor = new (buffer: ArrayBuffer, offset: number, length: number) => TypedArray

const typedArrayNames = [
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'BigInt64Array',
  'BigUint64Array',
  'Float16Array',
  'Float32Array',
  'Float64Array',
]
const typedArrayPrototype: object = Object.getPrototypeOf(Uint8Array.prototype)
const typedArrayName = Object.getOwnPropertyDescriptor(typedArrayPrototype, Symbol.toStringTag)!.get!
const typedArrayLength = Object.getOwnPropertyDescriptor(typedArrayPrototype, 'length')!.get!

const bytes: readonly AnyKind[] = [
  kind<ArrayBuffer>({
    name: 'ArrayBuffer',
    prototype: ArrayBuffer.prototype,
    is: types.isArrayBuffer,
    pack: packBuffer,
    make: ([leaf], making) => making.leaf(leaf),
  }),
  kind<DataView>({
    name: 'DataView',
    prototype: DataView.prototype,
    is: types.isDataView,
    pack: packView,
    make: ([buffer, offset, length], making) =>
      new DataView(making.buffer(buffer), offset as number, length as number),
  }),
  kind<Buffer>({
    name: 'Buffer',
    prototype: Buffer.prototype,
    is: types.isUint8Array,
    pack: packView,
    keys: (buffer) => namedKeys(buffer),
    make: ([buffer, offset, length], making) =>
      Buffer.from(making.buffer(buffer), offset as number, length as number),
  }),
  ...typedArrayNames.flatMap((name) => {
    const maker = (globalThis as unknown as Record<string, TypedArrayConstructor | undefined>)[name]
    if (maker === undefined) return []
    const { BYTES_PER_ELEMENT: size } = maker as unknown as { BYTES_PER_ELEMENT: number }
    return kind<TypedArray>({
      name,
      prototype: maker.prototype as object,
      is: (object) => typedArrayName.call(object) === name,
      pack: packView,
      keys: (array) => namedKeys(array),
      make: ([buffer, offset, length], making) =>
        new maker(making.buffer(buffer), offset as number, (length as number) / size),
    })
  }),
]

/** Own keys of a typed array but its indices. */
function namedKeys(array: TypedArray): readonly (string | symbol)[] {
  const length = typedArrayLength.call(array) as number
  // Listing the keys makes a string for each element. Printing no elements does not, and shows other properties.
  if (length > 1000 && printed(array) === printed(array.subarray(0))) return []
  return Reflect.ownKeys(array).slice(length)
}

function printed(array: TypedArray): string {
  return inspect(array, {
    maxArrayLength: 0,
    showHidden: true,
    customInspect: false,
    depth: 0,
    getters: false,
  })
}

// Look-up -------------------------------------------------------------------------------------------------------

const kinds: readonly AnyKind[] = [...ordinary, ...collections, ...scalars, ...errors, ...bytes]
const byPrototype: ReadonlyMap<object | null, AnyKind> = new Map(kinds.map((kind) => [kind.prototype, kind]))
const byName: ReadonlyMap<string, AnyKind | AtomKind> = new Map(
  [...kinds, ...Object.values(atoms)].map((kind) => [kind.name, kind]),
)

export function kindOf(object: object): AnyKind | undefined {
  const kind = byPrototype.get(Object.getPrototypeOf(object))
  return kind?.is(object) ? kind : undefined
}

export function kindNamed(name: string): AnyKind | AtomKind | undefined {
  return byName.get(name)
}

export function isAtom(kind: AnyKind | AtomKind): kind is AtomKind {
  return kind.is === undefined
}
