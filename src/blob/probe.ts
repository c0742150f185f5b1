/**
 * Whether a server honours conditions. Some write without regard to them, some answer that they cannot; so each kind
 * of condition is tried once, on a key of its own, before anything relies on it. What cannot be tried is whether two
 * who write at the same moment are kept apart.
 */
import { randomUUID } from 'node:crypto'
import { BlobError } from '../errors.ts'
import type { BlobCapabilities, BlobDriver } from './blob-store.ts'
import { streamOf } from './body.ts'

export type Condition = 'conditionalCreate' | 'compareAndSwap' | 'conditionalDelete'

const CONDITIONS: Readonly<Record<Condition, string>> = {
  conditionalCreate: 'writing only what is absent',
  compareAndSwap: 'writing only what has not changed',
  conditionalDelete: 'deleting only what has not changed',
}

/** @throws BlobError only if the server could not be asked, or refused to write at all. */
async function probe(driver: BlobDriver, condition: Condition): Promise<boolean> {
  const key = `permafrost-probe/${randomUUID()}`
  const source = { bytes: Buffer.from('?'), size: 1, stream: () => streamOf(Buffer.from('?')) }
  const fresh = `${key}-new`
  const put = (options: object, at = key) => driver.put(at, source, options)
  try {
    // whoever may not write at all is told so here
    const etag = await put({})
    if (condition === 'conditionalCreate')
      return (
        (await fails(() => put({ ifAbsent: true }))) && (await holds(() => put({ ifAbsent: true }, fresh)))
      )
    if (etag === undefined || etag.startsWith('W/')) return false
    const wrong = `${etag.slice(0, 1)}${randomUUID().replaceAll('-', '')}${etag.slice(-1)}`
    const write = (ifMatch: string): Promise<unknown> =>
      condition === 'compareAndSwap' ? put({ ifMatch }) : driver.delete(key, { ifMatch })
    return (await fails(() => write(wrong))) && (await holds(() => write(etag)))
  } finally {
    // what is left behind is one byte
    await driver.delete(key, {}).catch(() => {})
    if (condition === 'conditionalCreate') await driver.delete(fresh, {}).catch(() => {})
  }
}

const fails = (write: () => Promise<unknown>): Promise<boolean> => outcome(write, true)
const holds = (write: () => Promise<unknown>): Promise<boolean> => outcome(write, false)

async function outcome(write: () => Promise<unknown>, refused: boolean): Promise<boolean> {
  try {
    await write()
    return !refused
  } catch (error) {
    if (!(error instanceof BlobError)) throw error
    if (error.code === 'ERR_BLOB_PRECONDITION') return refused
    if (error.code === 'ERR_BLOB_REFUSED' || error.code === 'ERR_BLOB_UNSUPPORTED') return false
    throw error
  }
}

/** What is known of a driver's conditions so far. */
export class Conditions {
  readonly #driver: BlobDriver
  readonly #known = new Map<Condition, Promise<boolean>>()
  readonly #found: Partial<Record<Condition, boolean>> = {}

  constructor(driver: BlobDriver) {
    this.#driver = driver
  }

  get capabilities(): BlobCapabilities {
    return { ...this.#driver.capabilities, ...this.#found }
  }

  /** Asks the server at the first call, and again only if that failed. @throws BlobError `ERR_BLOB_UNSUPPORTED` */
  async demand(condition: Condition, retried: <T>(ask: () => Promise<T>) => Promise<T>): Promise<void> {
    let known: boolean | undefined = this.capabilities[condition]
    if (known === undefined) {
      let asked = this.#known.get(condition)
      if (asked === undefined) {
        asked = retried(() => probe(this.#driver, condition))
        this.#known.set(condition, asked)
        asked.then(
          (found) => {
            this.#found[condition] = found
          },
          () => this.#known.delete(condition),
        )
      }
      known = await asked
    }
    if (!known)
      throw new BlobError(
        'ERR_BLOB_UNSUPPORTED',
        `${this.#driver.uri} does not honour ${CONDITIONS[condition]}`,
      )
  }
}
