/** Times of single calls in microseconds, and what sums them up. Each has the reading of the clock in it: some 0.04 µs. */

/**
 * Times `call(n)` for so many milliseconds, at least once and at most `most` times. What gives a promise is awaited.
 * @returns {Promise<Float64Array>}
 */
export async function timeOf(call, { ms, most = 20_000 }) {
  const times = new Float64Array(most)
  let count = 0
  let before = performance.now()
  const end = before + ms
  const first = call(0)
  if (typeof first?.then === 'function') {
    await first
    times[count++] = performance.now() - before
    while (count < most && performance.now() < end) {
      before = performance.now()
      await call(count)
      times[count++] = performance.now() - before
    }
  } else {
    let after = performance.now()
    times[count++] = after - before
    while (count < most && after < end) {
      before = performance.now()
      call(count)
      after = performance.now()
      times[count++] = after - before
    }
  }
  return times.subarray(0, count).map((time) => time * 1000)
}

/** @returns {{ p50: number, p99: number, count: number }} */
export function percentiles(times) {
  const sorted = Float64Array.from(times).sort()
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
  return { p50: at(0.5), p99: at(0.99), count: sorted.length }
}

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[sorted.length >> 1]
}
