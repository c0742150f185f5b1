/**
 * What a kind of node is: how it is recognised, what it holds beside its properties, and how an empty one is made and
 * filled. A kind is a brand the engine vouches for and exactly the usual prototype; anything else is an instance of a
 * class.
 */
import type { Making, Packing, Slot } from './nodes.ts'

export interface Kind<T extends object> {
  readonly name: string
  readonly prototype: object | null
  is(object: object): boolean
  pack(object: T, packing: Packing): readonly Slot[]
  /** The properties to store, where not all own ones. */
  keys?(object: T, contents: readonly Slot[]): readonly (string | symbol)[]
  /** Own accessors of the engine that stand for a value. */
  readonly accessors?: Readonly<Record<string, PropertyDescriptor>>
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

/** So that the members of a kind agree about what it is a kind of. */
export const kind = <T extends object>(kind: Kind<T>): AnyKind => kind

export const nothing: readonly Slot[] = []

export function text(value: unknown): string {
  if (typeof value !== 'string') throw new Error('expected text')
  return value
}
