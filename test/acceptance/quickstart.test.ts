/**
 * The quickstart example as its reader meets it: a copy is run in fresh processes and edited in between. After each
 * change exactly the functions that depend on it are computed, and undoing the change hits again.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

/** From build/test/acceptance. */
const repository = fileURLToPath(new URL('../../../', import.meta.url))
const examples = join(repository, 'docs', 'examples')

/** Real files, but small ones: compiling TypeScript's nine megabytes again and again proves nothing more. */
const INPUTS = [
  'typescript/lib/_tsserver.js',
  'typescript/lib/_typingsInstaller.js',
  'typescript/lib/watchGuard.js',
  '@types/node/events.d.ts',
  '@types/node/http.d.ts',
  '@types/node/http2.d.ts',
  '@types/node/os.d.ts',
  '@types/node/path.d.ts',
]
const N = INPUTS.length

interface Counts {
  fileMetrics: number
  summarise: number
  overlap: number
  renderChart: number
}
const NONE: Counts = { fileMetrics: 0, summarise: 0, overlap: 0, renderChart: 0 }

describe('the quickstart example', () => {
  // in the ignored build folder, where the copy finds the packages and permafrost itself as the original does
  let home: string
  let inputs: string[]
  let previous: { computed: Counts; hits: Counts } = { computed: NONE, hits: NONE }

  before(() => {
    mkdirSync(join(repository, 'build'), { recursive: true })
    home = mkdtempSync(join(repository, 'build', 'quickstart-'))
    cpSync(examples, join(home, 'code'), { recursive: true })
    mkdirSync(join(home, 'inputs'))
    inputs = INPUTS.map((path) => join('inputs', basename(path)))
    for (const [i, path] of INPUTS.entries())
      cpSync(join(repository, 'node_modules', path), join(home, inputs[i]!))
  })
  after(() => rmSync(home, { recursive: true, force: true }))

  it('computes everything on its first run', async () => {
    const { computed, hits } = await run('first.svg')
    assert.deepEqual(computed, { fileMetrics: N, summarise: 1, overlap: 1, renderChart: 1 })
    assert.deepEqual(
      hits,
      { ...NONE, fileMetrics: N },
      'summarise takes the metrics of each file from the cache',
    )
  })

  it('hits with everything on its second run, and draws the same picture', async () => {
    const { computed, hits } = await run('second.svg')
    assert.deepEqual(computed, NONE)
    assert.deepEqual(hits, { fileMetrics: N, summarise: 1, overlap: 1, renderChart: 1 })
    assert.deepEqual(readFileSync(join(home, 'second.svg')), readFileSync(join(home, 'first.svg')))
  })

  it('hits with everything after comments and line breaks were put everywhere', async () => {
    const undo = readdirSync(join(home, 'code')).map((name) =>
      edit(name, (code) => `// reformatted\n\n${code.replaceAll(' => ', ' => /* a comment */\n\n')}`),
    )
    try {
      assert.deepEqual((await run()).computed, NONE)
    } finally {
      for (const undoOne of undo) undoOne()
    }
  })

  const edits: readonly (readonly [
    what: string,
    file: string,
    from: string,
    to: string,
    computed: Counts,
  ])[] = [
    [
      'how tables are printed, which is nothing',
      'print.js',
      "? 'right' : 'left'",
      "? 'left' : 'right'",
      NONE,
    ],
    ['a helper of the drawing', 'chart.js', '240 *', '250 *', { ...NONE, renderChart: 1 }],
    ['a constant of the drawing', 'chart.js', '#2a78b8', '#2a78b9', { ...NONE, renderChart: 1 }],
    [
      'a constant of the comparison',
      'overlap.js',
      'RUN = 8',
      'RUN = 3',
      { ...NONE, overlap: 1, renderChart: 1 },
    ],
    ['a helper of the sum', 'metrics.js', '<= end', '< end', { ...NONE, summarise: 1, renderChart: 1 }],
    [
      'the decisions that make a file complex',
      'metrics.js',
      'kinds(`IfStatement ',
      'kinds(`',
      { fileMetrics: N, summarise: 1, overlap: 0, renderChart: 1 },
    ],
    [
      'a helper rewritten, but not the drawing, since what is drawn comes out the same',
      'metrics.js',
      'total + size(item)',
      'size(item) + total',
      { fileMetrics: N, summarise: 1, overlap: 0, renderChart: 0 },
    ],
  ]
  for (const [what, name, from, to, computed] of edits) {
    it(`computes only what depends on ${what}`, async () => {
      const undo = edit(name, (code) => code.replace(from, to))
      try {
        assert.deepEqual((await run()).computed, computed)
      } finally {
        undo()
      }
    })
  }

  it('hits with everything after the edits are undone', async () => {
    assert.deepEqual((await run()).computed, NONE)
  })

  it('parses only the input file that changed', async () => {
    appendFileSync(join(home, inputs[1]!), '\nfunction added(a) { return a ? 1 : 2 }\n')
    assert.deepEqual((await run()).computed, { fileMetrics: 1, summarise: 1, overlap: 1, renderChart: 1 })
  })

  it('does not draw again when the input file changed in nothing that shows', async () => {
    appendFileSync(join(home, inputs[1]!), '\n\n')
    assert.deepEqual((await run()).computed, { fileMetrics: 1, summarise: 1, overlap: 1, renderChart: 0 })
  })

  it('prints its tables and says how much time was saved', async () => {
    const printed = await start(...inputs)
    for (const words of [
      '_tsserver.js',
      'longest functions',
      'functions by complexity',
      'analysis.svg',
      'saved',
    ]) {
      assert.ok(printed.includes(words), `${words} is missing in:\n${printed}`)
    }
    assert.match(readFileSync(join(home, 'analysis.svg'), 'utf8'), /^<svg .*<\/svg>\n$/s)
  })

  it('counts functions, decisions and words as one does by hand', async () => {
    const { measure } = await import(pathToFileURL(join(examples, 'metrics.js')).href)
    const { lines, complexity, functions, words } = measure('snippet.js', SNIPPET)
    assert.deepEqual(
      functions.map((fn: any) => [fn.name, fn.line, fn.lines, fn.complexity]),
      [
        ['first', 1, 4, 3],
        ['(anonymous)', 2, 1, 2],
        ['constructor', 6, 1, 2],
        ['size', 7, 5, 3],
        ['field', 12, 1, 2],
        ['loop', 14, 1, 3],
      ],
    )
    assert.equal(complexity, 15 + 2, 'the top level counts one and its one decision')
    assert.equal(lines, 15)
    assert.deepEqual(
      [words.get('a'), words.get('b'), words.get('first'), words.get('added')],
      [3, 3, 2, undefined],
    )
  })

  /** What one run in a new process added to the counts that the directory keeps. */
  async function run(svg = 'analysis.svg'): Promise<{ computed: Counts; hits: Counts }> {
    const now = JSON.parse(await start('--json', '--svg', svg, ...inputs)) as typeof previous
    const added = { computed: minus(now.computed, previous.computed), hits: minus(now.hits, previous.hits) }
    previous = now
    return added
  }

  async function start(...args: string[]): Promise<string> {
    const { PERMAFROST_DISABLE: _, ...environment } = process.env
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['code/analyse.js', ...args], {
      cwd: home,
      env: { ...environment, PERMAFROST_DIR: join(home, 'cache') },
    })
    assert.equal(stderr, '', 'no progress bar where there is no terminal, and no warning')
    return stdout
  }

  /** Changes a file of the copy; what it returns changes it back. */
  function edit(name: string, change: (code: string) => string): () => void {
    const path = join(home, 'code', name)
    const original = readFileSync(path, 'utf8')
    const changed = change(original)
    assert.notEqual(changed, original, `${name} no longer holds what this test edits`)
    writeFileSync(path, changed)
    return () => writeFileSync(path, original)
  }
})

function minus(now: Counts, before: Counts): Counts {
  const names = Object.keys(NONE) as (keyof Counts)[]
  return Object.fromEntries(names.map((name) => [name, now[name] - before[name]])) as unknown as Counts
}

const SNIPPET = `function first(a, b) {
  if (a && b) return () => a ?? b
  return 0
}
class Box {
  constructor() { for (const item of []) {} }
  get size() {
    switch (this.shape) {
      case 1: case 2: return 1; default: return 2
    }
  }
  field = () => { try { first() } catch {} }
}
const object = { loop: function () { while (1) { do {} while (0) } } }
object.other ||= 1
`
