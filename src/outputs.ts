/**
 * Files as results: what `file()` made and a function returns is kept with its content, and put back where it was if it is
 * gone or changed by the time of a hit. Copied, never linked, so that nobody's edit reaches the cache.
 */
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { registerClass } from './codec/codec.ts'
import { file } from './freeze/file.ts'
import { inputVersion } from './freeze/marks.ts'

/** A file as the call left it. */
export type Output = readonly [path: string, mode: number, version: string, content: Uint8Array]

/** The paths met while a result is being encoded, which is synchronous. */
let met: Set<string> | undefined

registerClass(file('.').constructor as new (path: string) => ReturnType<typeof file>, {
  name: 'permafrost.file',
  encode: ({ path }) => {
    met?.add(path)
    return path
  },
  decode: (path) => file(path as string),
})

/** What `encode` gives, and the paths of the files that are in it. */
export function metDuring<T>(encode: () => T): { readonly encoded: T; readonly paths: ReadonlySet<string> } {
  const [outer, paths] = [met, new Set<string>()]
  met = paths
  try {
    return { encoded: encode(), paths }
  } finally {
    met = outer
  }
}

/** The files at these paths as they are now; one that does not exist is not kept. Throws what reading throws. */
export function takeOutputs(paths: Iterable<string>): Output[] {
  const outputs: Output[] = []
  for (const path of paths) {
    const version = versionOf(path)
    if (version === 'absent') continue
    const { mode } = statSync(path)
    outputs.push([path, mode & 0o777, version, readFileSync(path)])
  }
  return outputs
}

/** Puts back what is missing or another. Throws what writing throws. */
export function putBack(outputs: readonly Output[]): void {
  for (const [path, mode, version, content] of outputs) {
    if (versionOf(path) === version) {
      if ((statSync(path).mode & 0o777) !== mode) chmodSync(path, mode)
      continue
    }
    mkdirSync(dirname(path), { recursive: true })
    const partial = `${path}.${process.getBuiltinModule('node:crypto').randomUUID()}.tmp`
    try {
      writeFileSync(partial, content, { mode, flag: 'wx' })
      chmodSync(partial, mode)
      renameSync(partial, path)
    } catch (error) {
      rmSync(partial, { force: true })
      throw error
    }
  }
}

const versionOf = (path: string): string => String(file(path)[inputVersion]())
