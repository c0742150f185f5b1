/**
 * The public surface of permafrost.
 */
import { defaultGroup } from './default-group.ts'
import { type Memoize, memoizeFor } from './memoize.ts'

/** `memoize` on the default group, which opens at the first call. */
export const memoize: Memoize = memoizeFor(defaultGroup)

export type { BuiltinCodec, Compression } from './codec/codec.ts'
// seams
export { registerClass } from './codec/codec.ts'
// configuration
export { type Configuration, defineConfig } from './configuration.ts'
// groups
export { configure } from './default-group.ts'
// errors
export {
  CodecError,
  ConfigurationError,
  FreezeError,
  OptionError,
  PermafrostError,
  ResultRequiredError,
  StoreError,
  UncertainError,
} from './errors.ts'
export type { InputFile } from './freeze/file.ts'
export { file } from './freeze/file.ts'
export type { FilesOptions, InputFiles } from './freeze/files.ts'
export { files } from './freeze/files.ts'
// identity
export { digest } from './freeze/freeze.ts'
export { codeVersion, frozenState, ignore, inputVersion } from './freeze/marks.ts'
export { MemoizedGroup } from './group.ts'
export type { BuiltinPolicy, GroupOptions } from './group-options.ts'
export type { Lookup } from './lookup.ts'
// memoize
export type { Memoize, MemoizeDecorator, Memoized, MemoizedMethods } from './memoize.ts'
export type { LeaseOptions, MemoizeOptions } from './memoize-options.ts'
export { addPipelineHandler, withPipelineId } from './pipeline.ts'
export type { Ref } from './ref.ts'
export type { RequireOptions } from './require.ts'
export { requireAllResults } from './require.ts'
export type { PullReport } from './share.ts'
export { type Memo as MemoUri, parseMemoUri } from './shared/place.ts'
export type { PushReport } from './shared/tier.ts'
export type {
  ByteSize,
  CallKey,
  Codec,
  Departed,
  Digest,
  Duration,
  Entry,
  EntryFilter,
  EntryOrder,
  EvictionPolicy,
  EvictOptions,
  EvictReport,
  ExportReport,
  FunctionStats,
  GcReport,
  GroupStats,
  ImportReport,
  Listing,
  MissReason,
  Preview,
  Problem,
  RecoverOptions,
  Share,
  Space,
  VerifyOptions,
  VerifyReport,
  Watch,
} from './types.ts'
