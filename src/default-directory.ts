/**
 * Where results are kept if nobody says.
 */
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

/** By PERMAFROST_DIR, the nearest package.json, or for all projects of a user. */
export function defaultDirectory(scope?: 'project' | 'system'): string {
  const named = process.env['PERMAFROST_DIR']
  if (named !== undefined && named !== '' && scope === undefined) return named
  if (scope === 'system') return join(systemCache(), 'permafrost')
  const start = process.cwd()
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return join(folder, '.permafrost')
    if (folder === dirname(folder)) return join(start, '.permafrost')
  }
}

function systemCache(): string {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env
  if (process.platform === 'win32') return LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local')
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches')
  return XDG_CACHE_HOME ?? join(homedir(), '.cache')
}
