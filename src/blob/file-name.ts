/**
 * Keys as paths. On some disks `a` and `A` are one file, and nowhere can `a` be a file while `a/b` is one: so
 * capitals are written `+a`, and the file of a blob ends with `+`, which no folder does. Neither is in any key.
 */

/** Where the store keeps what is no blob: a name that no key has. */
export const OWN = '++'

/** `Fit/a.1` → `+fit/a.1+` */
export const pathOf = (key: string): string => `${folderOf(key)}+`

const folderOf = (key: string): string => key.replaceAll(/[A-Z]/g, (letter) => `+${letter.toLowerCase()}`)

/** What a name in a folder stands for in the order of keys: `a` for a blob, `a/` for a folder; undefined if it is not ours. */
export function segmentOf(name: string, isFolder: boolean): string | undefined {
  if (isFolder === name.endsWith('+')) return undefined
  const encoded = isFolder ? name : name.slice(0, -1)
  if (!/^(?:[a-z0-9._=@-]|\+[a-z])+$/.test(encoded)) return undefined
  const segment = encoded.replaceAll(/\+([a-z])/g, (_, letter: string) => letter.toUpperCase())
  return isFolder ? `${segment}/` : segment
}
