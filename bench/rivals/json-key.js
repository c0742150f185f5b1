/**
 * A key for libraries that have get and set only: the function's name and its arguments as JSON, hashed, since JSON may
 * be longer than a key. Memory is hashed as it is, with the name of its kind; as JSON it would take a thousand times longer.
 */
import { createHash } from 'node:crypto'

export function jsonKey(fn, args) {
  const hash = createHash('sha1').update(fn.name)
  for (const arg of args) {
    if (ArrayBuffer.isView(arg)) hash.update(arg.constructor.name).update(arg)
    else hash.update(`,${JSON.stringify(arg)}`)
  }
  return hash.digest('hex')
}
