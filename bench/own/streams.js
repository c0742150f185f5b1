/**
 * Streams of 1,000,000 small objects: taken bare, recorded, and replayed; time for each value, and by how much the memory of
 * the process grew. Each kind runs in a process of its own.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { MemoizedGroup } from 'permafrost'

const COUNT = 1_000_000
const value = (id) => ({ id, name: `name ${id}` })

const makers = {
  generator: function* (count) {
    for (let id = 0; id < count; id++) yield value(id)
  },
  'async generator': async function* (count) {
    for (let id = 0; id < count; id++) yield value(id)
  },
  'web stream': (count) => {
    let id = 0
    return new ReadableStream({
      pull: (controller) => (id < count ? controller.enqueue(value(id++)) : controller.close()),
    })
  },
  Readable: (count) => {
    let id = 0
    return new Readable({
      objectMode: true,
      read() {
        this.push(id < count ? value(id++) : null)
      },
    })
  },
}

/** Microseconds for each value, and the most MiB that the process grew by. */
async function take(stream) {
  globalThis.gc?.()
  const before = process.memoryUsage().rss
  let peak = before
  let seen = 0
  const began = performance.now()
  const look = () => {
    if (++seen % 10_000 === 0) peak = Math.max(peak, process.memoryUsage().rss)
  }
  if (Symbol.iterator in stream) for (const _ of stream) look()
  else for await (const _ of stream) look()
  if (seen !== COUNT) throw new Error(`${seen} values`)
  return { time: ((performance.now() - began) * 1000) / COUNT, growth: (peak - before) / 2 ** 20 }
}

const [kind, what, directory] = process.argv.slice(2)
if (!(kind in makers)) {
  const rows = []
  for (const name of Object.keys(makers)) {
    const folder = mkdtempSync(join(tmpdir(), 'permafrost-streams-'))
    for (const how of ['bare', 'recorded', 'replayed']) {
      const args = ['--expose-gc', fileURLToPath(import.meta.url), name, how, folder]
      rows.push(JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })))
    }
    rmSync(folder, { recursive: true })
  }
  console.log(JSON.stringify(rows))
} else {
  const group = new MemoizedGroup({ directory })
  const f = group.memoize(makers[kind], { version: 1, name: 'f' })
  const { growth, time } = await take(what === 'bare' ? makers[kind](COUNT) : f(COUNT))
  const { hits, misses } = f.stats()
  const expected = { bare: [0, 0], recorded: [0, 1], replayed: [1, 1] }[what]
  if (hits !== expected[0] || misses !== expected[1]) throw new Error(`${hits} hits, ${misses} misses`)
  group.close()
  const words = `${time.toFixed(2)} µs a value, ${growth.toFixed(0)} MiB more`
  console.log(JSON.stringify({ name: `${kind} of a million values, ${what}`, value: words }))
}
