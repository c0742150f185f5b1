/** With lmdb's own cache of decoded objects: a hit gives the same object again. */
import { open as openLmdb } from './lmdb.js'

export const open = (directory) => openLmdb(directory, { cache: true })
