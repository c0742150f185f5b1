/** A process that was told to listen gives its rights back when a signal ends it. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { openBlobStore } from 'permafrost/blob'
import { project } from '../support/project.js'
import { temporaryFolder } from '../support/temporary.js'

for (const [signals, left] of [
  [true, 0],
  [false, 1],
] as const) {
  test(`SIGTERM ends it, and leaves ${left} leases: signals: ${signals}`, async (t) => {
    const uri = pathToFileURL(temporaryFolder(t)).href
    const user = project(t, {
      'package.json': '{ "type": "module" }',
      'main.js': `
        import { MemoizedGroup } from 'permafrost'
        const group = new MemoizedGroup({ directory: 'cache', blobStore: ${JSON.stringify(uri)}, lease: { signals: ${signals} } })
        const wait = group.memoize(async (x) => {
          console.log('at it')
          await new Promise((resolve) => setTimeout(resolve, 60_000))
          return x
        })
        await wait(1)`,
    })
    const child = spawn(process.execPath, [join(user.directory, 'main.js')], {
      cwd: user.directory,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.after(() => child.kill('SIGKILL'))
    await once(child.stdout!, 'data')
    child.kill('SIGTERM')
    const [, signal] = await once(child, 'exit')
    assert.equal(signal, 'SIGTERM')
    const store = await openBlobStore(uri)
    const leases = []
    for await (const { key } of store.list('permafrost-1/')) if (key.endsWith('/lease')) leases.push(key)
    assert.equal(leases.length, left)
  })
}
