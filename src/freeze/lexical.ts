/**
 * Whether a name that is no variable of a script leads to the property of the global object: a classic script (`node:vm`, the
 * REPL) may declare a `let`, `const` or class of that name, which then stands before it for all code.
 *
 * Code that is made for the name looks, which takes some 50 ns where V8's answer takes 0.1 ms. Never wrongly true. Runs no getter
 * but those that Node made.
 */
const { getOwnPropertyDescriptor, getOwnPropertyNames } = Object

/** The getters of Node's own globals when this was loaded, by name. */
const getters: ReadonlyMap<string, () => unknown> = new Map(
  getOwnPropertyNames(globalThis).flatMap((name) => {
    const get = getOwnPropertyDescriptor(globalThis, name)!.get
    return get === undefined ? [] : [[name, get] as const]
  }),
)

/** Gives what code sees under a name; false where code cannot be made of text. */
type Look = (() => unknown) | false

const looks = new Map<string, Look>()
/** Names looked at; with more than these, all code is made again. */
const MOST_LOOKS = 5000

export function leadsToGlobal(name: string): boolean {
  const property = getOwnPropertyDescriptor(globalThis, name)
  // to look at a storage is to open it
  if (property === undefined || name === 'arguments' || /Storage$/.test(name)) return false
  const { get, value } = property
  if (!('value' in property) && (get === undefined || getters.get(name) !== get)) return false
  const look = lookAt(name)
  try {
    return look !== false && Object.is(look(), get === undefined ? value : get.call(globalThis))
  } catch {
    // declared, but not initialised yet
    return false
  }
}

function lookAt(name: string): Look {
  let look = looks.get(name)
  if (look === undefined) {
    if (looks.size >= MOST_LOOKS) looks.clear()
    look = made(name)
    looks.set(name, look)
  }
  return look
}

function made(name: string): Look {
  try {
    return new Function(`return ${name}`) as () => unknown
  } catch {
    // not allowed, or a name that is a word of the language here
    return false
  }
}
