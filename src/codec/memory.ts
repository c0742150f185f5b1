/**
 * ArrayBuffers and the views on them. Views that share memory keep sharing it, so writing through one shows in the
 * other as it did before. Nothing else of a buffer is stored: a view that is alone on its buffer comes back on a
 * buffer of its own size, and small Buffers do not take Node's pool, which holds other people's bytes, with them.
 *
 * - The buffer itself is part of the value, or several views on it are and not all are Buffers: the whole buffer.
 * - Otherwise: the range that each view, or each run of overlapping Buffers, covers.
 */
import { types } from 'node:util'
import type { BufferUsers, Packing } from './nodes.ts'

/** The getters themselves: an object's own properties may hide them. */
const getter = (prototype: object, name: string): ((this: object) => unknown) | undefined =>
  Object.getOwnPropertyDescriptor(prototype, name)?.get
const ofArray = gettersOf(Object.getPrototypeOf(Uint8Array.prototype))
const ofDataView = gettersOf(DataView.prototype)
const isResizable = getter(ArrayBuffer.prototype, 'resizable')

function gettersOf(prototype: object) {
  const [buffer, byteOffset, byteLength] = ['buffer', 'byteOffset', 'byteLength'].map(
    (name) => getter(prototype, name)!,
  )
  return { buffer: buffer!, byteOffset: byteOffset!, byteLength: byteLength! }
}

/** Contents of an ArrayBuffer's node: `[leaf]`. */
export function packBuffer(buffer: ArrayBuffer, packing: Packing): unknown[] {
  checkBuffer(buffer, packing)
  const contents: unknown[] = []
  usersOf(packing, buffer).own = { node: packing.current(), contents }
  return contents
}

/** Contents of a view's node: `[number of the buffer's node, byteOffset, byteLength]`. */
export function packView(view: ArrayBufferView, packing: Packing): unknown[] {
  const get = types.isDataView(view) ? ofDataView : ofArray
  const buffer = get.buffer.call(view) as ArrayBuffer
  checkBuffer(buffer, packing)
  const from = get.byteOffset.call(view) as number
  const to = from + (get.byteLength.call(view) as number)
  const isUsual = Object.getPrototypeOf(buffer) === ArrayBuffer.prototype && Object.isExtensible(buffer)
  if (!isUsual || Reflect.ownKeys(buffer).length > 0) packing.node(buffer, 'buffer')
  const contents: unknown[] = []
  usersOf(packing, buffer).views.push({ from, to, isBuffer: Buffer.isBuffer(view), contents })
  return contents
}

function usersOf({ buffers }: Packing, buffer: ArrayBuffer): BufferUsers {
  let users = buffers.get(buffer)
  if (users === undefined) {
    users = { own: undefined, views: [] }
    buffers.set(buffer, users)
  }
  return users
}

function checkBuffer(buffer: ArrayBuffer, { refuse }: Packing): void {
  if (!types.isArrayBuffer(buffer)) refuse('a SharedArrayBuffer')
  if (isResizable?.call(buffer)) refuse('a resizable ArrayBuffer')
  try {
    new Uint8Array(buffer)
  } catch {
    refuse('a detached ArrayBuffer')
  }
}

/**
 * Once all nodes are packed: decide what is stored of each buffer, and complete the contents.
 * @param newBuffer makes a node for an ArrayBuffer that is not itself a part of the value.
 */
export function packMemory(
  { buffers, leaf }: Packing,
  newBuffer: (contents: readonly unknown[]) => number,
): void {
  for (const [buffer, { own, views }] of buffers) {
    const stored = (from: number, to: number) => newBuffer([leaf(new Uint8Array(buffer, from, to - from))])
    let from = 0
    let to = -1
    let node = -1
    if (own !== undefined) {
      own.contents.push(leaf(new Uint8Array(buffer)))
      to = buffer.byteLength
      node = own.node
    } else if (views.length > 1 && !views.every(({ isBuffer }) => isBuffer)) {
      to = buffer.byteLength
      node = stored(0, to)
    } else views.sort((a, b) => a.from - b.from)
    const isWhole = to >= 0
    views.forEach((view, index) => {
      if (!isWhole && view.from >= to) {
        from = view.from
        to = endOfRun(views, index)
        node = stored(from, to)
      }
      view.contents.push(node, view.from - from, view.to - view.from)
    })
  }
}

function endOfRun(views: BufferUsers['views'], first: number): number {
  let { to } = views[first]!
  for (let i = first + 1; i < views.length && views[i]!.from < to; i++) to = Math.max(to, views[i]!.to)
  return to
}
