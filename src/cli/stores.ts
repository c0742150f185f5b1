/** The blob store that a command works on. */
import type { Command } from 'commander'
import type { BlobStore } from '../blob/blob-store.ts'
import type { SigningKey } from '../shared/parcel.ts'
import { Misuse } from './common.ts'

export const withStoreOption = (to: Command): Command =>
  to.option('--store <uri>', 'the blob store, such as s3://bucket/cache (default: PERMAFROST_BLOB_STORE)')

/** Throws `Misuse` if none is named. */
export function storeUriOf(of: Command): string {
  const uri = of.opts<{ store?: string }>().store ?? process.env['PERMAFROST_BLOB_STORE'] ?? ''
  if (uri === '')
    throw new Misuse(
      'which blob store? name it with --store, such as --store s3://bucket/cache, or by PERMAFROST_BLOB_STORE',
    )
  return uri
}

/** What results are signed with; from the environment, since others see what a command is given. */
export const signingKeyOf = (): SigningKey => process.env['PERMAFROST_SIGNING_KEY'] || undefined

/** Does `act` with the store open. */
export async function withBlobStore<T>(uri: string, act: (store: BlobStore) => Promise<T>): Promise<T> {
  const { openBlobStore } = await import('../blob/open.ts')
  const store = await openBlobStore(uri)
  try {
    return await act(store)
  } finally {
    await store.close()
  }
}

/** The URI of a key: without credentials. */
export const uriOf = ({ uri }: BlobStore, key: string): string => `${uri.replace(/\/$/, '')}/${key}`
