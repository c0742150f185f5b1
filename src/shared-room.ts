/**
 * Opens what a group shares with others, for its calls: the tier, the rights to compute, and whose pipeline they are in.
 */
import { performance } from 'node:perf_hooks'
import type { BlobStore } from './blob/blob-store.ts'
import { importPlugins } from './configuration.ts'
import { messageOf, type PermafrostError } from './errors.ts'
import { type GroupOptions, groupDefaults } from './group-options.ts'
import type { SharedRoom } from './memo.ts'
import { milliseconds } from './options.ts'
import { aboutHere, attemptId } from './shared/about.ts'
import { openRights, type Rights } from './shared/lease.ts'
import { RUNNER } from './shared/place.ts'
import { givenBackOnSignals } from './shared/signals.ts'
import { Tier } from './shared/tier.ts'
import { lifeOf, processId } from './store/process.ts'

/** How long a right to compute outlives a machine that is gone. */
const DURATION = '60s'

type Options = Pick<GroupOptions, 'blobStore' | 'lease' | 'mode' | 'patience' | 'signingKey'>

/**
 * Opens nothing yet. Undefined where there is nothing to share with. Throws a `TypeError` for what is no URI.
 * @param run the id of the run that its results are of
 */
export function sharedRoom(
  {
    blobStore,
    lease = {},
    mode = groupDefaults.mode,
    patience = groupDefaults.patience,
    signingKey,
  }: Options,
  clock: () => number,
  report: (error: PermafrostError, subject: string) => void,
  run?: string,
): SharedRoom | undefined {
  if (blobStore === undefined) return undefined
  const isOpened = typeof blobStore === 'object' && !(blobStore instanceof URL)
  const root = isOpened ? blobStore.uri : withoutSecrets(blobStore)
  const tier = new Tier({
    open: async () => {
      if (isOpened) return lent(blobStore)
      await importPlugins()
      return (await blobRoom()).openBlobStore(`${blobStore}`)
    },
    mode,
    signingKey,
    patience: milliseconds(patience, 'patience'),
    clock,
    now: () => performance.now(),
    report: (error) => report(error, root),
  })
  return {
    tier,
    root,
    rights:
      lease !== false && mode === 'read-write'
        ? rightsOf(tier, milliseconds(lease.duration ?? DURATION, 'lease.duration'), lease.signals === true)
        : undefined,
    isTrusted: signingKey !== undefined,
    spaceOf: (memo) => memo.spaceOf(),
    below: (memospace) => below(root, memospace),
    about: (memo, { key, packages }) => ({
      ...aboutHere(),
      name: memo.name,
      code: memo.version === undefined ? key.code : `version ${memo.version}`,
      ...(run !== undefined && { run }),
      attempt: attemptId(),
      ...(packages.size > 0 && { packages: Object.fromEntries([...packages].sort()) }),
    }),
  }
}

/** Opened with the store. */
function rightsOf(tier: Tier, duration: number, onSignals: boolean): Rights {
  let opening: Promise<Rights> | undefined
  const opened = () => {
    opening ??= tier
      .store()
      .then((store) => openRights(store, { owner: processId(), lifeOf, duration }))
      .then((rights) => (onSignals ? givenBackOnSignals(rights) : rights))
    return opening
  }
  return {
    acquire: async (key, signal) => {
      try {
        return await (await opened()).acquire(key, signal)
      } catch (error) {
        return { kind: 'none', why: messageOf(error) }
      }
    },
    releaseAll: async () => {
      await (await opening?.catch(() => undefined))?.releaseAll()
    },
  }
}

const blobRoom = (): Promise<typeof import('./blob/index.ts')> => import('./blob/index.ts')

/** Whoever opened it closes it. */
const lent = (store: BlobStore): BlobStore =>
  new Proxy(store, {
    get: (target, name) => {
      if (name === 'close') return async () => undefined
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })

export function withoutSecrets(uri: string | URL): string {
  const url = new URL(uri)
  url.username = ''
  url.password = ''
  return url.href.replace(/\/$/, '')
}

/** A memospace by its URI, or by its key below the root. Throws a `TypeError` for one that is elsewhere. */
export function below(root: string, memospace: string): string {
  const key = memospace.startsWith(`${root}/`) ? memospace.slice(root.length + 1) : memospace
  if (!key.startsWith(`${RUNNER}/`))
    throw new TypeError(`the memospace ${memospace} is not below ${root}/${RUNNER}/`)
  return key.replace(/\/$/, '')
}
