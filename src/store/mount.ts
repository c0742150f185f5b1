/**
 * What kind of file system a directory is on, where that matters: SQLite's log needs memory that all its users share,
 * and locks that work, and network file systems promise neither between machines. Only Linux tells.
 */
import { emit, warn } from '../events.ts'
import type { FileSystem } from './files.ts'

/** By the number that statfs(2) gives; https://man7.org/linux/man-pages/man2/statfs.2.html */
const NETWORKS: Readonly<Record<number, string>> = {
  26985: 'NFS',
  20859: 'SMB',
  4283649346: 'CIFS',
  4266872130: 'SMB',
  1397113167: 'AFS',
  1799439955: 'AFS',
  1937076805: 'Coda',
  16914839: '9P',
  12805120: 'Ceph',
  198183888: 'Lustre',
  1196443219: 'GPFS',
  1702057286: 'FUSE',
  2020557398: 'VirtualBox shared folders',
}

/** Warns once of a directory on a network file system, or on one that may be. */
export function warnOfNetwork(fs: FileSystem, directory: string): void {
  const kind = networkOf(fs, directory)
  if (kind === undefined) return
  emit('network', () => ({ directory, kind }))
  warn(
    'WARN_NETWORK_DIRECTORY',
    directory,
    `${directory} is on a network file system, or one that may be (${kind}). Use it from one machine at a time, or choose a local directory`,
  )
}

/** Its name, if it is one or may be. */
export function networkOf(fs: FileSystem, directory: string): string | undefined {
  if (process.platform !== 'linux') return undefined
  try {
    // some of these numbers are negative where a long has 32 bits
    return NETWORKS[fs.statfsSync(directory).type >>> 0]
  } catch {
    return undefined
  }
}
