/** `permafrost/testing`: what a part that somebody else writes must promise, as tests. */
export { type BlobStoreContract, blobStoreContract } from './blob-contract.ts'
