/**
 * Symbols that mean the same in every process, by name.
 */
const wellKnown: ReadonlyMap<symbol, string> = new Map(
  Object.getOwnPropertyNames(Symbol).flatMap((name) => {
    const value: unknown = Object.getOwnPropertyDescriptor(Symbol, name)!.value
    return typeof value === 'symbol' ? [[value, name] as const] : []
  }),
)

export function wellKnownName(symbol: symbol): string | undefined {
  return wellKnown.get(symbol)
}

export function wellKnownSymbol(name: string): symbol {
  for (const [symbol, known] of wellKnown) if (known === name) return symbol
  throw new Error(`no Symbol.${name}`)
}
