/**
 * All kinds, by what they recognise and by the name they are stored under.
 */
import { containers } from './containers.ts'
import { errors } from './errors.ts'
import type { AnyKind } from './kind.ts'
import { scalars } from './scalars.ts'
import { temporal } from './temporal.ts'
import { views } from './views.ts'

const kinds: readonly AnyKind[] = [...containers, ...scalars, ...temporal, ...errors, ...views]
const byPrototype: ReadonlyMap<object | null, AnyKind> = new Map(kinds.map((kind) => [kind.prototype, kind]))
const byName: ReadonlyMap<string, AnyKind> = new Map(kinds.map((kind) => [kind.name, kind]))

export function kindOf(object: object): AnyKind | undefined {
  const kind = byPrototype.get(Object.getPrototypeOf(object))
  return kind?.is(object) ? kind : undefined
}

export function kindNamed(name: string): AnyKind | undefined {
  return byName.get(name)
}
