/**
 * The groups of this process that are open: they are closed when it ends, and the first of them keeps what functions were
 * read as.
 */
import { keepParsesIn } from './freeze/kept.ts'
import type { KeptTexts } from './store/contract.ts'

interface Opened {
  readonly end: () => void
  readonly parses: KeptTexts
}

/** In the order in which they were opened: the first keeps what all functions of the process are read as. */
const groups = new Map<object, Opened>()
let listening = false

export function closed(group: object): void {
  groups.delete(group)
  const [first] = groups.values()
  keepParsesIn(first?.parses)
}

export function opened(group: object, how: Opened): void {
  groups.set(group, how)
  if (groups.size === 1) keepParsesIn(how.parses)
  if (listening) return
  listening = true
  process.on('exit', () => {
    for (const { end } of [...groups.values()]) {
      try {
        end()
      } catch {
        // the program ends with its own exit code; results are on disk already, only counts are lost
      }
    }
  })
}
