/**
 * Work on the directory as a whole, which takes its time: collecting garbage, evicting, verifying, recovering, exporting
 * and importing. It gives way to calls now and then, says how far it is, and stops between two steps when it is told to.
 */
import { emit } from '../events.ts'
import type {
  EvictReport,
  ExportReport,
  GcReport,
  ImportReport,
  RecoverOptions,
  VerifyOptions,
  VerifyReport,
  Watch,
} from '../types.ts'
import { recoverAll } from './adopt.ts'
import type { Eviction, Selection, Store, StoreOptions } from './contract.ts'
import { storeErrorOf } from './failure.ts'
import type { OpenDirectory } from './open-directory.ts'
import { exportTo, importFrom, type Source } from './portable.ts'
import type { Results } from './results.ts'
import { collect, evict } from './sweep.ts'
import { verifyStore } from './verify.ts'

export class Upkeep {
  readonly #open: OpenDirectory
  readonly #source: Source

  constructor(open: OpenDirectory, { clock, digest }: StoreOptions, store: Store, results: Results) {
    this.#open = open
    this.#source = {
      fs: open.rooms.fs,
      digest,
      clock,
      find: (key) => store.find(key),
      read: (entry) => results.readOnce(entry),
      put: (entry, { bytes, leaves }) => store.put(entry, bytes, leaves),
      entries: (selection) => store.entries(selection),
      sum: (selection) => store.survey.sum(selection),
    }
  }

  async export(path: string, selection: Selection = {}, watch: Watch = {}): Promise<ExportReport> {
    return exportTo(path, selection, this.#source, watch)
  }

  async import(path: string, watch: Watch = {}): Promise<ImportReport> {
    this.#open.guard('importing', () => this.#open.expectWritable('importing'))
    return importFrom(path, this.#source, watch)
  }

  async gc(watch: Watch = {}): Promise<GcReport> {
    return this.#open.maintain('collecting garbage', () =>
      collect(this.#open.rooms, watch, (error) => this.#open.survive(error, 'collecting garbage')),
    )
  }

  async evict(eviction: Eviction): Promise<EvictReport> {
    return this.#open.maintain('evicting', () =>
      evict(this.#open.rooms, eviction, (error) => this.#open.survive(error, 'evicting')),
    )
  }

  async verify({ repair = false, ...watch }: VerifyOptions = {}): Promise<VerifyReport> {
    const verify = (): Promise<VerifyReport> =>
      verifyStore(
        { ...this.#open.rooms, repair, rebuild: () => this.#open.rebuild('verify found it damaged') },
        watch,
      )
    if (repair) return this.#open.maintain('repairing', verify)
    try {
      this.#open.guard('verifying', () => this.#open.follow())
      return await verify()
    } catch (error) {
      throw storeErrorOf(error, 'verifying')
    }
  }

  async recover(options: RecoverOptions = {}): Promise<{ readonly adopted: number }> {
    return this.#open.maintain('recovering', async () => {
      const adopted = await recoverAll(this.#open.rooms, options)
      if (options.dryRun !== true) {
        this.#open.removeDoomed()
        const { directory } = this.#open.rooms.layout
        if (adopted > 0) emit('adopted', () => ({ directory, objects: adopted }))
      }
      return { adopted }
    })
  }
}
