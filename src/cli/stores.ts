/** The blob store that a command works on. */
import type { Command } from 'commander'
import type { BlobStore } from '../blob/blob-store.ts'
import { importPlugins } from '../configuration.ts'
import { settingOf, signingKeySet } from '../settings.ts'
import type { SigningKey } from '../shared/parcel.ts'
import { Misuse } from './common.ts'

export const withStoreOption = (to: Command): Command =>
  to.option(
    '--store <uri>',
    'the blob store, such as s3://bucket/cache (default: PERMAFROST_BLOB_STORE, or the configuration file)',
  )

/** Throws `Misuse` if none is named. */
export function storeUriOf(of: Command): string {
  const uri = of.opts<{ store?: string }>().store ?? (settingOf('blobStore') as string | undefined) ?? ''
  if (uri === '')
    throw new Misuse(
      'which blob store? name it with --store, such as --store s3://bucket/cache, by PERMAFROST_BLOB_STORE, or in the configuration file',
    )
  return uri
}

/** What results are signed with; from the environment alone, since others see what a command is given. */
export const signingKeyOf = (): SigningKey => signingKeySet()

/** Does `act` with the store open. */
export async function withBlobStore<T>(uri: string, act: (store: BlobStore) => Promise<T>): Promise<T> {
  await importPlugins()
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
