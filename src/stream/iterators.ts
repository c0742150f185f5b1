/**
 * Iterators of the language that ask, for each value, whatever they go through: array iterators, and what iterator helpers
 * give (`iterator.map(f)`). So a genuine one can be made that goes through a source of ours. Those of Maps, Sets and
 * strings ask nobody, and cannot.
 */

/** What is gone through. */
export interface Source {
  next(): IteratorResult<unknown>
  /** Whoever takes no more of it says so, where this iterator has a `return`. */
  return(): unknown
}

export type IteratorName = 'Array Iterator' | 'Iterator Helper'

interface Maker {
  readonly prototype: object
  /** As they are when this is loaded: of one of the function's, whatever a program puts in their place. */
  readonly next: () => IteratorResult<unknown>
  readonly return: () => unknown
  make(source: Source): object
}

const { apply, get } = Reflect
const { values } = Array.prototype

function ofArray({ next }: Source): object {
  let held: unknown
  let isOver = false
  const give = (_: object, key: string | symbol): unknown => {
    if (key === 'length') {
      // V8 asks again after the end
      if (isOver) return 0
      const step = next()
      held = step.value
      isOver = step.done === true
      return isOver ? 0 : Number.POSITIVE_INFINITY
    }
    const value = held
    held = undefined
    return value
  }
  // it asks for the length and then, unless that is reached, for the element
  return apply(values, new Proxy({}, { get: give }), [])
}

function makerOf(example: object, make: Maker['make']): Maker {
  const prototype = Object.getPrototypeOf(example) as object
  const nothing = (): unknown => undefined
  return {
    prototype,
    next: get(prototype, 'next') as Maker['next'],
    return: (get(prototype, 'return') as Maker['return'] | undefined) ?? nothing,
    make,
  }
}

type Mapping = (this: object, each: (value: unknown) => unknown) => object

function allMakers(): ReadonlyMap<unknown, Maker> {
  const array = makerOf([].values(), ofArray)
  const all = new Map<unknown, Maker>([['Array Iterator', array]])
  // younger than Node 20
  const map = get(array.prototype, 'map') as Mapping | undefined
  if (map === undefined) return all
  const through = (source: object): object => apply(map, source, [(value: unknown) => value])
  return all.set('Iterator Helper', makerOf(through([].values()), through))
}

const MAKERS = allMakers()

/** Which of them a value is, untouched. */
export function iteratorName(value: object): IteratorName | undefined {
  const above: unknown = Object.getPrototypeOf(value)
  for (const [name, { prototype }] of MAKERS)
    if (above === prototype && Reflect.ownKeys(value).length === 0) return name as IteratorName
  return undefined
}

export const isIteratorName = (name: unknown): name is IteratorName => MAKERS.has(name)

/** One of that name that goes through the source. */
export const iteratorOf = (name: IteratorName, source: Source): object => MAKERS.get(name)!.make(source)

/** What one of that name gives, without what a program made of its methods. */
export function sourceOf(name: IteratorName, iterator: object): Source {
  const maker = MAKERS.get(name)!
  return {
    next: () => apply(maker.next, iterator, []),
    return: () => apply(maker.return, iterator, []),
  }
}
