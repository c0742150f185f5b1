/** Makes the n-th call of a kind fail: of the file system, or of SQLite. */
import * as nodeFs from 'node:fs'
import { createRequire, syncBuiltinESMExports } from 'node:module'
import type { FileSystem } from '#src/store/files.js'

const require = createRequire(import.meta.url)

/** `npm run soak`: every call fails in every way. Without it each call fails in some, which ones differ from call to call. */
export const isSoak: boolean = process.env['PERMAFROST_SOAK'] === '1'

type Call = (this: unknown, ...args: unknown[]) => unknown

/** A file system whose n-th call fails, after doing half its work where there is a half. */
export function failingFiles(n: number, code: string): { readonly fs: FileSystem; reached(): boolean } {
  let calls = 0
  const fs = Object.fromEntries(
    Object.entries(nodeFs).map(([name, member]) => {
      if (typeof member !== 'function' || !name.endsWith('Sync')) return [name, member]
      const call = member as Call
      return [name, (...args: unknown[]) => (++calls === n ? halfOf(name, call, args, code) : call(...args))]
    }),
  ) as unknown as FileSystem
  return { fs, reached: () => calls >= n }
}

function halfOf(name: string, call: Call, args: unknown[], code: string): never {
  if (name === 'writeSync' && (args[3] as number) > 1) call(args[0], args[1], args[2], 1)
  if (name === 'closeSync') call(...args)
  throw Object.assign(new Error(`${code}: injected`), { code })
}

/** Does `work` while the n-th call of `node:fs` that concerns a directory fails. Returns whether there was one. */
export async function withFailingFiles(
  n: number,
  code: string,
  directory: string,
  work: () => Promise<void>,
): Promise<boolean> {
  let calls = 0
  const fs = require('node:fs') as Record<string, unknown>
  const descriptors = new Set<unknown>()
  const concerns = (what: unknown): boolean =>
    typeof what === 'string' ? what.startsWith(directory) : descriptors.has(what)
  const original = Object.entries(fs).filter(
    ([name, call]) => typeof call === 'function' && name.endsWith('Sync'),
  )
  for (const [name, member] of original) {
    const call = member as Call
    const wrapped = (...args: unknown[]): unknown => {
      if (concerns(args[0]) && ++calls === n) return halfOf(name, call, args, code)
      const result = call(...args)
      if (name === 'openSync' && concerns(args[0])) descriptors.add(result)
      if (name === 'closeSync') descriptors.delete(args[0])
      return result
    }
    fs[name] = Object.assign(wrapped, call)
  }
  syncBuiltinESMExports()
  try {
    await work()
  } finally {
    Object.assign(fs, Object.fromEntries(original))
    syncBuiltinESMExports()
  }
  return calls >= n
}

interface Prototype {
  [name: string]: Call
}

const path = require.resolve('better-sqlite3')
const Database = require(path) as (new (
  ...args: unknown[]
) => { prepare(sql: string): object }) & {
  readonly prototype: Prototype
  readonly SqliteError: new (message: string, code: string) => Error
}
// Reachable for good, as in entry-index.ts.
const probe = new Database(':memory:')
const statement = probe.prepare('SELECT 1')
const methods = [
  ...['run', 'get', 'all'].map((name) => [Object.getPrototypeOf(statement) as Prototype, name] as const),
  ...['exec', 'prepare'].map((name) => [Database.prototype, name] as const),
]

/** Does `work` while the n-th call of SQLite fails. Returns whether there was one. Of commits, some are done and fail. */
export async function withFailingSqlite(
  n: number,
  code: string,
  work: () => Promise<void>,
): Promise<boolean> {
  let calls = 0
  const failure = (): Error => new Database.SqliteError(`${code}: injected`, code)
  const original = methods.map(([prototype, name]) => prototype[name]!)
  for (const [index, [prototype, name]] of methods.entries()) {
    const call = original[index]!
    prototype[name] = function (this: unknown, ...args: unknown[]): unknown {
      if (++calls !== n) return call.apply(this, args)
      if ((this as { source?: string }).source === 'COMMIT' && n % 2 === 0) call.apply(this, args)
      throw failure()
    }
  }
  const cached = require.cache[path]!
  cached.exports = Object.assign(function (...args: unknown[]): object {
    if (++calls === n) throw failure()
    return new Database(...args)
  }, Database)
  try {
    await work()
  } finally {
    cached.exports = Database
    for (const [index, [prototype, name]] of methods.entries()) prototype[name] = original[index]!
  }
  return calls >= n
}
