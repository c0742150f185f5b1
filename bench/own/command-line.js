/**
 * What people wait for at the command line: each question as a process of its own, on a directory of 100,000 entries or,
 * with `--full` (four minutes), 1,000,000, against a process that only prints its version.
 */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { entryOf, keyOf, open, percentiles, temporary, timed } from './a-store.js'

const count = process.argv.includes('--full') ? 1_000_000 : 100_000
const bin = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const directory = join(temporary(), 'cache')

const store = open(directory)
const now = Date.now()
const value = Buffer.alloc(40)
for (let n = 0; n < count; n++) {
  const entry = entryOf(n)
  const key = { ...entry.key, name: `src/work.js#f${n % 20}` }
  const createdAt = now - ((n * 7919) % 1e9)
  store.put({ ...entry, key, createdAt, tags: n % 10 === 0 ? ['tenth'] : [] }, value)
}
store.close()

const questions = [
  ['ls'],
  ['ls', '--sort', 'size'],
  ['ls', '--sort', 'time', '--reverse'],
  ['ls', '--sort', 'name'],
  ['ls', '*#f7', '--tag', 'tenth', '--older-than', '1d', '--larger-than', '10B'],
  ['show', keyOf(7)],
  ['why', keyOf(count)],
  ['stats'],
  ['du'],
  ['doctor'],
]
const reference = 'permafrost --version'

/** Some of these end with 1, since the answer is no. */
function ask(args) {
  try {
    execFileSync(process.execPath, [bin, '-d', directory, ...args], { stdio: 'ignore' })
  } catch (error) {
    if (error.status !== 1) throw error
  }
}

const times = new Map([[reference, []], ...questions.map((args) => [`permafrost ${args.join(' ')}`, []])])
// each in turn, so that a busy moment is shared by all
for (let round = 0; round < 7; round++) {
  for (const [name, all] of times) {
    const args =
      name === reference ? ['--version'] : questions.find((one) => name === `permafrost ${one.join(' ')}`)
    all.push(timed(() => ask(args)))
  }
}
const short = (name) => name.replaceAll(/[0-9a-f]{32}/g, 'KEY')
const of = `of ${count.toLocaleString('en')}`
console.log(
  JSON.stringify(
    [...times].map(([name, all]) =>
      name === reference ? percentiles(name, all) : percentiles(`${short(name)}, ${of}`, all, reference),
    ),
  ),
)
