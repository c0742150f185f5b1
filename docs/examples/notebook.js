/**
 * A REPL with the cache at hand: `memoize`, `file` and `group` are there without an import.
 *
 *   node docs/examples/notebook.js
 *
 * Paste a cell, change it, paste it again; leave with Ctrl+D and come back tomorrow.
 */
import { start } from 'node:repl'
import { file, MemoizedGroup } from 'permafrost'

const group = new MemoizedGroup()
const session = start({ prompt: '> ', useGlobal: true, ignoreUndefined: true })
Object.assign(session.context, { file, group, memoize: group.memoize })
