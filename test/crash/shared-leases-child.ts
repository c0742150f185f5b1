/**
 * A process that wants the same results as others: for each key it takes the right, computes (a line in the log) and
 * publishes, or waits for who does. Of the key
 * `dies` the first holder computes for ever, to be killed.
 */
import { appendFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { openBlobStore } from '#src/blob/open.js'
import { openRights } from '#src/shared/lease.js'
import { lifeOf, processId } from '#src/store/process.js'

type Args = [uri: string, log: string, skew: string, duration: string, where: string, ...keys: string[]]
const [uri, log, skew, duration, where, ...keys] = process.argv.slice(2) as Args
const store = await openBlobStore(uri)
const rights = openRights(store, {
  owner: processId(),
  // as if each process were on a machine of its own
  lifeOf: where === 'alone' ? () => 'unknown' : lifeOf,
  duration: Number(duration),
  clock: {
    steady: () => performance.now(),
    wall: () => Date.now() + Number(skew),
    later: (time, work) => {
      const timer = setTimeout(work, time).unref()
      return () => clearTimeout(timer)
    },
    sleep: (time) => pause(time),
  },
})
for (const key of keys)
  for (;;) {
    if ((await store.head(`results/${key}`)) !== undefined) break
    const acquired = await rights.acquire(`leases/${key}`)
    if (acquired.kind === 'none') throw new Error(acquired.why)
    if (acquired.kind === 'taken') {
      await pause(Math.min(acquired.retryAfter, 100))
      continue
    }
    if ((await store.head(`results/${key}`)) === undefined) {
      appendFileSync(log, `${key} ${process.pid} ${acquired.right.token}\n`)
      if (key === 'dies' && acquired.right.token === 1) await pause(600_000)
      await pause(20)
      await store.put(`results/${key}`, Buffer.from(String(process.pid)), { ifAbsent: true })
    }
    await acquired.right.release()
    break
  }
await store.close()
