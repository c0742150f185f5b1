/**
 * What the files and the row of an entry hold, checked: the one place where a row, an object and its leaves come
 * together again.
 */
import type { Rooms } from './adopt.ts'
import type { Digester, Pieces, Stored } from './contract.ts'
import type { Leaf } from './leaf.ts'
import { inMemory } from './pieces.ts'
import type { Found } from './row.ts'

/** Undefined if anything of it is gone or, up to a size, damaged. Throws if something could not be read at all. */
export function storedOf(
  rooms: Rooms,
  { entry, file, inline, leaves }: Found,
  checkUpTo: number = Number.POSITIVE_INFINITY,
): Stored | undefined {
  const checked = entry.size <= checkUpTo
  const bytes = inline ?? (file && rooms.objects.read(file, entry, leaves, checked))
  if (bytes === undefined) return undefined
  const read: Uint8Array[] = []
  for (const leaf of leaves) {
    const one = rooms.leaves.read(leaf, checked)
    if (one === undefined) return undefined
    read.push(one)
  }
  return { bytes, leaves: read }
}

/** How what is read is checked. */
export interface Checks {
  readonly rooms: Rooms
  /** Bytes. */
  readonly checkUpTo: number | undefined
  readonly newDigester: () => Digester
}

/** As `storedOf`, for a result without leaves, to be read piece by piece. */
export function piecesOf(
  { checkUpTo = Number.POSITIVE_INFINITY, newDigester, rooms }: Checks,
  { entry, file, inline, leaves }: Found,
): Pieces | undefined {
  if (leaves.length > 0) return undefined
  if (file === undefined) return inline && inMemory(inline)
  return rooms.objects.pieces(file, entry, entry.size <= checkUpTo ? newDigester() : undefined)
}

/** Whether it can be read; one without leaves is never in memory as a whole. */
export function isSound(checks: Checks, found: Found): boolean {
  if (found.leaves.length > 0) return storedOf(checks.rooms, found, checks.checkUpTo) !== undefined
  const pieces = piecesOf(checks, found)
  pieces?.close()
  return pieces !== undefined
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
