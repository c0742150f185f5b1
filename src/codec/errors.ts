/**
 * Kinds of errors. Nearly all that an error holds are its own properties.
 */
import { types } from 'node:util'
import { type AnyKind, isBranded, kind, nothing, text } from './kind.ts'

/** Newer engines give errors a `stack` that is an accessor; older ones, a value. */
const stack = Object.getOwnPropertyDescriptor(new Error(), 'stack')

const accessors = stack?.get === undefined ? {} : { accessors: { stack } }

/** Younger than the engines of today. */
const { SuppressedError } = globalThis as unknown as { readonly SuppressedError?: ErrorConstructor }

const makers = [
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
  AggregateError,
  ...(SuppressedError === undefined ? [] : [SuppressedError]),
]

const native = makers.map((maker) =>
  kind<Error>({
    name: maker.name,
    prototype: maker.prototype,
    is: types.isNativeError,
    // Message, stack, cause and errors are properties.
    pack: () => nothing,
    ...accessors,
    make: () => bare(maker === AggregateError ? new AggregateError([]) : new (maker as ErrorConstructor)()),
  }),
)

const [nameOf, messageOf] = ['name', 'message'].map(
  (name) => Object.getOwnPropertyDescriptor(DOMException.prototype, name)!.get!,
) as [() => string, () => string]

export const errors: readonly AnyKind[] = [
  ...native,
  kind<DOMException>({
    name: 'DOMException',
    prototype: DOMException.prototype,
    is: (object) => isBranded(() => nameOf.call(object)),
    pack: (error) => [messageOf.call(error), nameOf.call(error)],
    ...accessors,
    make: ([message, name]) => bare(new DOMException(text(message), text(name))),
  }),
]

function bare<T extends object>(error: T): T {
  for (const key of Reflect.ownKeys(error)) Reflect.deleteProperty(error, key)
  return error
}
