/** Each hit as if it were the first of its process: nothing stays in memory. */
import { open as openGroup } from './permafrost.js'

export const open = (directory) => openGroup(directory, { memory: false })
