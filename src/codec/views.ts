/**
 * Kinds of memory: ArrayBuffers and all views on them. What of a buffer is stored is memory.ts's business.
 */
import { inspect, types } from 'node:util'
import { type AnyKind, kind } from './kind.ts'
import { packBuffer, packView } from './memory.ts'

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
const viewed = ['buffer', 'byteOffset', 'length'].map(
  (name) => Object.getOwnPropertyDescriptor(typedArrayPrototype, name)!.get!,
)

export const views: readonly AnyKind[] = [
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
    keys: (buffer) => namedKeys(buffer, Buffer.from),
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
      keys: (array) => namedKeys(array, (buffer, offset, length) => new maker(buffer, offset, length)),
      make: ([buffer, offset, length], making) =>
        new maker(making.buffer(buffer), offset as number, (length as number) / size),
    })
  }),
]

type Again = (buffer: ArrayBuffer, offset: number, length: number) => TypedArray

/** What printing an array asks it for. */
const asked = ['BYTES_PER_ELEMENT', 'buffer', 'byteLength', 'byteOffset', 'constructor', 'length']

/** Own keys of a typed array but its indices. `again` makes another view of the same kind. */
function namedKeys(array: TypedArray, again: Again): readonly (string | symbol)[] {
  const [buffer, offset, length] = viewed.map((get) => get.call(array)) as [ArrayBuffer, number, number]
  const isSafe =
    Object.getOwnPropertySymbols(array).length === 0 && !asked.some((key) => Object.hasOwn(array, key))
  // Listing the keys makes a string for each element. Printing none of the elements shows other properties as well.
  if (length > 1000 && isSafe && printed(array) === printed(again(buffer, offset, length))) return []
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
