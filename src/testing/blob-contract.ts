/**
 * What every blob store promises, as tests: for the stores of this package, and for whoever writes another. Each test
 * works under keys of its own, so the store need not be empty, and may be shared.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { BlobCapabilities, BlobStore } from '../blob/index.ts'
import { bytesContract } from './blob-bytes.ts'
import { conditionsContract } from './blob-conditions.ts'
import { keysContract } from './blob-keys.ts'
import { type On, text, withCode } from './blob-support.ts'

/** What the suite needs to know of a store. */
export interface BlobStoreContract {
  /** For the names of the tests. */
  readonly name: string
  /** Opens the store; called again, opens the same one once more. */
  open(): Promise<BlobStore>
  /** Declares a test: `test` of `node:test`, or what your runner has. */
  test(name: string, body: () => Promise<void>): unknown
  /** What it can do, once asked. A store that claims more or less fails. */
  readonly capabilities: { readonly [name in keyof BlobCapabilities]: boolean }
  /** Whether it names versions. @defaultValue true */
  readonly etags?: boolean
  /** How many blobs make its listing take more than one page. @defaultValue 30 */
  readonly many?: number
}

/** Declares the tests of a store. */
export function blobStoreContract(contract: BlobStoreContract): void {
  const { name, open, capabilities } = contract

  const on: On = (title, body) =>
    contract.test(`${name}: ${title}`, async () => {
      const store = await open()
      try {
        await body(store, `contract/${randomUUID()}/`)
      } finally {
        await store.close()
      }
    })

  bytesContract(on, contract)
  conditionsContract(on, contract)
  keysContract(on, contract)

  on('misuse is named', async (store, prefix) => {
    const key = `${prefix}a`
    await assert.rejects(store.put(key, 'text' as unknown as Uint8Array), TypeError)
    await assert.rejects(store.put(key, text(''), { ifabsent: true } as object), /did you mean "ifAbsent"/)
    await assert.rejects(store.put(key, text(''), { ifAbsent: true, ifMatch: '"a"' }), TypeError)
    assert.equal(await store.get(key), undefined)
  })

  on('it can do what it says', async (store, prefix) => {
    const key = `${prefix}a`
    await store.put(key, text('a'), { ifAbsent: true }).catch(() => {})
    await store.put(key, text('a'), { ifMatch: '"never"' }).catch(() => {})
    await store.delete(key, { ifMatch: '"never"' }).catch(() => {})
    assert.deepEqual(store.capabilities, capabilities)
  })

  contract.test(`${name}: what is closed answers no more`, async () => {
    const store = await open()
    await store.close()
    await store.close()
    await assert.rejects(store.get('a'), withCode('ERR_BLOB_CLOSED'))
    await assert.rejects(store.list('').next(), withCode('ERR_BLOB_CLOSED'))
  })
}
