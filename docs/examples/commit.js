/**
 * Long work before a risky step: each result is safe from a crash of the program when its call returns, and safe from a power
 * cut when `commit()` returns.
 *
 *   node docs/examples/commit.js [abort | kill]
 *
 * Without an argument nothing risky happens. Run it again afterwards: nothing is computed twice.
 */
import { MemoizedGroup } from 'permafrost'

const STEPS = 5

/** What may take the machine, or at least this program, with it. A new driver, a firmware update, `reboot` … */
const risks = {
  abort: () => process.abort(),
  kill: () => process.kill(process.pid, 'SIGKILL'),
}

const group = new MemoizedGroup()

/** Stands for hours of computing: steps of the logistic map. */
const simulate = group.memoize(function simulate(start, steps) {
  console.log(`simulating from ${start}`)
  let x = start
  for (let n = 0; n < steps; n++) x = 3.9 * x * (1 - x)
  return x
})

let x = 0.5
for (let step = 1; step <= STEPS; step++) x = simulate(x, 5_000_000)
console.log(`after ${STEPS} steps: ${x}`)

group.commit() // synchronous: when it returns, all of the above is on the disk, not only on its way
console.log('committed')
risks[process.argv[2]]?.()
