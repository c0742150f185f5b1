/**
 * What can be said of a directory before it is opened: whether it is a store, on what it lies, and what may be done there.
 * Changes nothing.
 */
import { constants } from 'node:fs'
import { dirname } from 'node:path'
import { StoreError } from '../errors.ts'
import type { DirectoryFacts } from '../types.ts'
import { type FileSystem, nodeFiles } from './files.ts'
import { layoutOf, prepareDirectory } from './layout.ts'
import { networkOf } from './mount.ts'
import { FORMAT } from './schema.ts'

/** @param directory absolute */
export function factsOf(directory: string, fs: FileSystem = nodeFiles): DirectoryFacts {
  const there = nearest(fs, directory)
  return {
    directory,
    format: FORMAT,
    exists: there === directory,
    ...refusalOf(fs, directory),
    isWritable: isWritable(fs, there),
    ...spaceOf(fs, there),
  }
}

/** The directory, or what is to hold it. */
function nearest(fs: FileSystem, directory: string): string {
  for (let path = directory; ; path = dirname(path)) {
    if (fs.statSync(path, { throwIfNoEntry: false }) !== undefined || path === dirname(path)) return path
  }
}

function refusalOf(fs: FileSystem, directory: string): { readonly refusal?: string } {
  try {
    prepareDirectory(fs, layoutOf(directory), true)
    return {}
  } catch (error) {
    if (error instanceof StoreError) return { refusal: error.message }
    throw error
  }
}

function isWritable(fs: FileSystem, path: string): boolean {
  try {
    fs.accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}

function spaceOf(fs: FileSystem, path: string): Pick<DirectoryFacts, 'free' | 'network'> {
  const network = networkOf(fs, path)
  try {
    const { bavail, bsize } = fs.statfsSync(path)
    return { free: bavail * bsize, ...(network !== undefined && { network }) }
  } catch {
    // not every system tells
    return network === undefined ? {} : { network }
  }
}
