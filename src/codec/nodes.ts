/**
 * The words that packing, unpacking and the kinds share: what a table of nodes is made of, and how a path is written.
 */

/** A boolean, null, undefined, a well-formed string or a number but -0 as it is, or `[n]` for node number n. */
export type Slot = unknown

/**
 * One object, or a primitive that a slot cannot hold. The kind is a place in a list of names. Properties are key and
 * value in turn, after a number of attribute bits where they are not the default ones.
 */
export type Node = readonly [
  kind: number,
  extensible: boolean,
  contents: readonly Slot[],
  ...properties: Slot[],
]

export const WRITABLE = 1
export const ENUMERABLE = 2
export const CONFIGURABLE = 4
export const DEFAULT = 7
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
  own: Slot[] | undefined
  readonly views: {
    readonly from: number
    readonly to: number
    readonly isBuffer: boolean
    readonly contents: Slot[]
  }[]
}

/** What a kind may ask for while it packs an object. */
export interface Packing {
  /** The slot of a value, which gets a node if it needs one. */
  slot(value: unknown, step: Step): Slot
  /** The place of a kind in the list of names. */
  kind(name: string): number
  leaf(bytes: Uint8Array): number
  refuse(what: string): never
  readonly buffers: Map<ArrayBuffer, BufferUsers>
  readonly urls: URL[]
}

/** What a kind may ask for while an object is made. Each throws when the contents are not what they should be. */
export interface Making {
  /** What a slot that stands for a primitive stands for. */
  atom(slot: Slot): unknown
  buffer(slot: Slot): ArrayBuffer
  leaf(index: Slot): ArrayBuffer
}
