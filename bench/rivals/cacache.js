/** Bytes by their content, checked when read; values by V8's serializer, so that types survive. */
import { deserialize, serialize } from 'node:v8'
import cacache from 'cacache'
import { jsonKey } from './json-key.js'

export function open(directory) {
  return {
    memoize:
      (fn) =>
      async (...args) => {
        const key = jsonKey(fn, args)
        try {
          return deserialize((await cacache.get(directory, key)).data)
        } catch (error) {
          if (error.code !== 'ENOENT') throw error
        }
        const value = fn(...args)
        await cacache.put(directory, key, serialize(value))
        return value
      },
    close() {},
  }
}
