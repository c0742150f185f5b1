/**
 * Five memoized functions, each given what the one before returns: four times 100 MB, then a sum. Timed is the whole chain
 * when all is there. permafrost passes references; the others, who have none, read, hash and look up each intermediate.
 */
import { channel } from 'node:diagnostics_channel'
import { computed } from '../suite/made.js'
import { same } from '../suite/same.js'
import { percentiles, timeOf } from '../suite/time.js'

/** A reference is read by `get`; an array is itself. */
const read = (data) => (typeof data.get === 'function' ? data.get() : data)
const counted = () => channel('bench:made').publish({})

function load(size) {
  counted()
  return new Float64Array(size / 8).map((_, i) => i % 1000)
}
function scale(data) {
  counted()
  return read(data).map((x) => x * 2)
}
function shift(data) {
  counted()
  return read(data).map((x) => x + 1)
}
function root(data) {
  counted()
  return read(data).map((x) => Math.sqrt(x))
}
function sum(data) {
  counted()
  return read(data).reduce((total, x) => total + x, 0)
}

async function start({ open, directory, scale: smaller }) {
  const size = 100_000_000 / smaller
  const cache = await open(directory)
  const steps = []
  for (const fn of [load, scale, shift, root, sum]) steps.push(await cache.memoize(fn))
  const last = steps.pop()
  const refer = cache.refer ?? ((call, argument) => call(argument))
  const chain = async () => {
    let data = size
    for (const step of steps) data = await refer(step, data)
    return last(data)
  }
  const expected = await chain()
  same(expected, sum(root(shift(scale(load(size))))))
  const before = computed()
  same(await chain(), expected)
  if (computed() !== before) throw new Error('computes again what it has stored')
  return {
    round: async () => percentiles(await timeOf(chain, { ms: 200 })),
    end: async () => void (await cache.close()),
  }
}

export const cases = [
  {
    id: 'chain',
    title: 'A chain of five functions over 100 MB, all hits',
    disk: true,
    after: 'hit-1mb',
    start,
  },
]
