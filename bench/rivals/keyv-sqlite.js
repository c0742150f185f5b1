/** The store that p-memoize, cacheable and cache-manager are given: what keyv offers for a file. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { KeyvSqlite } from '@keyv/sqlite'
import { Keyv } from 'keyv'

export function keyvSqlite(directory) {
  mkdirSync(directory, { recursive: true })
  const store = new KeyvSqlite({ uri: `sqlite://${join(directory, 'keyv.sqlite')}`, busyTimeout: 10_000 })
  return new Keyv({ store })
}
