/**
 * Sixteen processes, each a machine with a directory of its own, that all want the same results at the same moment: how often each was
 * computed, and what that asked of the store. Throws if anything was computed twice.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { ignore } from 'permafrost'
import { openBlobStore } from 'permafrost/blob'
import { isShort, machine, number, row, temporary } from './measure.js'
import { startServer } from './server.js'

const [PROCESSES, KEYS] = isShort ? [3, 4] : [16, 50]

async function work(place, ran) {
  const store = await openBlobStore(...JSON.parse(place))
  // sixteen processes and a server on two cores may be silent for longer than a network
  const group = machine(store, { patience: '1m' })
  const path = ignore({ ran })
  const slow = group.memoize(
    async (x) => {
      appendFileSync(path.ran, `${x}\n`)
      await new Promise((resolve) => setTimeout(resolve, 50))
      return x * x
    },
    { name: 'slow', version: 1 },
  )
  process.stdout.write('ready\n')
  await once(process.stdin, 'data')
  const values = await Promise.all(Array.from({ length: KEYS }, (_, x) => slow(x)))
  if (values.some((value, x) => value !== x * x)) throw new Error('wrong')
  // machines stay: whoever leaves gives his rights back at once, and somebody who had just looked would take them
  process.stdout.write('done\n')
  await once(process.stdin, 'data')
  await group[Symbol.asyncDispose]()
  await store.close()
  process.exit()
}

async function contend(place) {
  const ran = join(temporary(), 'ran')
  writeFileSync(ran, '')
  const children = Array.from({ length: PROCESSES }, () =>
    spawn(
      process.execPath,
      [fileURLToPath(import.meta.url), 'work', JSON.stringify(place), ran, ...(isShort ? ['--short'] : [])],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    ),
  )
  const closed = children.map((child) => once(child, 'close'))
  await Promise.all(children.map((child, index) => Promise.race([once(child.stdout, 'data'), closed[index]])))
  const began = performance.now()
  for (const child of children) child.stdin.write('go\n')
  await Promise.all(children.map((child, index) => Promise.race([once(child.stdout, 'data'), closed[index]])))
  const time = performance.now() - began
  for (const child of children) child.stdin.end('leave\n')
  for (const [code] of await Promise.all(closed))
    if (code !== 0) throw new Error(`a process ended with ${code}`)
  const computed = readFileSync(ran, 'utf8').trim().split('\n')
  const twice = computed.length - new Set(computed).size
  return { time, twice }
}

const [, , what, place, ran] = process.argv
if (what === 'work') await work(place, ran)
else {
  const rows = []
  const server = await startServer()
  const places = { ...server.places, file: [pathToFileURL(temporary()).href] }
  for (const [kind, place] of Object.entries(places)) {
    await server.set({ latency: isShort ? 0 : 20 })
    const { time, twice } = await contend(place)
    const { counts } = await server.set()
    const asked = Object.values(counts).reduce((sum, one) => sum + one, 0)
    const requests = kind === 'file' ? '' : `, ${number(asked / KEYS / PROCESSES)} requests for each`
    rows.push(
      row(
        `${PROCESSES} processes want the same ${KEYS} results, over ${kind}`,
        `${twice} computed twice${requests}, ${number(time)} ms`,
      ),
    )
    if (twice > 0) throw new Error(`${twice} of ${KEYS} were computed twice over ${kind}`)
  }
  server.stop()
  console.log(JSON.stringify(rows))
}
