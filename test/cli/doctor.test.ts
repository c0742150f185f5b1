import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type Sqlite from 'better-sqlite3'
import { project, root } from '../support/project.js'
import { temporaryFolder } from '../support/temporary.js'
import { asNobody, environment, filled, on } from './command-line.js'

interface Finding {
  readonly what: string
  readonly state: string
  readonly found: string
  readonly next?: string
}

const findingsIn = (stdout: string): Finding[] => (JSON.parse(stdout) as { findings: Finding[] }).findings
const of = (findings: Finding[], what: string): Finding => findings.find((finding) => finding.what === what)!

test('where all is well, doctor says so of each thing', (t) => {
  const { directory } = filled(t)
  const { status, stderr, stdout } = on(directory)('doctor')
  assert.deepEqual([status, stderr], [0, ''])
  const lines = stdout.trimEnd().split('\n')
  for (const line of lines) assert.match(line, /^(?:ok|warning) +\S.*: \S/)
  for (const what of [
    'Node',
    'xxhash-addon',
    'better-sqlite3',
    'node:inspector',
    'directory',
    'writing',
    'environment',
  ])
    assert.ok(
      lines.some((line) => line.startsWith(`ok       ${what}: `)),
      `${what}: ${stdout}`,
    )
  assert.match(stdout, /^ok +directory: .*cache, format 1: 5 results in [\d.]+ kB$/m)
  assert.match(stdout, /^\w+ +room: [\d.]+ \wB free/m)
})

test('doctor names what is broken, and the next step', (t) => {
  const user = project(t, { 'package.json': '{ "type": "module" }' })
  const bin = 'node_modules/permafrost/dist/cli/main.js'
  const doctor = (options = {}): { status: number | null; findings: Finding[] } => {
    const { printed, status, stderr } = user.run(bin, { args: ['doctor', '--json'], ...options })
    return { status, findings: printed.length === 0 ? assert.fail(stderr) : findingsIn(printed.join('\n')) }
  }
  const fine = doctor()
  assert.equal(fine.status, 0)
  assert.match(of(fine.findings, 'directory').found, /is not there yet/)
  assert.deepEqual(of(fine.findings, 'PERMAFROST_DIR'), {
    what: 'PERMAFROST_DIR',
    state: 'ok',
    found: join(user.directory, 'cache'),
    next: 'results are kept there',
  })

  const disabled = doctor({ env: { PERMAFROST_DISABLE: '1', DEBUG: 'permafrost:hit' } })
  assert.equal(disabled.status, 0)
  assert.equal(of(disabled.findings, 'PERMAFROST_DISABLE').state, 'warning')
  assert.equal(of(disabled.findings, 'DEBUG').state, 'ok')

  for (const name of ['better-sqlite3', 'xxhash-addon']) {
    user.write({
      [`node_modules/${name}/package.json`]: `{ "name": "${name}", "main": "index.js" }`,
      [`node_modules/${name}/index.js`]:
        'throw new Error("was compiled against a different Node.js version")',
    })
    const { findings, status } = doctor()
    assert.equal(status, 1)
    const finding = of(findings, name)
    assert.equal(finding.state, 'problem')
    assert.match(finding.found, /was compiled against a different/)
    assert.match(finding.next!, new RegExp(`^run npm rebuild ${name}`))
  }
})

test('doctor looks at the directory, whatever it is, and changes nothing', (t) => {
  const folder = temporaryFolder(t)
  const doctor = (directory: string): Finding & { status: number | null } => {
    const { status, stdout } = on(directory)('doctor', '--json')
    return { status, ...of(findingsIn(stdout), 'directory') }
  }
  mkdirSync(join(folder, 'foreign'))
  writeFileSync(join(folder, 'foreign', 'thesis.tex'), '')
  const foreign = doctor(join(folder, 'foreign'))
  assert.deepEqual([foreign.status, foreign.state], [1, 'problem'])
  assert.match(foreign.found, /is not a permafrost directory: it contains "thesis\.tex"/)

  const { directory } = filled(t)
  truncateSync(join(directory, 'index.sqlite'), 5000)
  const before = readdirSync(directory)
  const damaged = doctor(directory)
  assert.deepEqual(
    [damaged.status, damaged.state, damaged.next],
    [1, 'problem', 'run permafrost verify --repair'],
  )
  assert.deepEqual(readdirSync(directory), before)
  assert.deepEqual(readdirSync(folder), ['foreign'])
})

test('doctor closes a directory that it cannot make sense of', (t) => {
  const { directory } = filled(t)
  const folder = temporaryFolder(t)
  const [copy, temporary] = [join(folder, 'copy'), join(folder, 'temporary')]
  mkdirSync(temporary)
  const Database = createRequire(import.meta.url)('better-sqlite3') as typeof Sqlite
  const db = new Database(join(directory, 'index.sqlite'))
  db.exec('DROP TABLE usage')
  // as a writer that was killed leaves it: then it is copied to the temporary directory to be read
  cpSync(directory, copy, { recursive: true, filter: (path) => !path.endsWith('-shm') })
  db.close()
  const program = `
    import { readdirSync } from 'node:fs'
    import { Command } from 'commander'
    import { addDoctor } from ${JSON.stringify(pathToFileURL(join(root, 'dist', 'cli', 'doctor.js')).href)}
    const program = new Command().option('--directory <path>').option('--json')
    addDoctor(program, '>=20')
    program.parse(${JSON.stringify(['doctor', '--json', '--directory', copy])}, { from: 'user' })
    console.error(JSON.stringify(readdirSync(${JSON.stringify(temporary)})))`
  const { stderr, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: root,
    encoding: 'utf8',
    env: environment({ TMPDIR: temporary, TEMP: temporary, TMP: temporary }),
  })
  assert.match(of(findingsIn(stdout), 'directory').found, /no such table: usage/)
  assert.deepEqual(JSON.parse(stderr), [])
})

test('doctor says where it may not write', () => {
  const { status, stdout } = asNobody('--directory', '/nowhere/at/all', 'doctor', '--json')
  const writing = of(findingsIn(stdout), 'writing')
  assert.deepEqual([status, writing.state], [0, 'warning'])
  assert.match(writing.next!, /^give yourself the right to write to \/nowhere\/at\/all/)
})
