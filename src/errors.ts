/**
 * Every error permafrost makes itself. Misuse is a plain `TypeError` or `RangeError`, thrown when wrapping or
 * opening; the classes here are failures at work, which a call survives: they go to `onError`, and the call runs
 * uncached. A class exists only where somebody would handle it differently.
 */

export abstract class PermafrostError extends Error {
  abstract readonly code: `ERR_${string}`
}

/** A value that cannot be identified, such as a socket or a promise. `path` says where it is: `args[0].opts.stream`. */
export class FreezeError extends PermafrostError {
  override readonly name = 'FreezeError'
  readonly code = 'ERR_UNFREEZABLE' as const
  readonly path: string

  constructor(what: string, path: string, options?: ErrorOptions) {
    super(`cannot freeze ${what} at ${path}`, options)
    this.path = path
  }
}

/** A value that cannot be written, or bytes that cannot be read. `path` says where in the value: `result.rows[3].socket`. */
export class CodecError extends PermafrostError {
  override readonly name = 'CodecError'
  readonly code: 'ERR_UNENCODABLE' | 'ERR_UNDECODABLE'
  readonly path: string

  constructor(code: CodecError['code'], message: string, path = '', options?: ErrorOptions) {
    super(path === '' ? message : `${message} at ${path}`, options)
    this.code = code
    this.path = path
  }
}

/** Why a codec could not write a value, as an error of ours. */
export const unencodable = (error: unknown): CodecError =>
  error instanceof CodecError
    ? error
    : new CodecError('ERR_UNENCODABLE', messageOf(error), '', { cause: error })

export type StoreErrorCode =
  | 'ERR_STORE_BUSY'
  | 'ERR_STORE_CLOSED'
  | 'ERR_STORE_CORRUPT'
  | 'ERR_STORE_FOREIGN'
  | 'ERR_STORE_FORMAT'
  | 'ERR_STORE_IO'
  | 'ERR_STORE_READONLY'

/** The directory could not be opened, read or written. */
export class StoreError extends PermafrostError {
  override readonly name = 'StoreError'
  readonly code: StoreErrorCode

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

export type BlobErrorCode =
  | 'ERR_BLOB_CLOSED'
  | 'ERR_BLOB_DAMAGED'
  | 'ERR_BLOB_DENIED'
  | 'ERR_BLOB_KEY'
  | 'ERR_BLOB_PRECONDITION'
  | 'ERR_BLOB_REFUSED'
  | 'ERR_BLOB_TOO_LARGE'
  | 'ERR_BLOB_UNREACHABLE'
  | 'ERR_BLOB_UNSUPPORTED'

/** What a blob store could not do. That there is no blob is no error, but `undefined`. */
export class BlobError extends PermafrostError {
  override readonly name = 'BlobError'
  readonly code: BlobErrorCode
  /** Whether the store is known to have changed nothing. If not, a write may have happened all the same. */
  readonly undone: boolean
  /** Milliseconds after which the server wants to be asked again. */
  readonly retryAfter?: number
  /** Whether the server said that it has too much to do just now. */
  readonly busy: boolean

  constructor(
    code: BlobErrorCode,
    message: string,
    options: ErrorOptions & {
      readonly undone?: boolean
      readonly retryAfter?: number
      readonly busy?: boolean
    } = {},
  ) {
    super(message, options)
    this.code = code
    this.busy = options.busy ?? false
    this.undone = options.undone ?? code !== 'ERR_BLOB_UNREACHABLE'
    if (options.retryAfter !== undefined) this.retryAfter = options.retryAfter
  }
}

/** There is no result of a call, and it must not be computed. */
export class ResultRequiredError extends PermafrostError {
  override readonly name = 'ResultRequiredError'
  readonly code = 'ERR_RESULT_REQUIRED' as const

  constructor(call: string, message = 'it must not be computed here') {
    super(`there is no result of ${call}: ${message}`)
  }
}

/** The configuration file, or what the environment says in its place, cannot be understood. */
export class ConfigurationError extends PermafrostError {
  override readonly name = 'ConfigurationError'
  readonly code = 'ERR_CONFIGURATION' as const
}

/** A function given as an option threw. */
export class OptionError extends PermafrostError {
  override readonly name = 'OptionError'
  readonly code = 'ERR_OPTION' as const

  constructor(option: string, cause: unknown) {
    super(`the "${option}" option threw: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    })
  }
}

/** A result that was computed but may not be what its key says, so it is not kept. */
export class UncertainError extends PermafrostError {
  override readonly name = 'UncertainError'
  readonly code = 'ERR_UNCERTAIN' as const

  constructor(why: string) {
    super(`the result is not kept, since ${why}`)
  }
}

/** Call a function that the user gave as an option; what it throws names the option. */
export function ask<T>(option: string, callback: () => T): T {
  try {
    return callback()
  } catch (error) {
    throw new OptionError(option, error)
  }
}

/** What was thrown, in words, whatever it was: its own message may throw, too. */
export function messageOf(error: unknown): string {
  try {
    return error instanceof Error ? `${error.message}` : String(error)
  } catch {
    return 'something that cannot be told'
  }
}

/** Whether it says that there was no room for one more call: from elsewhere the same call may succeed. */
export const isOverflow = (error: unknown): boolean =>
  error instanceof RangeError && error.message === 'Maximum call stack size exceeded'
