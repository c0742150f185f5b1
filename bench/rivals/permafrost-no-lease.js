/** Nobody waits for another who computes the same. */
import { open as openGroup } from './permafrost.js'

export const open = (directory) => openGroup(directory, { lease: false })
