/**
 * Kinds of memory: ArrayBuffers and all views on them. What of a buffer is stored is memory.ts's business.
 */
import { types } from 'node:util'
import { type AnyKind, kind } from './kind.ts'
import { isListOnly, printed } from './listing.ts'
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
    isNode: true,
    pack: packBuffer,
    make: ([leaf], making) => making.leaf(leaf),
  }),
  kind<DataView>({
    name: 'DataView',
    prototype: DataView.prototype,
    is: types.isDataView,
    isNode: true,
    pack: packView,
    make: ([buffer, offset, length], making) =>
      new DataView(making.buffer(buffer), offset as number, length as number),
  }),
  kind<Buffer>({
    name: 'Buffer',
    prototype: Buffer.prototype,
    is: types.isUint8Array,
    isNode: true,
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
      isNode: true,
      pack: packView,
      keys: (array) => namedKeys(array, (buffer, offset, length) => new maker(buffer, offset, length)),
      make: ([buffer, offset, length], making) =>
        new maker(making.buffer(buffer), offset as number, (length as number) / size),
    })
  }),
]

type Again = (buffer: ArrayBuffer, offset: number, length: number) => TypedArray

/** Own keys of a typed array but its indices. `again` makes another view of the same kind. */
function namedKeys(array: TypedArray, again: Again): readonly (string | symbol)[] {
  const [buffer, offset, length] = viewed.map((get) => get.call(array)) as [ArrayBuffer, number, number]
  if (length > 200 && isListOnly(array, printed(again(buffer, offset, length)))) return []
  return Reflect.ownKeys(array).slice(length)
}
