/** A fresh process identifies functions by what an earlier one read out of their texts, and as it would by itself. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Project, project } from '../support/project.js'

interface Index {
  prepare(sql: string): { all(...values: unknown[]): any[]; run(...values: unknown[]): unknown }
  close(): void
}

const Database = createRequire(import.meta.url)('better-sqlite3') as new (path: string) => Index

function inIndex<T>(user: Project, directory: string, look: (index: Index) => T): T {
  const index = new Database(join(user.directory, directory, 'index.sqlite'))
  try {
    return look(index)
  } finally {
    index.close()
  }
}

const countIn = (user: Project, directory: string): number =>
  inIndex(user, directory, (index) => index.prepare('SELECT * FROM parsed').all()).length

/** Functions of many kinds, and all that some packages export, by their source. */
const files = {
  'main.mjs': `
    import { createRequire } from 'node:module'
    import { MemoizedGroup } from 'permafrost'
    import * as helpers from './helpers.mjs'
    const require = createRequire(import.meta.url)
    const group = new MemoizedGroup({ packages: 'source', ...JSON.parse(process.argv[2] ?? '{}') })
    const packages = ['commander', 'debug', 'pretty-bytes', 'tinybench', 'cbor-x/encode']
    const modules = [helpers]
    for (const name of packages) modules.push(await import(name))
    for (const [at, module] of modules.entries()) {
      for (const [name, fn] of Object.entries(module)) {
        if (typeof fn !== 'function') continue
        const memoized = group.memoize(() => fn, { onUncacheable: 'ignore' })
        let code
        try { code = memoized.key().code } catch (error) { code = error.code }
        console.log(at, name, memoized.name, code)
      }
    }
    const loaded = Object.keys(require.cache).filter((path) => /[\\\\/](acorn|eslint-scope)[\\\\/]/.test(path))
    console.error('computed ' + loaded.length)
    group.close()
  `,
  'helpers.mjs': `
    import { readFile } from 'node:fs/promises'
    let changing = 1
    export const bump = () => changing++
    const table = { a: [1, 2], b: new Map([[1, 2]]) }
    export const reads = (x) => table.a[x] + changing
    export function recursive(n) { return n < 2 ? 1 : n * recursive(n - 1) }
    export const named = function inner(n) { return [1].map(() => n + table.b.size) }
    export class Model { #rate = 2; predict(x) { return reads(x) * this.#rate } static of() { return new this() } }
    export const later = async (path) => (await import('./late.mjs')).late(await readFile(path))
    export const local = () => new Date().toLocaleString()
  `,
  'late.mjs': 'export const late = (bytes) => bytes.length + LIMIT\nconst LIMIT = 3',
}

const run = (user: Project, directory: string, options: object = {}) =>
  user.run('main.mjs', { args: [JSON.stringify({ directory, ...options })] })

test('the second process reads nothing again, loads no parser, and tells the same of every function', (t) => {
  const user = project(t, files)
  const first = run(user, 'one')
  assert.ok(first.printed.length > 20, first.stderr)
  assert.equal(first.status, 0, first.stderr)
  assert.notDeepEqual(first.computed, ['0'])
  const kept = countIn(user, 'one')
  assert.ok(kept > 100, `${kept} texts`)
  const second = run(user, 'one')
  assert.deepEqual(second.printed, first.printed)
  assert.deepEqual(second.computed, ['0'])
  assert.equal(countIn(user, 'one'), kept)
})

test('after an edit each function is what it is to a process that remembers nothing', (t) => {
  const user = project(t, files)
  const before = run(user, 'one')
  user.edit('helpers.mjs', 'table.a[x] + changing', 'table.a[x] - changing')
  user.edit('late.mjs', 'LIMIT = 3', 'LIMIT = 4')
  const after = run(user, 'one')
  assert.deepEqual(after.printed, run(user, 'two').printed)
  const changed = after.printed.filter((line, at) => line !== before.printed[at])
  assert.deepEqual(changed.map((line) => line.split(' ')[1]).sort(), ['Model', 'later', 'reads'])
})

test('whatever is done to what is kept, no function becomes another', (t) => {
  const user = project(t, files)
  const first = run(user, 'one')
  const harms: readonly ((sealed: Buffer, at: number, all: readonly Buffer[]) => unknown)[] = [
    (sealed) => sealed.subarray(0, sealed.byteLength - 1),
    (sealed, at) => {
      // one letter of a name, one digit of a digest, one bracket
      const changed = Buffer.from(sealed)
      changed[16 + (at % (sealed.byteLength - 16))]! ^= 1
      return changed
    },
    (_sealed, at, all) => all[(at + 1) % all.length],
    () => 'text',
  ]
  for (const harm of harms) {
    inIndex(user, 'one', (index) => {
      const rows = index.prepare('SELECT key, sealed FROM parsed ORDER BY rowid').all()
      const all = rows.map(({ sealed }) => sealed as Buffer)
      for (const [at, { key, sealed }] of rows.entries())
        index.prepare('UPDATE parsed SET sealed = ? WHERE key = ?').run(harm(sealed, at, all), key)
    })
    const again = run(user, 'one')
    assert.deepEqual(again.printed, first.printed)
    assert.notDeepEqual(again.computed, ['0'])
    // what was read again is kept again
    assert.deepEqual(run(user, 'one').computed, ['0'])
  }
})

test('a process that must not write finds it, and leaves nothing', (t) => {
  const user = project(t, files)
  const first = run(user, 'one')
  const reader = run(user, 'one', { readonly: true })
  assert.deepEqual([reader.printed, reader.computed], [first.printed, ['0']])
  inIndex(user, 'one', (index) => index.prepare('DELETE FROM parsed').run())
  assert.deepEqual(run(user, 'one', { readonly: true }).printed, first.printed)
  assert.equal(countIn(user, 'one'), 0)
})

test('a hit in a fresh process loads no parser, nor does one in a worker', (t) => {
  const user = project(t, {
    'main.mjs': `
      import { createRequire } from 'node:module'
      import { isMainThread, Worker } from 'node:worker_threads'
      import { memoize } from 'permafrost'
      const rate = 3
      const scaled = memoize((x) => { console.log('computed'); return helper(x) * rate })
      function helper(x) { return x + 1 }
      scaled(4)
      const loaded = Object.keys(createRequire(import.meta.url).cache).filter((path) => /(acorn|eslint-scope)[\\\\/]/.test(path))
      console.log(isMainThread, loaded.length > 0)
      if (isMainThread) new Worker(new URL(import.meta.url))
    `,
  })
  assert.deepEqual(user.run('main.mjs').printed, ['computed', 'true true', 'false true'])
  assert.deepEqual(user.run('main.mjs').printed, ['true false', 'false false'])
})

/** Groups opened and closed in turn, in one process; how many texts each directory holds. */
function lent(t: TestContext, program: string): { readonly [directory: string]: number } {
  const user = project(t, {
    'main.mjs': `
      import { MemoizedGroup } from 'permafrost'
      const open = (directory) => new MemoizedGroup({ directory })
      let made = 0
      // a text, and its script, that nobody has seen
      const look = (group) => group.memoize(new Function('return (x) => x + ' + ++made)()).key(1)
      ${program}
    `,
  })
  const { status, stderr } = user.run('main.mjs')
  assert.equal(status, 0, stderr)
  return Object.fromEntries(['a', 'b'].map((directory) => [directory, countIn(user, directory)]))
}

test('the group that was opened first keeps what is read for all, then the next', (t) => {
  const both = lent(t, "const a = open('a'), b = open('b'); look(a); look(b); b.close(); look(a); a.close()")
  assert.deepEqual(both, { a: 6, b: 0 })
  const next = lent(t, "const a = open('a'), b = open('b'); look(a); a.close(); look(b); look(b)")
  assert.deepEqual(next, { a: 2, b: 4 })
  const nobody = lent(t, "const a = open('a'); a.close(); open('b').close(); look(a); open('b').close()")
  assert.deepEqual(nobody, { a: 0, b: 0 })
})
