/** `permafrost/blob`: stores of bytes, which caches may share. */
export { BlobError, type BlobErrorCode, PermafrostError } from '../errors.ts'
export type { ByteSize, Duration } from '../types.ts'
export type {
  AskOptions,
  BlobCapabilities,
  BlobDriver,
  BlobFacts,
  BlobRange,
  BlobSettings,
  BlobSource,
  BlobStore,
  BlobStoreOptions,
  DeleteOptions,
  DriverBlob,
  GetOptions,
  ListOptions,
  PutOptions,
  StoredBlob,
} from './blob-store.ts'
export { type OpenBlobDriver, openBlobStore, registerBlobStore } from './open.ts'
