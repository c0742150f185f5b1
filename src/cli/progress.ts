/**
 * Work that takes its time: a bar on stderr where somebody sees it, and Ctrl-C, which ends it between two steps.
 */
import { createRequire } from 'node:module'
import type { Watch } from '../types.ts'
import { EXIT, whereCtrlC } from './common.ts'

/** The part of cli-progress used here. */
interface Bar {
  start(total: number, done: number): void
  setTotal(total: number): void
  update(done: number): void
  stop(): void
}

const GOES_ON = 'what was done stays, and the same command goes on from there'

/** Does `work`, which is told to stop by Ctrl-C; a second Ctrl-C does not wait. `what` is counted; `stopped` says what is then. */
export async function watched<T>(
  doing: string,
  what: string,
  work: (watch: Watch) => Promise<T>,
  stopped: string = GOES_ON,
): Promise<T> {
  const controller = new AbortController()
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(EXIT.stopped)
    controller.abort()
  }
  const { end, ...told } = bar(doing, what)
  try {
    return await whereCtrlC(stop, () => work({ signal: controller.signal, ...told }))
  } finally {
    end()
    if (controller.signal.aborted) {
      console.error(`permafrost: stopped; ${stopped}`)
      process.exitCode = EXIT.stopped
    }
  }
}

/** Where nobody sees it nobody need count. */
function bar(doing: string, what: string): Pick<Watch, 'onProgress'> & { end: () => void } {
  if (process.stderr.isTTY !== true) return { end: () => undefined }
  let shown: Bar | undefined
  return {
    onProgress: (done, total) => {
      if (shown === undefined) {
        const { SingleBar } = createRequire(import.meta.url)('cli-progress') as {
          SingleBar: new (o: object) => Bar
        }
        shown = new SingleBar({
          format: `${doing} {bar} {value} of {total} ${what}, {eta} s left`,
          clearOnComplete: true,
          // Ctrl-C is ours
          gracefulExit: false,
        })
        shown.start(total, done)
      }
      shown.setTotal(total)
      shown.update(done)
    },
    end: () => shown?.stop(),
  }
}
