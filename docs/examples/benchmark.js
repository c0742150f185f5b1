/**
 * Compares functions by speed and remembers each measurement: editing one candidate measures that one again.
 *
 *   node docs/examples/benchmark.js [--again]
 *
 * `--again` measures everything anew and replaces what was kept.
 */
import { cpus } from 'node:os'
import { MemoizedGroup } from 'permafrost'
import { Bench } from 'tinybench'

const SIZES = [100, 1000, 5000]

/** Ways to remove what is there twice. Each is an argument of `measure`, where it counts by its code. */
const candidates = {
  set: (numbers) => [...new Set(numbers)],
  filter: (numbers) => numbers.filter((number, i) => numbers.indexOf(number) === i),
  sort: (numbers) => numbers.toSorted((a, b) => a - b).filter((number, i, all) => number !== all[i - 1]),
}

const group = new MemoizedGroup()

/** A time is of the machine and the runtime, too: both are declared. It says itself when it was taken. */
const measure = group.memoize(
  async function measure(candidate, size) {
    const numbers = input(size)
    const bench = new Bench({ time: 100, warmupTime: 50 })
    bench.add('candidate', () => candidate(numbers))
    const [task] = await bench.run()
    if (task.result.state !== 'completed') throw task.result.error
    const { p50, p99 } = task.result.latency
    return { p50, p99, at: new Date() }
  },
  { state: () => [cpus()[0]?.model, process.version] },
)

/** The same numbers for the same size, on each machine: a linear congruential generator, begun at the size. */
function input(size) {
  let state = size
  return Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state % size
  })
}

const look = process.argv.includes('--again') ? measure.refresh : measure

// one after the other: two measurements at once would disturb each other
for (const [name, candidate] of Object.entries(candidates)) {
  for (const size of SIZES) {
    const { at, p50, p99 } = await look(candidate, size)
    console.log(
      `${name.padEnd(8)} ${`${size}`.padStart(6)} ${micro(p50)} ${micro(p99)}   ${at.toISOString()}`,
    )
  }
}
console.log(`\n${group.report()}`)

function micro(milliseconds) {
  return `${(1000 * milliseconds).toFixed(1).padStart(10)} µs`
}
