/**
 * Results that are written piece by piece, on their way to being entries like any other. Promises that a draft that was
 * not kept leaves nothing behind, and that one which outgrows the directory ends there and then.
 */
import type { Digest, Entry } from '../types.ts'
import type { Newcomer } from './admission.ts'
import type { Draft, NewEntry, StoreOptions } from './contract.ts'
import type { DraftFile } from './draft-file.ts'
import { storeErrorOf } from './failure.ts'
import { aboutOf, type Intake } from './intake.ts'
import { blocksOf } from './object-store.ts'
import type { OpenDirectory } from './open-directory.ts'

type About = Parameters<Drafts['begin']>[0]

// The digest of nothing yet, as long as all others.
const BLANK = '0'.repeat(32) as Digest

export class Drafts {
  readonly #open: OpenDirectory
  readonly #intake: Intake
  readonly #options: StoreOptions
  readonly #pending = new Set<Draft>()

  constructor(open: OpenDirectory, intake: Intake, options: StoreOptions) {
    this.#open = open
    this.#intake = intake
    this.#options = options
  }

  /** @param admit gives a row to the newcomer that it makes. */
  begin(
    about: Pick<NewEntry, 'key' | 'codec' | 'async' | 'tags'>,
    admit: (asked: NewEntry, prepare: () => Newcomer) => Entry | undefined,
  ): Draft {
    const file = this.#fileFor(about)
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
          throw storeErrorOf(error, 'storing a result')
        }
        if (!fits) discard()
        return fits
      },
      keep: (asked) => {
        if (!this.#pending.has(draft)) return undefined
        try {
          return admit(asked, () => this.#finish(file, asked))
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
