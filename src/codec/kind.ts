/**
 * What a kind of object is: how it is recognised, what it holds beside its properties, and how one is made again. A
 * kind is a brand the engine vouches for and exactly the usual prototype; anything else is an instance of a class.
 */
import type { Making, Packing, Step } from './nodes.ts'

export interface Kind<T extends object> {
  readonly name: string
  readonly prototype: object | null
  is(object: object): boolean
  /** Always a node, because its contents are known only when everything else is packed. */
  readonly isNode?: true
  /** What it holds: primitives, or anything at all if it has `fill`. */
  pack(object: T, packing: Packing): readonly unknown[]
  /** The step to one of the contents. */
  step?(contents: readonly unknown[], index: number): Step
  /** The properties to store, where not all own ones. */
  keys?(object: T, contents: readonly unknown[]): readonly (string | symbol)[]
  /** Own accessors of the engine that stand for a value. */
  readonly accessors?: Readonly<Record<string, PropertyDescriptor>>
  /** Of the contents; with `fill`, an empty one. */
  make(contents: readonly unknown[], making: Making): T
  /** For contents that may be in a cycle with the object. */
  fill?(object: T, contents: readonly unknown[]): void
}

export type AnyKind = Kind<any>

/** So that the members of a kind agree about what it is a kind of. */
export const kind = <T extends object>(kind: Kind<T>): AnyKind => kind

export const nothing: readonly unknown[] = []

export function text(value: unknown): string {
  if (typeof value !== 'string') throw new Error('expected text')
  return value
}

/** Whether a getter of the engine's takes the object for one of its own. */
export function isBranded(ask: () => unknown): boolean {
  try {
    ask()
    return true
  } catch {
    return false
  }
}
