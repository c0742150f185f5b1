/**
 * What one call asks of the store: requests by name, and bytes in both directions as TCP counts them, with headers and without TLS. Each
 * is a call of a process that has a connection already; with `lease: false` where it says so.
 */
import { openBlobStore } from 'permafrost/blob'
import { machine, number, row } from './measure.js'
import { startServer } from './server.js'

const server = await startServer()
const rows = []
const small = async (x) => ({ square: x * x, text: 'a small result' })
const large = async (x) => new Float64Array(131_072).fill(x)
/** Longer than results linger in the hands of who computed them, so that leases are given back. */
const lingered = () => new Promise((resolve) => setTimeout(resolve, 1200))

async function counted(name, work, after = async () => {}) {
  await server.set()
  await work()
  await after()
  const { bytes, counts } = await server.set()
  const said = Object.entries(counts)
    .map(([what, times]) => (times > 1 ? `${times} × ${what}` : what))
    .join(', ')
  const asked = Object.values(counts).reduce((sum, one) => sum + one, 0)
  rows.push(row(name, `${asked} requests (${said || 'none'}), ${number(bytes)} bytes`))
  return asked
}

for (const kind of ['http', 's3']) {
  const store = await openBlobStore(...server.places[kind])
  const say = (what) => `${kind}: ${what}`
  const one = machine(store)
  const alone = machine(store, { lease: false })
  const other = machine(store)
  const [smallHere, smallThere, smallAlone] = [one, other, alone].map((group) => group.memoize(small))
  const [largeHere, largeThere] = [one, other].map((group) => group.memoize(large))
  // what the store can is found out once
  await smallHere(0)
  await one.push()
  await lingered()
  await counted(say('miss, computed and sent, lease: false'), () => smallAlone(1).then(() => alone.push()))
  const asked = await counted(
    say('miss, computed and sent'),
    () => smallHere(2).then(() => one.push()),
    lingered,
  )
  if (asked > 4) throw new Error(`a lease costs ${asked - 2} requests`)
  await counted(say('hit'), () => smallThere(2))
  await counted(say('hit, kept in the directory by then'), () => smallThere(2))
  const { tell } = await looked(store, say)
  await tell()
  await counted(say('miss of 1 MiB of large memory'), () => largeHere(1).then(() => one.push()), lingered)
  await counted(say('hit of it'), () => largeThere(1))
  await counted(
    say('miss of another call with the same large memory'),
    () =>
      one
        .memoize(async (x, _y) => new Float64Array(131_072).fill(x))(1, 2)
        .then(() => one.push()),
    lingered,
  )
  for (const group of [one, other, alone]) group.close()
  await store.close()
}

/** A reader that finds nothing, and does not look again for a while. */
async function looked(store, say) {
  const reader = machine(store, { mode: 'read' })
  const square = reader.memoize(small)
  return {
    tell: async () => {
      await counted(say('miss of who only reads'), () => square(3))
      await reader.forget(square.key(3).digest)
      await counted(say('the same within two seconds'), () => square(3))
      reader.close()
    },
  }
}

server.stop()
console.log(JSON.stringify(rows))
