/** A stream of any length takes no more memory than a short one, while it is recorded and while it is played. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { project } from './support/project.js'

const program = `import { memoize } from 'permafrost'
import { Readable } from 'node:stream'
const numbers = memoize(function* (count) { for (let i = 0; i < count; i++) yield i })
const asyncNumbers = memoize(async function* (count) { for (let i = 0; i < count; i++) yield i })
const web = memoize((count) => {
  let i = 0
  return new ReadableStream({ pull: (c) => (i < count ? c.enqueue(i++) : c.close()) })
})
const readable = memoize((count) => {
  let i = 0
  return new Readable({ objectMode: true, read() { this.push(i < count ? i++ + 1 : null) } })
})
const blocks = memoize(function* (count) { for (let i = 0; i < count; i++) yield Buffer.alloc(65536, i) })
const iterator = memoize((count) => Array.prototype.keys.call({ length: count }))
const [name, count] = process.argv.slice(2)
const f = { numbers, asyncNumbers, web, readable, iterator, blocks }[name]
for await (const _ of f(10));
for await (const _ of f(10));
const before = process.memoryUsage().rss
let peak = before, seen = 0
for await (const _ of f(Number(count))) if (++seen % 1000 === 0) peak = Math.max(peak, process.memoryUsage().rss)
console.log(seen, f.stats().hits, Math.round((peak - before) / 2 ** 20))
`

describe('memory', () => {
  for (const [name, count] of [
    ['numbers', 1_000_000],
    ['asyncNumbers', 200_000],
    ['web', 200_000],
    ['readable', 200_000],
    ['iterator', 200_000],
    // of 64 KiB each: 256 MiB
    ['blocks', 4000],
  ] as const) {
    test(`${count} values of ${name}`, (t) => {
      const user = project(t, { 'package.json': '{ "type": "module" }', 'main.js': program })
      for (const hits of [1, 3]) {
        const { printed, stderr, status } = user.run('main.js', {
          args: [name, String(count)],
          node: ['--max-old-space-size=64'],
        })
        assert.deepEqual([status, stderr], [0, ''])
        const [seen, hit, growth] = printed[0]!.split(' ').map(Number)
        assert.deepEqual([seen, hit], [count, hits === 1 ? 1 : 4])
        // blocks lie outside of V8's heap, which is then in less of a hurry to collect them
        assert.ok(growth! < (name === 'blocks' ? 128 : 64), `${growth} MiB more`)
      }
    })
  }
})
