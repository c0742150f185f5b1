/** A directory of very many small results, made in a moment: rows as a store writes them, in one transaction. */
import { join } from 'node:path'
import { MemoizedGroup } from 'permafrost'
import { digestBytes } from '#src/freeze/digest.js'
import { EntryIndex } from '#src/store/entry-index.js'
import type { Digest } from '#src/types.js'

const digest = (text: string): Digest => digestBytes(Buffer.from(text))

export function makeHuge(directory: string, count: number): void {
  // makes the directory
  new MemoizedGroup({ directory }).close()
  const index = new EntryIndex(join(directory, 'index.sqlite'), {
    readonly: false,
    synced: false,
    digest: digestBytes,
  })
  // CBOR of 42
  const inline = Buffer.from([0x18, 42])
  const object = digestBytes(inline)
  const nothing = '0'.repeat(32) as Digest
  const code = digest('code')
  const start = Date.now() - 1e10
  index.write(() => {
    for (let n = 0; n < count; n++) {
      const at = start + ((n * 7919) % 1e9)
      const key = {
        name: `src/work.js#f${n % 20}`,
        code,
        args: digest(`args ${n}`),
        inputs: nothing,
        state: nothing,
      }
      const entry = {
        key: { ...key, digest: digest(`key ${n}`) },
        object,
        size: inline.byteLength,
        computeTime: (n % 1000) / 10,
        hits: n % 7,
        createdAt: at,
        accessedAt: at,
        codec: 'cbor1',
        async: false,
        tags: n % 10 === 0 ? ['tenth'] : [],
      }
      index.insert({ entry, file: undefined, inline, footprint: 300, score: n % 1000 })
    }
    index.ledger.book()
  })
  index.close()
}
