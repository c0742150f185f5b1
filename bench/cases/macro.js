/**
 * A real analysis of a real history: the quickstart's metrics and picture over ten successive versions of undici, each in a
 * process of its own, as one who upgrades and looks again. Once as they come, once more, and once more after one line
 * of the analysis was edited. Each figure is the sum of ten processes, and tools take turns version by version. Without a cache, with permafrost, with a cache of files; what is printed must be the same bytes.
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

const root = fileURLToPath(new URL('../../', import.meta.url))
const packages = join(root, 'bench', 'rivals', 'node_modules')
const TOOLS = ['permafrost', 'memoize-fs']
const NONE = 'no cache'
/** In the measure of how complex a function is: a decision more. */
const EDIT = { file: 'metrics.js', from: 'kinds(`IfStatement ', to: 'kinds(`' }

/** Ten versions of undici, where they are installed. */
function versions() {
  if (!existsSync(packages)) return []
  const byVersion = (a, b) => a.localeCompare(b, 'en', { numeric: true })
  return readdirSync(packages)
    .filter((name) => name.startsWith('undici-'))
    .sort(byVersion)
    .map((name) => join(packages, name, 'lib'))
}

function run({ rivals, options, say }) {
  const found = versions()
  const history = options.short || found.length === 0 ? [join(root, 'docs', 'examples')] : found
  // beside node_modules, where the analysis finds the compiler
  mkdirSync(join(root, 'build'), { recursive: true })
  const home = mkdtempSync(join(root, 'build', 'bench-macro-'))
  const remove = () => rmSync(home, { recursive: true, force: true })
  process.on('exit', remove)
  const code = join(home, 'code')
  cpSync(join(root, 'docs', 'examples'), code, { recursive: true })
  cpSync(join(root, 'bench', 'macro'), code, { recursive: true })
  const tools = [NONE, ...TOOLS.filter((id) => rivals.some((rival) => rival.id === id))]
  const times = Object.fromEntries(tools.map((id) => [id, { first: 0, again: 0, edited: 0 }]))
  const differs = Object.fromEntries(tools.map((id) => [id, new Set()]))
  try {
    const pass = (name) => {
      for (const version of history) {
        const printed = {}
        for (const id of tools) {
          say(`macro: ${name}, ${version} with ${id}`)
          const { stdout, time } = analyse(code, id, join(home, `cache-${id}`), version)
          printed[id] = stdout
          times[id][name] += time
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
  } finally {
    remove()
  }
  return tools.map((id) => ({
    case: 'macro',
    rival: id,
    ...(id === NONE && { reference: true }),
    figures: times[id],
    rounds: history.length,
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
