/**
 * A real analysis of a real history: the quickstart's metrics and picture over ten successive versions of undici, each in a
 * process of its own, as one who upgrades and looks again. Once as they come, once more, and once more after one line
 * of the analysis was edited. Without a cache, with permafrost, with a cache of files; what is printed must be the same bytes.
 */
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { median } from '../suite/time.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const packages = join(root, 'bench', 'rivals', 'node_modules')
const TOOLS = ['permafrost', 'memoize-fs']
const NONE = 'no cache'
/** In the measure of how complex a function is: a decision more. */
const EDIT = { file: 'metrics.js', from: 'kinds(`IfStatement ', to: 'kinds(`' }

/** Ten versions of undici where they are installed, else this package's own examples, for whether it works. */
function versions() {
  if (!existsSync(packages)) return []
  const byVersion = (a, b) => a.localeCompare(b, 'en', { numeric: true })
  return readdirSync(packages)
    .filter((name) => name.startsWith('undici-'))
    .sort(byVersion)
    .map((name) => join(packages, name))
}

function run({ rivals, options, rounds, say }) {
  const found = versions()
  const history = options.short || found.length === 0 ? [join(root, 'docs', 'examples')] : found
  // beside node_modules, where the analysis finds the compiler
  mkdirSync(join(root, 'build'), { recursive: true })
  const home = mkdtempSync(join(root, 'build', 'bench-macro-'))
  const code = join(home, 'code')
  cpSync(join(root, 'docs', 'examples'), code, { recursive: true })
  cpSync(join(root, 'bench', 'macro'), code, { recursive: true })
  const tools = [NONE, ...TOOLS.filter((id) => rivals.some((rival) => rival.id === id))]
  const times = Object.fromEntries(tools.map((id) => [id, { first: [], again: [], edited: [] }]))
  const differs = Object.fromEntries(tools.map((id) => [id, new Set()]))
  try {
    for (let round = 0; round < Math.min(rounds, options.short ? 1 : 3); round++) {
      for (const id of tools) rmSync(join(home, `cache-${id}`), { recursive: true, force: true })
      const pass = (name) => {
        for (const id of tools) times[id][name].push(0)
        for (const version of history) {
          say(`macro: ${name}, round ${round}, ${version.split('/').at(-1)}`)
          const printed = {}
          for (const id of tools) {
            const { stdout, time } = analyse(code, id, join(home, `cache-${id}`), version)
            printed[id] = stdout
            times[id][name][round] += time
            if (stdout !== printed[NONE]) differs[id].add(name)
          }
        }
      }
      pass('first')
      pass('again')
      const path = join(code, EDIT.file)
      const text = readFileSync(path, 'utf8')
      if (!text.includes(EDIT.from)) throw new Error(`${EDIT.file} does not hold what is to be edited`)
      writeFileSync(path, text.replace(EDIT.from, EDIT.to))
      pass('edited')
      writeFileSync(path, text)
    }
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
  return tools.map((id) => ({
    case: 'macro',
    rival: id,
    ...(id === NONE && { reference: true }),
    figures: Object.fromEntries(Object.entries(times[id]).map(([name, all]) => [name, median(all)])),
    rounds: times[id].first.length,
    ...(differs[id].size > 0 && {
      failed: `prints other bytes than without a cache: ${[...differs[id]].join(', ')}`,
      wrong: true,
    }),
  }))
}

function analyse(code, id, directory, version) {
  const how = id === NONE ? 'none' : new URL(`../rivals/${id}.js`, import.meta.url).href
  const { PERMAFROST_DISABLE: _, ...env } = process.env
  const began = performance.now()
  const { status, stderr, stdout } = spawnSync(
    process.execPath,
    [join(code, 'analyse.js'), how, directory, version],
    {
      env,
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    },
  )
  const time = (performance.now() - began) * 1000
  if (status !== 0) throw new Error(`the analysis with ${id} ended with ${status}: ${stderr}`)
  return { stdout, time }
}

export const cases = [
  {
    id: 'macro',
    title: 'An analysis of ten versions of undici, a process each',
    figures: [
      { id: 'again', title: 'all ten once more' },
      { id: 'first', title: 'first time' },
      { id: 'edited', title: 'after an edit of the analysis' },
    ],
    run,
  },
]
