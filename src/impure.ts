/**
 * Tells, once for each memoized function, what its code uses that no key covers; and which of it the user said is fine.
 * Nothing here decides what is kept.
 */
import { emit } from './events.ts'
import { isAllowed, unknownName } from './freeze/impurity.ts'
import { distinct, type Use } from './freeze/uses.ts'
import { suggestion } from './options.ts'

/** The options that say what may be used. */
export interface Purity {
  readonly assumePure?: boolean
  readonly allow?: readonly string[]
}

/** Throws a `TypeError` for a name in `allow` that nothing has. */
export function checkAllowed({ allow = [] }: Purity): void {
  for (const name of allow) {
    const known = unknownName(name)
    if (known !== undefined)
      throw new TypeError(
        `memoize: the "allow" option names "${name}", which nothing impure is called${suggestion(name, known)}`,
      )
  }
}

/** Whether the user said that this use is fine. */
export const isFine = ({ allow = [], assumePure }: Purity, what: string): boolean =>
  assumePure === true || isAllowed(allow, what)

/** Raises `impure` the first time that there is something to tell. */
export function tellerOf(name: () => string, purity: Purity): (uses: readonly Use[]) => void {
  let told = false
  return (uses) => {
    if (told) return
    told = true
    const left = distinct(uses).filter(({ what }) => !isFine(purity, what))
    if (left.length > 0) emit('impure', () => ({ name: name(), uses: left }))
  }
}
