/**
 * The public surface of permafrost.
 */
import { defaultGroup } from './group.ts'
import { type Memoize, memoizeFor } from './memoize.ts'

/** `memoize` on the default group, which opens at the first call. */
export const memoize: Memoize = memoizeFor(defaultGroup)

// memoize
export type { Memoize, MemoizeDecorator, Memoized, MemoizedMethods, MemoizeOptions } from './memoize.ts'
export type { Lookup } from './call.ts'

// groups
export { MemoizedGroup } from './group.ts'
export type { BuiltinPolicy, GroupOptions } from './group.ts'

// identity
export { digest } from './freeze/freeze.ts'
export { file } from './freeze/file.ts'
export type { InputFile } from './freeze/file.ts'
export { codeVersion, frozenState, ignore, inputVersion } from './freeze/marks.ts'

// seams
export { registerClass } from './codec/codec.ts'
export type { BuiltinCodec } from './codec/codec.ts'
export type {
  ByteSize,
  CallKey,
  Codec,
  Digest,
  Duration,
  Entry,
  EntryFilter,
  EvictionPolicy,
  FunctionStats,
  GcReport,
  GroupStats,
  MissReason,
  Problem,
  VerifyReport,
} from './types.ts'

// errors
export { CodecError, FreezeError, OptionError, PermafrostError, StoreError, UncertainError } from './errors.ts'
