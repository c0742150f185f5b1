/** A store in memory that can be held up, or made to fail, from outside. */
import { type BlobStore, openBlobStore } from 'permafrost/blob'

type Method = 'get' | 'put' | 'head' | 'delete'

export interface Gated {
  readonly store: BlobStore
  /** What is under the gate: it sees each request first; what it throws is what the request comes to. */
  before: (method: Method, key: string) => Promise<void> | void
  /** What was asked, as `get result`. */
  readonly asked: string[]
}

const METHODS: readonly unknown[] = ['get', 'put', 'head', 'delete']

export async function gated(inner?: BlobStore): Promise<Gated> {
  const target = inner ?? (await openBlobStore('memory:'))
  const asked: string[] = []
  const store = new Proxy(target, {
    get: (_, name) => {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      if (!METHODS.includes(name)) return value.bind(target)
      return async (key: string, ...rest: unknown[]) => {
        asked.push(`${String(name)} ${key.replace(/^.*\//, '')}`)
        await gate.before(name as Method, key)
        return Reflect.apply(value, target, [key, ...rest])
      }
    },
  })
  const gate: Gated = { store, asked, before: () => {} }
  return gate
}

/** A promise, and what keeps it waiting. */
export function latch(): { readonly opened: Promise<void>; open(): void } {
  let open!: () => void
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open: () => open() }
}
