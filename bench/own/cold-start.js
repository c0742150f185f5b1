/** A whole process that makes one memoized call, against a bare one that does the same work. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const Database = createRequire(import.meta.url)('better-sqlite3')

const ROUNDS = 15
const parent = fileURLToPath(new URL('../../build/', import.meta.url))
mkdirSync(parent, { recursive: true })
const directory = mkdtempSync(join(parent, 'bench-'))
const cacheOf = (index) => join(directory, `cache${index}`)
// a hit of a function that calls others, as a program's do
const helpers = Array.from(
  { length: 50 },
  (_, n) =>
    `const h${n} = ({ id, ...rest }, list = []) => list.map((one) => ({ ...rest, id: one.id ?? id + ${n} }))`,
)
const program = `
    import { memoize } from 'permafrost'
    ${helpers.join('\n')}
    const all = memoize((x) => [${helpers.map((_, n) => `h${n}`)}].map((helper) => helper({ id: x }).length))
    all(4)`
const scripts = {
  'bare node, empty module': 'export {}',
  'node, one memoized call that hits': `
    import { memoize } from 'permafrost'
    const square = memoize((x) => x * x)
    square(4)`,
  'node, one memoized call that hits, of a function that calls 50 others': program,
  'the same, but nothing is known of any text': program,
}

/** Forgets what was read out of texts. */
function forgetTexts(cache) {
  const index = new Database(join(cache, 'index.sqlite'))
  index.exec('DELETE FROM parsed')
  index.close()
}

/** Interleaved, so that a slow moment of the machine hits all alike. */
const times = Object.fromEntries(Object.keys(scripts).map((name) => [name, []]))
for (const [index, script] of Object.values(scripts).entries())
  writeFileSync(join(directory, `${index}.mjs`), script)
for (let round = 0; round <= ROUNDS; round++) {
  for (const [index, name] of Object.keys(scripts).entries()) {
    if (name.includes('nothing is known') && round > 0) forgetTexts(cacheOf(index))
    const env = { ...process.env, PERMAFROST_DIR: cacheOf(index) }
    const began = performance.now()
    spawnSync(process.execPath, [join(directory, `${index}.mjs`)], { env, stdio: 'inherit' })
    // the first round stores what the others find
    if (round > 0) times[name].push((performance.now() - began) * 1000)
  }
}
rmSync(directory, { recursive: true, force: true })

const rows = Object.entries(times).map(([name, all]) => {
  all.sort((a, b) => a - b)
  const reference = name.startsWith('bare') ? undefined : 'bare node, empty module'
  return { name, p50: all[all.length >> 1], p99: all.at(-1), reference }
})
console.log(JSON.stringify(rows))
