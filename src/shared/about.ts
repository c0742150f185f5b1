/**
 * Who computes here, and from what: for people who wonder later where a result came from. Runs no program and asks nobody;
 * what cannot be told is left out.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { hostname, userInfo } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { About } from './parcel.ts'

type Here = Pick<About, 'by' | 'host' | 'pid' | 'node' | 'permafrost' | 'commit'>

let here: Here | undefined

/** What is the same for all calls of this process. */
export function aboutHere(): Here {
  if (here === undefined) {
    const commit = attempt(() => commitAt(process.cwd()))
    here = {
      by: attempt(() => userInfo().username) ?? 'unknown',
      host: hostname(),
      pid: process.pid,
      node: process.version,
      permafrost: attempt(ownVersion) ?? 'unknown',
      ...(commit !== undefined && { commit }),
    }
  }
  return here
}

/** Of one computation: no other has it, and later ones sort later. */
export const attemptId = (): string => `${Date.now().toString(36)}-${randomBytes(5).toString('hex')}`

function attempt<T>(question: () => T): T | undefined {
  try {
    return question()
  } catch {
    return undefined
  }
}

/** Of the nearest package.json above this file, which is this package's wherever its files lie. */
function ownVersion(): string | undefined {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const text = attempt(() => readFileSync(join(folder, 'package.json'), 'utf8'))
    if (text !== undefined) return (JSON.parse(text) as { version?: string }).version
    if (folder === dirname(folder)) return undefined
  }
}

/** The commit that is checked out around a folder, by the files of git (gitrepository-layout(5)); not what was edited since. */
function commitAt(start: string): string | undefined {
  for (let folder = resolve(start); ; folder = dirname(folder)) {
    const git = gitFolder(join(folder, '.git'))
    if (git !== undefined) return commitIn(git)
    if (folder === dirname(folder)) return undefined
  }
}

/** `.git` is a folder; of a worktree or a submodule, a file that names one. */
function gitFolder(path: string): string | undefined {
  if (attempt(() => readFileSync(join(path, 'HEAD'), 'utf8')) !== undefined) return path
  const named = attempt(() => /^gitdir: (.+)$/m.exec(readFileSync(path, 'utf8'))?.[1])
  return named === undefined ? undefined : resolve(dirname(path), named)
}

function commitIn(git: string): string | undefined {
  const head = readFileSync(join(git, 'HEAD'), 'utf8').trim()
  const name = /^ref: (.+)$/.exec(head)?.[1]
  if (name === undefined) return head
  const common = attempt(() => resolve(git, readFileSync(join(git, 'commondir'), 'utf8').trim())) ?? git
  const loose = attempt(() => readFileSync(join(common, name), 'utf8').trim())
  if (loose !== undefined) return loose
  const packed = attempt(() => readFileSync(join(common, 'packed-refs'), 'utf8')) ?? ''
  return packed
    .split('\n')
    .find((line) => line.endsWith(` ${name}`))
    ?.split(' ')[0]
}
