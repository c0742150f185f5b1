/**
 * The package as a user gets it: packed, installed into an empty project, imported, and its command run.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { root } from '../support/project.js'
import { temporaryFolder } from '../support/temporary.js'

test('the packed package runs in an empty project, and holds nothing but what it needs', (t) => {
  const folder = temporaryFolder(t)
  const npm = (...args: string[]) =>
    execFileSync('npm', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  const packed = JSON.parse(
    npm('pack', '--json', '--ignore-scripts', '--pack-destination', folder),
  ) as unknown
  const [{ files, filename }] = (Array.isArray(packed) ? packed : Object.values(packed as object)) as [
    { files: { path: string }[]; filename: string },
  ]
  for (const { path } of files)
    assert.match(
      path,
      /^(?:dist\/|docs\/[\w-]+\.md$|docs\/examples\/[\w-]+\.(?:js|yml)$|README\.md$|LICENSE$|package\.json$)/,
    )

  // what `npm install` would do, with the dependencies that are installed here already
  const modules = join(folder, 'user', 'node_modules')
  mkdirSync(join(modules, 'permafrost'), { recursive: true })
  execFileSync('tar', [
    '-xzf',
    join(folder, filename),
    '--strip-components=1',
    '-C',
    join(modules, 'permafrost'),
  ])
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (!name.startsWith('.') && name !== 'permafrost')
      symlinkSync(join(root, 'node_modules', name), join(modules, name))
  }
  const user = join(folder, 'user')
  writeFileSync(join(user, 'package.json'), '{ "type": "module" }')
  writeFileSync(
    join(user, 'main.js'),
    `import { memoize } from 'permafrost'
     const square = memoize((x) => { console.error('computed'); return x * x })
     console.log(square(4))`,
  )
  const { PERMAFROST_DIR: _, NODE_TEST_CONTEXT: __, ...env } = process.env
  const run = (...args: string[]) =>
    execFileSync(process.execPath, args, {
      cwd: user,
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    })
  assert.equal(run('main.js'), '16\n')
  assert.equal(run('main.js'), '16\n')
  const bin = join(modules, 'permafrost', 'dist', 'cli', 'main.js')
  const { entries } = JSON.parse(run(bin, 'ls', '--json')) as {
    entries: { key: { name: string }; hits: number }[]
  }
  assert.deepEqual(
    entries.map(({ hits, key }) => [key.name, hits]),
    [['main.js#square', 1]],
  )
  assert.match(run(bin, 'stats'), /main\.js#square +1 +1/)
  assert.match(run(bin, 'gc'), /0 expired, 0 evicted, 0 orphans/)
  assert.match(run(bin, 'doctor'), /^ok +Node: [\s\S]*\.permafrost, format 1: 1 result in /m)
})
