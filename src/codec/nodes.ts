/**
 * The words that packing, unpacking and the kinds share: how a value is laid out, and how a path is written.
 *
 * A value is written in place, except for nodes, which have a number and are mentioned by it: what is there more than
 * once, what is nested too deep to recurse, memory, and instances of registered classes.
 */

/** Neither side nests its CBOR deeper than this; what is deeper becomes a node. */
export const MAX_DEPTH = 200

/** First bytes of items beyond plain CBOR, which has the first two of these tags, too. */
export const TAG = {
  /** A byte string, a natural number. */
  natural: 0xc2,
  /** The same, for the number -1 - n. */
  negative: 0xc3,
  /** A byte string: UTF-16, little-endian, of text that is not well-formed. */
  utf16: 0xc6,
  /** Text: the key of a registered symbol. */
  symbol: 0xc7,
  /** Text: the name of a well-known symbol. */
  wellKnown: 0xc8,
  /** `[kind, contents, extensible, ...properties]`: an object that is more than a map or an array. */
  object: 0xc9,
  /** The number of a node. */
  node: 0xca,
  /** A number: a Date without properties, by its time. */
  date: 0xcc,
  /** Only at the beginning: nodes before the value, and leaves after it. */
  packed: 0xcb,
} as const

export const WRITABLE = 1
export const ENUMERABLE = 2
export const CONFIGURABLE = 4
/** An accessor of the engine's that stands for a value, where the engine has it. */
export const ACCESSOR = 8

/** One step of a path: a property, or a place in a collection such as `.keys()[3]` or `.get("a")`. */
export type Step = PropertyKey | readonly [collection: string, place: number | string]

/** The step to what is not a part but the thing itself. */
export const nowhere: Step = ['', -1]

/** How a step is written in a path, as in a FreezeError. */
export function written(step: Step): string {
  if (typeof step === 'object') {
    const [collection, place] = step
    if (step === nowhere) return ''
    return typeof place === 'string' ? `${collection}(${JSON.stringify(place)})` : `${collection}[${place}]`
  }
  if (typeof step === 'number' || (typeof step === 'string' && /^(0|[1-9]\d*)$/.test(step)))
    return `[${step}]`
  if (typeof step === 'symbol') return `[${String(step)}]`
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`
}

/** Who uses a buffer. The contents of their nodes are completed when all users are known. */
export interface BufferUsers {
  /** Number and contents of the buffer's own node. */
  own: { readonly node: number; readonly contents: unknown[] } | undefined
  readonly views: {
    readonly from: number
    readonly to: number
    readonly isBuffer: boolean
    readonly contents: unknown[]
  }[]
}

/** What a kind may ask for while it packs an object. */
export interface Packing {
  /** The number of the node that is being packed. */
  current(): number
  /** Make a node of a part. */
  node(part: object, step: Step): number
  leaf(bytes: Uint8Array): number
  /** Where the object is, in words. */
  path(): string
  refuse(what: string): never
  readonly buffers: Map<ArrayBuffer, BufferUsers>
  readonly urls: URL[]
  /** With the path of each. */
  readonly params: Map<unknown, string>
}

/** What a kind may ask for while an object is made. Each throws when the contents are not what they should be. */
export interface Making {
  buffer(node: unknown): ArrayBuffer
  leaf(index: unknown): ArrayBuffer
}
