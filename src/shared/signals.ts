/**
 * Gives rights back when a signal ends the process, so that other machines need not wait them out. Only for programs that ask
 * for it: while somebody listens for a signal, a synchronous computation cannot be interrupted by it.
 */
import type { Rights } from './lease.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/** Milliseconds that giving back may take. */
const PATIENCE = 2000

/** The same rights; from the first that is held on, signals are listened for. */
export function givenBackOnSignals(rights: Rights): Rights {
  let isListening = false
  const end = (signal: NodeJS.Signals): void => {
    for (const one of SIGNALS) process.off(one, end)
    isListening = false
    const late = new Promise<void>((resolve) => void setTimeout(resolve, PATIENCE))
    void Promise.race([rights.releaseAll(), late]).finally(() => {
      // whoever else listens decides what becomes of the process
      if (process.listenerCount(signal) === 0) process.kill(process.pid, signal)
    })
  }
  return {
    acquire: async (key, given) => {
      const acquired = await rights.acquire(key, given)
      if (acquired.kind === 'held' && !isListening) {
        isListening = true
        for (const one of SIGNALS) process.on(one, end)
      }
      return acquired
    },
    releaseAll: () => rights.releaseAll(),
  }
}
