/**
 * Compares what the directory claims with what it holds, as a list of named steps, each timed. Reads every byte.
 * With `repair`, puts right what it finds; nothing that could still be right is removed.
 */
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import type { Digest, Problem, VerifyReport, Watch } from '../types.ts'
import { adopt, judge, type Rooms, removeDoomed, removeUnnamed } from './adopt.ts'
import { storeErrorOf } from './failure.ts'
import { removeFile } from './files.ts'
import { foreignNames } from './layout.ts'
import { removeDamaged } from './result.ts'
import type { Located } from './row.ts'
import { isOldOrphan } from './sweep.ts'
import { leftovers } from './writer.ts'

/** What verifying needs of the store beyond its rooms. */
export interface Verifier extends Rooms {
  readonly repair: boolean
  /** Sets the index aside and builds it anew from the objects. */
  readonly rebuild: () => void
}

type Find = (code: string, message: string, repair?: () => void) => void
/** Counts what was looked at. */
type Look = (count?: number) => void
type Step = (verifier: Verifier, find: Find, look: Look) => Generator<void>

const steps: Readonly<Record<string, Step>> = {
  index: checkIndex,
  entries: checkEntries,
  objects: checkObjects,
  leaves: checkLeaves,
  removals: checkRemovals,
  totals: checkTotals,
  parsed: checkParsed,
  tmp: checkTmp,
  foreign: checkForeign,
}

// Rows between two pauses.
const SLICE = 200

/** Steps that were not begun when the signal was aborted are not in the report. */
export async function verifyStore(verifier: Verifier, { onProgress, signal }: Watch): Promise<VerifyReport> {
  const problems: Problem[] = []
  const times: Record<string, number> = {}
  const checked: Record<string, number> = {}
  const find: Find = (code, message, repair) => {
    const repaired = verifier.repair && repair !== undefined
    if (repaired) repair()
    problems.push({ code, message, repaired })
  }
  const total = onProgress === undefined ? 0 : verifier.index().ledger.totals().entries
  for (const [name, step] of Object.entries(steps)) {
    if (signal?.aborted) break
    const start = performance.now()
    let seen = 0
    const look = (count = 1): void => {
      seen += count
    }
    try {
      for (const _ of step(verifier, find, look)) {
        // the step that reads the results; the others are short beside it
        if (name === 'entries') onProgress?.(seen, Math.max(seen, total))
        await setImmediate()
        if (signal?.aborted) break
      }
    } catch (error) {
      // An index that cannot even be read is a finding, too.
      const failure = storeErrorOf(error, name)
      if (failure.code !== 'ERR_STORE_CORRUPT') throw failure
      find('index-damaged', failure.message, verifier.rebuild)
    }
    times[name] = performance.now() - start
    checked[name] = seen
  }
  return { problems, steps: times, checked }
}

function* checkIndex({ index, rebuild }: Verifier, find: Find, look: Look): Generator<void> {
  look(index().pages())
  const findings = index().check()
  if (findings.length > 0) find('index-damaged', `SQLite finds: ${findings.join('; ')}`, rebuild)
  yield
}

function* checkEntries(verifier: Verifier, find: Find, look: Look): Generator<void> {
  const { index, objects } = verifier
  let seen = 0
  for (const { id, located } of index().rows('up')) {
    if (++seen % SLICE === 0) yield
    look()
    if (located === undefined) {
      find('entry-damaged', `row ${id} does not match its seal`, () =>
        index().write(() => index().removeRow(id)),
      )
      continue
    }
    const { entry, file, leaves } = located
    if (file === undefined || objects.read(file, entry, leaves) !== undefined) {
      checkNames(verifier, located, find)
      continue
    }
    const { key } = entry
    // Another process may have removed it while we were reading.
    const now = index().find(key.digest)
    if (now === undefined || now === 'damaged' || now.file !== file) continue
    find('object-damaged', `${key.name} ${key.digest}: its object ${file} is gone or damaged`, () =>
      index().removeExactly(located),
    )
    yield
  }
}

/** The leaves that are counted for an entry must be those of its row. */
function checkNames({ index }: Verifier, { entry, file, id, leaves }: Located, find: Find): void {
  if (file === undefined) return
  const isWrong = (): boolean =>
    JSON.stringify(leaves) !== JSON.stringify(index().leaves.of(file)) && index().namesFile(file)
  if (!isWrong()) return
  find('leaves-misnamed', `${entry.key.name} ${entry.key.digest}: other leaves are counted for it`, () =>
    index().write(() => {
      if (isWrong()) index().leaves.name(id, leaves)
    }),
  )
}

const REASONS = {
  adoptable: ['orphan', 'has no entry'],
  superseded: ['orphan-superseded', 'has no entry, and its call has a newer one'],
  damaged: ['orphan-damaged', 'has no entry and is damaged'],
} as const

function* checkObjects(verifier: Verifier, find: Find, look: Look): Generator<void> {
  const { fs, layout, objects } = verifier
  const inFlight = (): Set<Digest | undefined> =>
    new Set(leftovers(fs, layout.tmp).map(({ dead, announces }) => (dead ? undefined : announces)))
  let seen = 0
  for (const file of objects.list()) {
    if (++seen % 100 === 0) yield
    look()
    const first = judge(verifier, file)
    // A writer at work may be about to name it, or may just have removed it.
    if (first === undefined || first.kind === 'removed' || inFlight().has(file)) continue
    const orphan = judge(verifier, file)
    if (orphan === undefined || orphan.kind === 'removed') continue
    if (objects.ageAndSize(file) === undefined) continue
    const [code, words] = REASONS[orphan.kind]
    find(code, `object ${file} ${words}`, () => {
      if (orphan.kind !== 'adoptable' || !adopt(verifier, orphan.found)) objects.remove(file)
    })
  }
}

function* checkLeaves(verifier: Verifier, find: Find, look: Look): Generator<void> {
  const { index, leaves } = verifier
  if (index().leaves.hasStrays())
    find('leaves-misnamed', 'the index has leaves of entries that are not there', () =>
      index().leaves.removeStrays(),
    )
  for (const leaf of index().leaves.all()) {
    look()
    yield
    const { file } = leaf
    if (leaves.read(leaf) !== undefined) continue
    // Another process may have removed it while we were reading.
    if (!index().leaves.isNamed(file) || leaves.read(leaf) !== undefined) continue
    const code = leaves.ageAndSize(file) === undefined ? 'leaf-missing' : 'leaf-damaged'
    find(code, `leaf ${file} is ${code.slice('leaf-'.length)}`, () => {
      removeDamaged(verifier, [leaf])
      index().write(() => {
        if (leaves.has(leaf)) return
        index().ledger.addDepartures(index().leaves.removeEntries(file), 'lost')
      })
    })
  }
  for (const file of leaves.list()) {
    look()
    if (!isOldOrphan(verifier, file)) continue
    find('leaf-orphan', `leaf ${file} is named by no entry`, () =>
      removeUnnamed(verifier, [file], () => undefined),
    )
    yield
  }
}

function* checkRemovals(verifier: Verifier, find: Find, look: Look): Generator<void> {
  const { index, leaves, objects } = verifier
  const removed = [...index().ledger.chores('remove')]
  const unnamed = [...index().ledger.chores('leaf')]
  look(removed.length + unnamed.length)
  const left = [
    ...removed.filter((file) => objects.ageAndSize(file) !== undefined),
    ...unnamed.filter((file) => leaves.ageAndSize(file) !== undefined),
  ]
  if (left.length > 0 || verifier.repair) {
    const remove = (): void => void removeDoomed(verifier, () => undefined)
    if (left.length > 0) find('removal-unfinished', `${left.length} removed files are still there`, remove)
    else remove()
  }
  yield
}

function* checkTotals({ index }: Verifier, find: Find, look: Look): Generator<void> {
  look(index().ledger.totals().entries)
  if (!index().look(() => index().ledger.isCountedRight())) {
    find('totals-wrong', 'the totals do not match the entries', () => index().ledger.recount())
  }
  yield
}

function* checkParsed({ index }: Verifier, find: Find, look: Look): Generator<void> {
  for (const { id, sound } of index().parsed.rows()) {
    look()
    if (!sound)
      find('parsed-damaged', `what was read out of a text (row ${id}) does not match its seal`, () =>
        index().write(() => index().parsed.remove(id)),
      )
  }
  yield
}

function* checkTmp({ fs, layout }: Verifier, find: Find, look: Look): Generator<void> {
  for (const { name, dead } of leftovers(fs, layout.tmp)) {
    look()
    if (dead)
      find('tmp-stale', `tmp/${name} was left by a dead process`, () =>
        removeFile(fs, join(layout.tmp, name)),
      )
  }
  yield
}

function* checkForeign({ fs, layout }: Verifier, find: Find, look: Look): Generator<void> {
  for (const name of foreignNames(fs, layout.directory)) {
    look()
    find('foreign', `"${name}" was not made by permafrost`)
  }
  yield
}
