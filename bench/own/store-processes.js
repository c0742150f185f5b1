/**
 * One, two, four and eight processes on one directory: nine hits to one put, every result checked, every acknowledged
 * put looked for at the end. Throws if anything is wrong or lost.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { entryOf, keyOf, open, temporary } from './a-store.js'

const SECONDS = 3
const SHARED = 1000

const bytesOf = (n) => Buffer.from(`the result of call ${n}, in some fifty bytes or so`)

function work(directory, own) {
  const store = open(directory)
  const until = performance.now() + SECONDS * 1000
  let done = 0
  let put = 0
  while (performance.now() < until) {
    for (let step = 0; step < 100; step++, done++) {
      const known = put > 0 && step % 2 === 0
      const n = known ? own + ((done * 7919) % put) : (done * 7919) % SHARED
      if (step % 10 === 0) {
        const next = own + put
        if (store.put(entryOf(next), bytesOf(next)) === undefined) throw new Error(`${next} was not admitted`)
        put += 1
      } else {
        const entry = store.find(keyOf(n))
        if (!bytesOf(n).equals(entry && store.read(entry)?.bytes)) throw new Error(`${n} is lost or wrong`)
        store.count('f', { hits: 1 }, entry.key.digest)
      }
    }
  }
  store.close()
  console.log(JSON.stringify({ done, own, put }))
}

async function run(processes) {
  const directory = join(temporary(), 'cache')
  const store = open(directory)
  for (let n = 0; n < SHARED; n++) store.put(entryOf(n), bytesOf(n))
  const children = Array.from({ length: processes }, (_, index) => {
    const own = String((index + 1) * 1_000_000)
    const child = spawn(process.execPath, [fileURLToPath(import.meta.url), directory, own], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let out = ''
    child.stdout.setEncoding('utf8').on('data', (text) => {
      out += text
    })
    return once(child, 'close').then(([code]) => {
      if (code !== 0) throw new Error(`a process ended with ${code}`)
      return JSON.parse(out)
    })
  })
  const reports = await Promise.all(children)
  let expected = SHARED
  for (const { own, put } of reports) {
    expected += put
    for (let n = own; n < own + put; n++) {
      const entry = store.find(keyOf(n))
      if (!bytesOf(n).equals(entry && store.read(entry)?.bytes)) throw new Error(`${n} is lost or wrong`)
    }
  }
  const { entries } = store.totals()
  if (entries !== expected) throw new Error(`${entries} entries, not ${expected}`)
  const { problems } = await store.verify()
  if (problems.length > 0) throw new Error(problems[0].message)
  store.close()
  const done = reports.reduce((sum, report) => sum + report.done, 0)
  return Math.round(done / SECONDS)
}

const [, , directory, own] = process.argv
if (own !== undefined) work(directory, Number(own))
else {
  const rows = []
  for (const processes of [1, 2, 4, 8]) {
    const perSecond = await run(processes)
    rows.push({
      name: `${processes} process${processes === 1 ? '' : 'es'}, nine hits to one put, nothing lost`,
      value: `${perSecond.toLocaleString('en')} calls/s`,
    })
  }
  console.log(JSON.stringify(rows))
}
