/** Percentiles of one operation, in microseconds, by tinybench. */
import { Bench } from 'tinybench'

/** @param {Record<string, { run: () => unknown, reference?: string }>} tasks */
export async function measure(tasks, time = 1000) {
  const bench = new Bench({ time, warmupTime: 300 })
  for (const [name, { run }] of Object.entries(tasks)) bench.add(name, run)
  await bench.run()
  return bench.tasks.map(({ name, result }) => {
    if (result.state !== 'completed') throw result.error ?? new Error(`${name}: ${result.state}`)
    const { min, p50, p99 } = result.latency
    return { name, min: min * 1000, p50: p50 * 1000, p99: p99 * 1000, reference: tasks[name].reference }
  })
}
