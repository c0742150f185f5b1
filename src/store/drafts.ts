/**
 * Results that are written piece by piece, on their way to being entries like any other. Promises that a draft that was
 * not kept leaves nothing behind, and that one which outgrows the directory ends there and then.
 */
import type { Digest, Entry } from '../types.ts'
import type { Newcomer } from './admission.ts'
import type { Draft, NewEntry, Store, StoreOptions } from './contract.ts'
import type { DraftFile } from './draft-file.ts'
import { storeErrorOf } from './failure.ts'
import { aboutOf, type Intake } from './intake.ts'
import type { OpenDirectory } from './open-directory.ts'
import { blocksOf } from './tree.ts'

type About = Parameters<Store['begin']>[0]
/** Gives a row to the newcomer that it makes. */
type Admit = (asked: NewEntry, prepare: () => Newcomer) => Entry | undefined

// The digest of nothing yet, as long as all others.
const BLANK = '0'.repeat(32) as Digest

export class Drafts {
  readonly #open: OpenDirectory
  readonly #intake: Intake
  readonly #options: StoreOptions
  readonly #admit: Admit
  readonly #pending = new Set<Draft>()

  constructor(open: OpenDirectory, intake: Intake, options: StoreOptions, admit: Admit) {
    this.#open = open
    this.#intake = intake
    this.#options = options
    this.#admit = admit
  }

  begin(about: About): Draft {
    const doing = 'storing a result'
    const file = this.#open.guard(doing, () => {
      this.#open.expectWritable(doing)
      return this.#fileFor(about)
    })
    const discard = (): void => {
      if (this.#pending.delete(draft)) file.remove()
    }
    const draft: Draft = {
      append: (bytes) => {
        if (!this.#pending.has(draft)) return false
        let fits: boolean
        try {
          fits = this.#intake.hasRoomFor(about, file.size + bytes.byteLength)
          if (fits) this.#intake.withDirectories(() => file.append(bytes))
        } catch (error) {
          this.#open.afterwards('removing a draft', discard)
          throw storeErrorOf(error, doing)
        }
        if (!fits) discard()
        return fits
      },
      keep: (asked) => {
        if (!this.#pending.has(draft)) return undefined
        try {
          return this.#admit(asked, () => this.#finish(file, asked))
        } finally {
          this.#open.afterwards('removing a draft', discard)
        }
      },
      discard,
    }
    this.#pending.add(draft)
    return draft
  }

  #fileFor(about: About): DraftFile {
    const blank = { ...about, computeTime: 0, keepVersions: 0 }
    const entry = this.#intake.entryOf(blank, BLANK, 0)
    return this.#open.rooms.objects.begin(aboutOf(entry), this.#options.newDigester())
  }

  #finish(file: DraftFile, asked: NewEntry): Newcomer {
    let entry: Entry | undefined
    const { bytes, file: name } = file.finish((object) => {
      entry = this.#intake.entryOf(asked, object, file.size)
      return aboutOf(entry)
    })
    return this.#intake.withObject(entry!, { file: name, footprint: blocksOf(bytes) }, asked)
  }

  /** Removes all that are not kept. */
  close(): void {
    for (const draft of [...this.#pending]) this.#open.afterwards('removing a draft', draft.discard)
  }
}
