/** Files as results: kept with their content, put back on a hit. */
import assert from 'node:assert/strict'
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { file, type InputFile } from 'permafrost'
import { temporaryFolder, temporaryGroup } from './support/temporary.js'

test('AC-20: an output is put back when it is gone or changed, and computed again when the input changes', (t) => {
  const { group } = temporaryGroup(t)
  const folder = temporaryFolder(t)
  const seen: string[] = []
  const tell = (what: string) => void seen.push(what)
  const double = group.memoize(
    (input: InputFile) => {
      tell('computed')
      const output = input.withSuffix('.doubled')
      writeFileSync(output.path, readFileSync(input.path, 'utf8').repeat(2), { mode: 0o640 })
      return { output, input }
    },
    { version: 1, name: 'double' },
  )
  const input = join(folder, 'in')
  writeFileSync(input, 'ab')
  const path = double(file(input)).output.path
  assert.equal(path, `${input}.doubled`)
  for (const harm of [
    () => undefined,
    () => writeFileSync(path, 'blah'),
    () => rmSync(path),
    () => chmodSync(path, 0o600),
  ]) {
    harm()
    assert.equal(double.wouldHit(file(input)), true)
    assert.equal(double(file(input)).output.path, path)
    assert.equal(readFileSync(path, 'utf8'), 'abab')
    assert.equal(statSync(path).mode & 0o777, 0o640)
  }
  assert.equal(seen.length, 1)
  writeFileSync(input, 'xyz')
  assert.equal(double.wouldHit(file(input)), false)
  double(file(input))
  assert.equal(readFileSync(path, 'utf8'), 'xyzxyz')
  // the older input has the older output again
  writeFileSync(input, 'ab')
  double(file(input))
  assert.equal(readFileSync(path, 'utf8'), 'abab')
  assert.equal(seen.length, 2)
  assert.deepEqual(readdirSync(folder).sort(), ['in', 'in.doubled'])
})

test('asking does not write; a file that cannot be put back is a miss; one that is absent stays so', async (t) => {
  const { group } = temporaryGroup(t)
  const folder = temporaryFolder(t)
  const seen = { computed: 0 }
  const tell = () => void seen.computed++
  const write = group.memoize(
    async (path: string) => {
      tell()
      writeFileSync(path, 'new')
      return [file(path), file(`${path}.absent`)]
    },
    { version: 1, name: 'write' },
  )
  const path = join(folder, 'out')
  await write(path)
  rmSync(path)
  assert.equal(write.peek(path)?.[0]?.path, path)
  assert.equal(existsSync(path), false)
  await write(path)
  assert.equal(readFileSync(path, 'utf8'), 'new')
  assert.equal(existsSync(`${path}.absent`), false)
  assert.equal(seen.computed, 1)
})
