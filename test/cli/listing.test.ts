import assert from 'node:assert/strict'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { filled, json, on } from './command-line.js'

interface Listed {
  readonly total: number
  readonly entries: readonly {
    key: { name: string; digest: string; code: string }
    size: number
    arguments?: string
  }[]
}

test('ls lists what is kept, a line each, in any order and number', (t) => {
  const run = on(filled(t).directory)
  const { status, stderr, stdout } = run('ls')
  assert.deepEqual([status, stderr], [0, ''])
  const [head, ...lines] = stdout.trimEnd().split('\n')
  assert.match(head!, /^function +call +size +took +hits +age +used +expires in +arguments$/)
  assert.equal(lines.length, 5)
  // used last
  assert.match(lines[0]!, /^src\/maths\.js#square +[0-9a-f]{12} +\d+ B +\d.* 1 +\d+d +\d+d +never +1$/)
  assert.match(lines[1]!, /^src\/list\.js#list .* \{length: 10000\}$/)
  assert.match(lines[2]!, /^src\/maths\.js#half .* expired(?: +4)?$/)

  const listed = (...args: string[]): string[] =>
    (json(run('ls', '--json', ...args)) as Listed).entries.map(
      // what takes no time is not noted, unless the machine is busy
      ({ arguments: given = '', key: { name } }) => `${name.slice(4)} ${name.endsWith('half') ? '' : given}`,
    )
  const [one, two, three] = [1, 2, 3].map((x) => `maths.js#square ${x}`)
  const [half, list] = ['maths.js#half ', 'list.js#list {length: 10000}']
  assert.deepEqual(listed(), [one, list, half, three, two])
  assert.deepEqual(listed('--reverse'), [two, three, half, list, one])
  assert.deepEqual(listed('--sort', 'created'), [list, half, three, two, one])
  assert.deepEqual(listed('-s', 'size', '-n', '1'), [list])
  assert.deepEqual(listed('-s', 'hits', '-n', '1'), [one])
  assert.deepEqual(listed('-s', 'time', '-r', '-n', '1'), [half])
  assert.deepEqual(listed('-s', 'name', '-n', '2'), [list, half])
  assert.match(run('ls', '-n', '2').stdout, /\n… and 3 more; -n all shows all\n$/)
})

test('ls lists those that are meant', (t) => {
  const run = on(filled(t).directory)
  const count = (...args: string[]): number => (json(run('ls', '--json', ...args)) as Listed).total
  assert.equal(count('src/maths.js#half'), 1)
  assert.equal(count('src/maths*'), 4)
  assert.equal(count('maths'), 0)
  assert.equal(count('--tag', 'maths'), 3)
  assert.equal(count('--larger-than', '1KB'), 1)
  assert.equal(count('--older-than', '2026-01-01T02:30:00Z'), 2)
  assert.equal(count('--newer-than', '2026-01-01T02:30:00Z'), 3)
  assert.equal(count('--newer-than', '1h'), 0)
  assert.equal(count('--unused-for', '2026-01-01T02:30:00Z'), 1)
  assert.equal(count('--older-than', '1d', '--tag', 'maths'), 3)
  const { code } = (json(run('ls', '--json')) as Listed).entries[1]!.key
  assert.equal(count('--code', code.slice(0, 9)), 1)
  assert.deepEqual(run('ls', 'nobody'), { stdout: 'nothing fits\n', stderr: '', status: 0 })
})

test('a thousand rows and more come in one table after the other, and all of them', (t) => {
  const { directory, reopen } = filled(t)
  const group = reopen()
  const f = group.memoize((x: number) => x, { name: 'many', version: 1 })
  for (let x = 0; x < 2500; x++) f(x)
  group.close()
  const lines = on(directory)('ls', 'many', '-n', 'all').stdout.trimEnd().split('\n')
  assert.equal(lines.length, 2501)
  assert.equal(new Set(lines.map((line) => line.split(/ +/)[1])).size, 2501)
})

test('stats counts over all runs, from zero after --reset', (t) => {
  const run = on(filled(t).directory)
  assert.match(
    run('stats').stdout,
    /\nsrc\/maths\.js#square +1 +3 [\s\S]*\n5 results in [\d.]+ kB; [\d.]+ms saved\n$/,
  )
  const { functions, hits, misses } = json(run('stats', '--json', '--reset'))
  assert.deepEqual([hits, misses, functions['src/maths.js#half'].misses], [1, 5, 1])
  const after = json(run('stats', '--json'))
  assert.deepEqual([after.hits, after.misses, after.entries], [0, 0, 5])
})

test('du tells what takes how much, and in all what the files take', (t) => {
  const { directory } = filled(t)
  const run = on(directory)
  const space = json(run('du', '--json'))
  assert.equal(space.functions['src/maths.js#square'].entries, 3)
  assert.ok(space.functions['src/list.js#list'].objects > 80_000)
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' })
  const sizes = files.map((name) => statSync(join(directory, name))).filter((stat) => stat.isFile())
  const bytes = sizes.reduce((sum, stat) => sum + stat.size, 0)
  assert.ok(Math.abs(space.total - bytes) < 8192, `${space.total} told, ${bytes} found`)
  const { stdout } = run('du')
  assert.match(stdout, /^function +results +in rows +in objects +in leaves +all\nsrc\/list\.js#list +1 +0 B /)
  assert.match(stdout, /\non disk in all +\d+ kB\n$/)
})

test('names and arguments cannot make a terminal do anything', (t) => {
  const { directory, reopen } = filled(t)
  const group = reopen()
  group.memoize((x: string) => x, { name: 'evil\x1b[2J\nname', version: 1, tags: ['\x07'] })(
    '\x1b]0;title\x07',
  )
  group.close()
  const run = on(directory)
  const [{ key }] = (json(run('ls', 'evil*', '--json')) as Listed).entries as Listed['entries'] &
    [Listed['entries'][0]]
  for (const { stdout } of [run('ls'), run('stats'), run('du'), run('show', key.digest), run('top')]) {
    assert.ok(stdout.includes('evil\\u001b[2J\\nname'), stdout)
    assert.doesNotMatch(stdout, /(?!\n)\p{Cc}/u)
  }
})
