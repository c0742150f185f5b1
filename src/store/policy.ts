/**
 * Eviction policies as data: a name and a score; the entry with the lowest score leaves first, ties by age.
 * A score of Infinity never leaves. Knows nothing of how scores are stored.
 */
import type { Entry, EvictionPolicy } from '../types.ts'

/** What an entry takes on disk besides its bytes: its row and its places in the indexes, measured (docs/format.md). */
export const ROW_OVERHEAD = 256

// Milliseconds of computing that one byte of disk keeps.
const worth = (entry: Entry): number => entry.computeTime / (entry.size + ROW_OVERHEAD)

export const policies: Readonly<Record<'gdsf' | 'gdsize' | 'lru' | 'lfu' | 'fifo' | 'none', EvictionPolicy>> =
  {
    // Greedy-Dual-Size-Frequency (Cherkasova 1998): `inflation` ages what is not used, so that nothing stays for ever.
    gdsf: { name: 'gdsf', score: (entry, inflation) => inflation + (entry.hits + 1) * worth(entry) },
    // Greedy-Dual-Size (Cao and Irani 1997), what charmonium.cache uses.
    gdsize: { name: 'gdsize', score: (entry, inflation) => inflation + worth(entry) },
    lru: { name: 'lru', score: (entry) => entry.accessedAt },
    lfu: { name: 'lfu', score: (entry) => entry.hits },
    fifo: { name: 'fifo', score: (entry) => entry.createdAt },
    none: { name: 'none', score: () => Number.POSITIVE_INFINITY },
  }
