/**
 * What people ask about a directory, and no call does: lists in some order, sums, calls by the first digits of their
 * digests, and what takes how much room. Changes nothing.
 */
import { join } from 'node:path'
import type { Digest, Entry, Share, Space } from '../types.ts'
import type { Selection, Sorting, Survey, WhyDeparted } from './contract.ts'
import { type FileSystem, namesIn } from './files.ts'
import type { Layout } from './layout.ts'
import type { OpenDirectory } from './open-directory.ts'
import type { Located } from './row.ts'

export class DirectorySurvey implements Survey {
  readonly #open: OpenDirectory

  constructor(open: OpenDirectory) {
    this.#open = open
  }

  sorted(selection: Selection, sorting: Sorting): Generator<Entry, undefined> {
    return this.#entries(() => this.#open.index.list.sorted(selection, sorting))
  }

  newest(selection: Selection, limit?: number): Generator<Entry, undefined> {
    return this.#entries(() => this.#open.index.list.newest(selection, limit))
  }

  *#entries(list: () => Generator<Located>): Generator<Entry, undefined> {
    const all = this.#open.guard('listing', list)
    for (;;) {
      const next = this.#open.guard('listing', () => all.next())
      if (next.done) return
      yield next.value.entry
    }
  }

  sum(selection: Selection): { readonly entries: number; readonly size: number } {
    return this.#open.guard('counting entries', () => {
      const { ledger, list } = this.#open.index
      if (Object.keys(selection).length > 0) return list.sum(selection)
      // the books know
      const { entries, size } = ledger.totals()
      return { entries, size }
    })
  }

  startingWith(prefix: string, limit: number): Entry[] {
    return this.#open.guard('looking up a call', () =>
      this.#open.index.list.startingWith(prefix, limit).map(({ entry }) => entry),
    )
  }

  departedLike(prefix: string): { readonly key: Digest; readonly why: WhyDeparted }[] {
    return this.#open.guard('explaining a miss', () => this.#open.index.list.departedLike(prefix))
  }

  space(): Space {
    return this.#open.guard('measuring', () => {
      const { fs, layout } = this.#open.rooms
      const { list } = this.#open.index
      const shares = [...list.weights()].map(([name, { entries, files, leaves, size }]): [string, Share] => [
        name,
        { entries, rows: size - files, objects: files - leaves, leaves },
      ])
      const functions = Object.fromEntries(shares)
      const objects = shares.reduce((sum, [, share]) => sum + share.objects, 0)
      const leaves = list.leaves()
      const [index, log] = [sizeOf(fs, layout.index), sizeOf(fs, `${layout.index}-wal`)]
      const rest = restOf(fs, layout)
      return { functions, index, log, objects, leaves, rest, total: index + log + objects + leaves + rest }
    })
  }
}

const sizeOf = (fs: FileSystem, path: string): number =>
  fs.statSync(path, { throwIfNoEntry: false })?.size ?? 0

/** Bytes of the few files that are neither index nor results. */
function restOf(fs: FileSystem, { directory, index, runs, tmp }: Layout): number {
  const paths = [
    ...[tmp, runs].flatMap((folder) => namesIn(fs, folder).map((name) => join(folder, name))),
    ...namesIn(fs, directory)
      .map((name) => join(directory, name))
      .filter((path) => path !== index && path !== `${index}-wal`),
  ]
  return paths.reduce((sum, path) => {
    const stat = fs.statSync(path, { throwIfNoEntry: false })
    return sum + (stat?.isFile() ? stat.size : 0)
  }, 0)
}
