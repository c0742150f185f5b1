/**
 * Kinds whose contents may be in a cycle with them: ordinary objects, arrays, Maps and Sets.
 */
import { types } from 'node:util'
import { type AnyKind, kind, nothing } from './kind.ts'
import type { Slot } from './nodes.ts'
import { isExotic } from './plain.ts'

const isOrdinary = (object: object) => !Array.isArray(object) && !isExotic(object)

export const containers: readonly AnyKind[] = [
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
