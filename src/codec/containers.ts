/**
 * Kinds whose contents may be in a cycle with them: ordinary objects, arrays, Maps and Sets.
 */
import { types } from 'node:util'
import { type AnyKind, kind, nothing } from './kind.ts'
import { isExotic } from './plain.ts'

const isOrdinary = (object: object) => !Array.isArray(object) && !isExotic(object)

export const containers: readonly AnyKind[] = [
  kind<object>({
    name: 'object',
    prototype: Object.prototype,
    is: isOrdinary,
    pack: () => nothing,
    make: () => ({}),
    fill: () => {},
  }),
  kind<object>({
    name: 'null',
    prototype: null,
    is: isOrdinary,
    pack: () => nothing,
    make: () => Object.create(null) as object,
    fill: () => {},
  }),
  kind<unknown[]>({
    name: 'Array',
    prototype: Array.prototype,
    is: Array.isArray,
    // The length, then the elements up to the first that is a hole or has attributes; those after are properties.
    pack: (array) => {
      const contents: unknown[] = [array.length]
      for (let index = 0; index < array.length; index++) {
        const element = Object.getOwnPropertyDescriptor(array, index)
        if (!element?.writable || !element.enumerable || !element.configurable) break
        contents.push(element.value)
      }
      return contents
    },
    step: (_, index) => index - 1,
    keys: (array, contents) => {
      const isResizable = Object.getOwnPropertyDescriptor(array, 'length')!.writable
      const keys = Reflect.ownKeys(array).slice(contents.length - 1)
      return isResizable ? keys.filter((key) => key !== 'length') : keys
    },
    make: () => [],
    fill: (array, contents) => {
      for (let i = 1; i < contents.length; i++) array.push(contents[i])
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
    pack: (map) => {
      const contents: unknown[] = []
      Map.prototype.forEach.call(map, (value, key) => contents.push(key, value))
      return contents
    },
    step: (contents, index) => {
      const place = index >> 1
      if (index % 2 === 0) return ['.keys()', place]
      const key = contents[index - 1]
      return typeof key === 'string' ? ['.get', key] : ['.values()', place]
    },
    make: () => new Map(),
    fill: (map, contents) => {
      if (contents.length % 2 !== 0) throw new Error('a key without a value')
      for (let i = 0; i < contents.length; i += 2) map.set(contents[i], contents[i + 1])
    },
  }),
  kind<Set<unknown>>({
    name: 'Set',
    prototype: Set.prototype,
    is: types.isSet,
    pack: (set) => {
      const contents: unknown[] = []
      Set.prototype.forEach.call(set, (value) => contents.push(value))
      return contents
    },
    step: (_, index) => ['.keys()', index],
    make: () => new Set(),
    fill: (set, contents) => {
      for (const value of contents) set.add(value)
    },
  }),
]
