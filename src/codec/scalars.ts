/**
 * Kinds with hidden contents that are not memory: dates, regular expressions, URLs, boxed primitives.
 */
import { types } from 'node:util'
import { type AnyKind, isBranded, kind, text } from './kind.ts'

const regExpGetter = (name: string) => Object.getOwnPropertyDescriptor(RegExp.prototype, name)?.get
const regExpSource = regExpGetter('source')!
/** By letter and property, because the `flags` getter asks properties that a RegExp may have of its own. */
const regExpFlags = Object.entries({
  d: 'hasIndices',
  g: 'global',
  i: 'ignoreCase',
  m: 'multiline',
  s: 'dotAll',
  u: 'unicode',
  v: 'unicodeSets',
  y: 'sticky',
}).map(([flag, name]) => [flag, regExpGetter(name)] as const)

const hrefOf = Object.getOwnPropertyDescriptor(URL.prototype, 'href')!.get!

export const scalars: readonly AnyKind[] = [
  kind<Date>({
    name: 'Date',
    prototype: Date.prototype,
    is: types.isDate,
    pack: (date) => [Date.prototype.getTime.call(date)],
    make: ([time]) => new Date(time as number),
  }),
  kind<RegExp>({
    name: 'RegExp',
    prototype: RegExp.prototype,
    is: types.isRegExp,
    // lastIndex is a property.
    pack: (regExp) => [
      regExpSource.call(regExp),
      regExpFlags.map(([flag, get]) => (get?.call(regExp) ? flag : '')).join(''),
    ],
    make: ([source, flags]) => new RegExp(text(source), text(flags)),
  }),
  kind<URL>({
    name: 'URL',
    prototype: URL.prototype,
    is: (object) => isBranded(() => hrefOf.call(object)),
    pack: (url, { urls }) => {
      urls.push(url)
      return [hrefOf.call(url)]
    },
    make: ([href]) => new URL(text(href)),
  }),
  kind<URLSearchParams>({
    name: 'URLSearchParams',
    prototype: URLSearchParams.prototype,
    is: (object) => isBranded(() => URLSearchParams.prototype.toString.call(object)),
    pack: (object, { params, path }) => {
      params.set(object, path())
      return [...URLSearchParams.prototype.entries.call(object)].flat()
    },
    make: (contents) => {
      const params = new URLSearchParams()
      for (let i = 0; i < contents.length; i += 2) params.append(text(contents[i]), text(contents[i + 1]))
      return params
    },
  }),
  boxed(Boolean, types.isBooleanObject),
  boxed(Number, types.isNumberObject),
  boxed(String, types.isStringObject),
  boxed(BigInt, types.isBigIntObject),
  boxed(Symbol, types.isSymbolObject),
]

function boxed(
  wrapper: { readonly name: string; readonly prototype: { valueOf(): unknown } },
  is: (object: object) => boolean,
): AnyKind {
  return kind<object>({
    name: wrapper.name,
    prototype: wrapper.prototype,
    is,
    pack: (object) => [wrapper.prototype.valueOf.call(object)],
    keys: (object) => {
      const keys = Reflect.ownKeys(object)
      if (wrapper.name !== 'String') return keys
      const { length } = String.prototype.valueOf.call(object)
      // The characters come first.
      return keys.slice(length).filter((key) => key !== 'length')
    },
    make: ([value]) => {
      if (typeof value !== wrapper.name.toLowerCase()) throw new Error(`not a ${wrapper.name}`)
      return Object(value) as object
    },
  })
}
