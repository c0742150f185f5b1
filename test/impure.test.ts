import assert from 'node:assert/strict'
import { channel } from 'node:diagnostics_channel'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { digest, memoize } from 'permafrost'
import { project } from './support/project.js'
import { temporaryGroup } from './support/temporary.js'

interface Told {
  readonly name: string
  readonly uses: readonly { readonly what: string; readonly where: string }[]
}

function listen(t: TestContext): Told[] {
  const told: Told[] = []
  const note = (message: unknown) => void told.push(message as Told)
  channel('permafrost:impure').subscribe(note)
  t.after(() => channel('permafrost:impure').unsubscribe(note))
  return told
}

const roll = (sides: number) => Math.floor(Math.random() * sides)

test('a function that uses what no key covers is told of once, with what and where', (t) => {
  const told = listen(t)
  const { failures, group } = temporaryGroup(t)
  const dice = group.memoize((n: number) => [roll(n), readFileSync('/dev/null', 'utf8')], { name: 'dice' })
  const pure = group.memoize((n: number) => n + 1)
  dice(6)
  dice(6)
  dice(7)
  pure(1)
  assert.equal(told.length, 1)
  const [{ name, uses }] = told as [Told]
  assert.equal(name, 'dice')
  assert.deepEqual(
    uses.map(({ what }) => what),
    ['fs.readFileSync', 'Math.random'],
  )
  const line = (text: string) =>
    readFileSync(join(import.meta.dirname, '../../test/impure.test.ts'), 'utf8')
      .split('\n')
      .findIndex((one) => one.includes(text)) + 1
  const compiled = (text: string) =>
    readFileSync(import.meta.filename, 'utf8')
      .split('\n')
      .findIndex((one) => one.includes(text)) + 1
  const places = uses.map(({ where }) => where)
  const texts = ["readFileSync('/dev/null'", 'const roll =']
  // with source maps on, the lines are those of the source
  const mapped = places.every((place) => place.includes('.ts'))
  assert.deepEqual(
    places.map((place) => Number(place.split(':').at(-1))),
    texts.map(mapped ? line : compiled),
  )
  assert.match(places[0]!, /^(?:build\/)?test\/impure\.test\.[jt]s:\d+$/)
  assert.deepEqual(failures, [])
})

test('what the user says is fine is not told', (t) => {
  const told = listen(t)
  const { group } = temporaryGroup(t)
  group.memoize(() => roll(6), { name: 'a', assumePure: true })()
  group.memoize(() => [Date.now(), roll(6)], { name: 'b', allow: ['Date', 'Math.random'] })()
  group.memoize(() => [Date.now(), roll(6)], { name: 'c', allow: ['Date.now'] })()
  group.memoize(() => Date.now(), { name: 'd', version: 1 })()
  assert.deepEqual(
    told.map((one) => [one.name, one.uses.map(({ what }) => what)]),
    [['c', ['Math.random']]],
  )
  assert.throws(() => memoize(roll, { allow: ['Date.nwo'] }), /"Date.nwo".*did you mean "Date.now"/)
  assert.throws(() => memoize(roll, { allow: ['fs.readFile', 'fs.raedFile'] }), /did you mean "fs.readFile"/)
  assert.throws(() => memoize(roll, { allow: 'fs' as never }), TypeError)
  assert.throws(() => memoize(roll, { assumePure: 1 as never }), TypeError)
})

test('looking for them does not change digests', () => {
  const before = digest((x: number) => x + Date.now())
  assert.equal(
    digest((x: number) => x + Date.now()),
    before,
  )
})

test('the impure command lists them', (t) => {
  const user = project(t, {
    'package.json': '{ "type": "module" }',
    'work.js': `import { memoize } from 'permafrost'
import { stamp } from './stamp.js'
export const pure = (x) => x
export const work = memoize((x) => {
  return stamp() + x
})`,
    'stamp.js': 'export const stamp = () =>\n  Date.now()',
  })
  const impure = (...args: string[]) => user.run('../../../dist/cli/main.js', { args: ['impure', ...args] })
  const listed = impure(`${join(user.directory, 'work.js')}#work`)
  assert.match(listed.printed.join('\n'), /uses +where\s+Date\.now +stamp\.js:2/)
  assert.equal(listed.stderr, '')
  assert.deepEqual(impure(`${join(user.directory, 'work.js')}#pure`).printed, ['nothing found'])
  const json = impure('--json', `${join(user.directory, 'work.js')}#work`).printed.join('')
  assert.deepEqual(JSON.parse(json).uses, [{ what: 'Date.now', where: 'stamp.js:2' }])
})
