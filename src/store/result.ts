/**
 * What the files and the row of an entry hold, checked: the one place where a row, an object and its leaves come
 * together again.
 */
import type { Rooms } from './adopt.ts'
import type { Stored } from './contract.ts'
import type { Leaf } from './leaf-store.ts'
import type { Found } from './row.ts'

/** Undefined if anything of it is gone or damaged. Throws if something could not be read at all. */
export function storedOf(rooms: Rooms, found: Found): Stored | undefined {
  const { entry, file, hasLeaves, inline } = found
  if (file === undefined) return inline && { bytes: inline, leaves: [] }
  if (!hasLeaves) {
    const bytes = rooms.objects.read(file, entry.object, entry.size)
    return bytes && { bytes, leaves: [] }
  }
  const main = rooms.objects.readWithLeaves(file, entry.object)
  if (main === undefined) return undefined
  const leaves: Uint8Array[] = []
  for (const leaf of main.leaves) {
    const bytes = rooms.leaves.read(leaf)
    if (bytes === undefined) return undefined
    leaves.push(bytes)
  }
  return { bytes: main.bytes, leaves }
}

/** Whether the bytes in the row or the object are sound; its leaves are not read. */
export function isObjectSound({ objects }: Rooms, { entry, file, hasLeaves, inline }: Found): boolean {
  if (file === undefined) return inline !== undefined
  return (
    (hasLeaves
      ? objects.readWithLeaves(file, entry.object)
      : objects.read(file, entry.object, entry.size)) !== undefined
  )
}

/** Unlinks those of these leaves that are damaged, though entries name them: the next put writes them anew. */
export function removeDamaged({ index, isCurrent, leaves }: Rooms, suspects: readonly Leaf[]): void {
  const isDamaged = (leaf: Leaf): boolean =>
    leaves.ageAndSize(leaf.file) !== undefined && leaves.read(leaf) === undefined
  for (const leaf of suspects.filter(isDamaged)) {
    index().write(() => {
      // somebody may have written it anew meanwhile
      if (isCurrent() && isDamaged(leaf)) leaves.remove(leaf.file)
    })
  }
}
