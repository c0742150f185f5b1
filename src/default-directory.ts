/**
 * Where a project is, and where results are kept if nobody says.
 */
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

/** By PERMAFROST_DIR, the nearest package.json, or for all projects of a user. */
export function defaultDirectory(scope?: 'project' | 'system'): string {
  const named = process.env['PERMAFROST_DIR']
  if (named !== undefined && named !== '' && scope === undefined) return named
  if (scope === 'system') return join(systemCache(), 'permafrost')
  return join(projectFolder() ?? process.cwd(), '.permafrost')
}

/** The nearest folder at or above the current one that has a package.json. */
export function projectFolder(): string | undefined {
  for (let folder = process.cwd(); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder
    if (folder === dirname(folder)) return undefined
  }
}

function systemCache(): string {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env
  if (process.platform === 'win32') return LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local')
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches')
  return XDG_CACHE_HOME ?? join(homedir(), '.cache')
}
