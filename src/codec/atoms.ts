/**
 * Kinds of primitives that a slot cannot hold as they are.
 */
import { type AtomKind, nothing, text } from './kind.ts'
import { nowhere } from './nodes.ts'

const wellKnown: ReadonlyMap<symbol, string> = new Map(
  Object.getOwnPropertyNames(Symbol).flatMap((name) => {
    const value: unknown = Object.getOwnPropertyDescriptor(Symbol, name)!.value
    return typeof value === 'symbol' ? [[value, name] as const] : []
  }),
)

export const atoms: Readonly<Record<'number' | 'bigint' | 'string' | 'symbol', AtomKind>> = {
  number: { name: '-0', pack: () => nothing, make: () => -0 },
  bigint: {
    name: 'bigint',
    pack: (value: bigint) => [value < 0n, (value < 0n ? -value : value).toString(16)],
    make: ([isNegative, hex]) => {
      const value = BigInt(`0x${text(hex)}`)
      return isNegative === true ? -value : value
    },
  },
  string: {
    name: 'utf16',
    pack: (value: string, { leaf }) => [leaf(Buffer.from(value, 'utf16le'))],
    make: ([leaf], making) => Buffer.from(making.leaf(leaf)).toString('utf16le'),
  },
  symbol: {
    name: 'symbol',
    pack: (value: symbol, { slot }) => {
      const name = wellKnown.get(value)
      if (name !== undefined) return [true, name]
      const key = Symbol.keyFor(value)
      return key === undefined ? undefined : [false, slot(key, nowhere)]
    },
    make: ([isWellKnown, slot], { atom }) => {
      const name = text(atom(slot))
      if (isWellKnown !== true) return Symbol.for(name)
      for (const [symbol, known] of wellKnown) if (known === name) return symbol
      throw new Error(`no Symbol.${name}`)
    },
  },
}

export function atomKindOf(value: unknown): AtomKind | undefined {
  const type = typeof value
  return Object.hasOwn(atoms, type) ? atoms[type as keyof typeof atoms] : undefined
}
