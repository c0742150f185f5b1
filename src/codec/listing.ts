/**
 * Whether a long list has properties of its own beside its elements. Listing all keys makes a string for each element:
 * 100 ns for each of many. Printing none of the elements shows the other properties as well, in a microsecond or two.
 */
import { inspect } from 'node:util'

/** What printing a list asks it for. */
const asked = ['BYTES_PER_ELEMENT', 'buffer', 'byteLength', 'byteOffset', 'constructor', 'length']

/** @param usual an array or typed array of the same kind and length that has none. */
export function isListOnly(list: object, usual: string): boolean {
  if (Object.getOwnPropertySymbols(list).length > 0) return false
  const own = Array.isArray(list) ? asked.filter((key) => key !== 'length') : asked
  return !own.some((key) => Object.hasOwn(list, key)) && printed(list) === usual
}

export function printed(list: object): string {
  return inspect(list, {
    maxArrayLength: 0,
    showHidden: true,
    customInspect: false,
    depth: 0,
    getters: false,
  })
}

const SHORT = 50
let two: string | undefined

/** For arrays, whose one other own property is `length`. */
export function isOnlyElements(array: readonly unknown[]): boolean {
  const { length } = array
  if (length <= SHORT) return Reflect.ownKeys(array).length === length + 1
  two ??= printed([0, 0])
  return isListOnly(array, two.replaceAll('2', String(length)))
}
