/**
 * Writes ArrayBuffers and the views on them: by their bytes, or for many the digest of these. Knows nothing of properties.
 */
import { types } from 'node:util'
import { viewName } from './brands.ts'
import { digestBytes } from './digest.ts'
import { TAG } from './tags.ts'
import type { Walk } from './walk.ts'

/** What newer runtimes know of a buffer. */
interface Resizable {
  readonly resizable?: boolean
  readonly growable?: boolean
  readonly maxByteLength?: number
}

/** A buffer by itself. */
export function writeBuffer(walk: Walk, buffer: ArrayBufferLike): void {
  const { out } = walk
  out.tag(TAG.arrayBuffer)
  out.tag(types.isSharedArrayBuffer(buffer) ? TAG.true : TAG.false)
  const { growable, maxByteLength, resizable } = buffer as Resizable
  walk.value(resizable === true || growable === true ? maxByteLength : undefined, '')
  if (isDetached(buffer)) walk.refuse('a detached ArrayBuffer')
  else out.bytes(new Uint8Array(buffer))
  walk.sharing(buffer)
}

function isDetached(buffer: ArrayBufferLike): boolean {
  try {
    new Uint8Array(buffer)
    return false
  } catch {
    return true
  }
}

/** The kind of a view, its bytes, and whether another view on the same buffer was met. */
export function writeView(walk: Walk, view: ArrayBufferView): void {
  const { out } = walk
  if (isDetached(view.buffer)) {
    walk.refuse('a view on a detached ArrayBuffer')
    return
  }
  out.tag(TAG.view)
  out.string(viewName(view))
  const { growable, resizable } = view.buffer as Resizable
  if (types.isSharedArrayBuffer(view.buffer)) out.tag(TAG.true)
  if (resizable === true || growable === true) out.tag(TAG.locked)
  out.bytes(view)
  if (walk.trace !== undefined)
    walk.note(`${viewName(view)} of ${view.byteLength} bytes, ${digestBytes(view)}`)
  // two arrays on one whole buffer change together; parts of a pool only look as if they did
  const { buffer, byteLength, byteOffset } = view
  const whole = byteOffset === 0 && byteLength === buffer.byteLength && byteLength > 0
  walk.sharing(whole ? buffer : undefined)
}
