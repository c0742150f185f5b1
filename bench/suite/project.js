/**
 * A program whose functions call each other, as files: 200 functions in 20 modules, the last of which is what `main.js`
 * memoizes. `main.js` prints what the call gave and how long it took.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const MODULES = 20
const EACH = 10

/** Functions of a module call the ones before, and the last of the module below. */
function moduleText(index) {
  const below = index === 0 ? '' : `import { last as below } from './module-${index - 1}.js'\n`
  const functions = Array.from({ length: EACH }, (_, i) => {
    const name = i === EACH - 1 ? 'last' : `step${i}`
    const before = i === 0 ? (index === 0 ? 'x' : 'below(x)') : `step${i - 1}(x)`
    return `export function ${name}(x) {
  const weights = [${i}, ${index}, 3]
  let total = ${before}
  for (const weight of weights) if (weight > 1) total = (total * weight + ${index * EACH + i}) % 1000003
  return total
}
`
  })
  return `${below}\n${functions.join('\n')}`
}

const MAIN = `import { last } from './module-${MODULES - 1}.js'

const [, , rival, directory] = process.argv
const OFFSET = 7

function analysis(x) {
  return { x, result: last(x) + OFFSET }
}

const { open } = await import(rival)
const cache = await open(directory)
const memoized = await cache.memoize(analysis)
const began = performance.now()
const key = cache.identify?.(memoized, 1)
const identified = key && performance.now()
const { result } = await memoized(1)
const done = performance.now()
const plain = analysis(1).result
await cache.close()
const us = (end) => end && (end - began) * 1000
console.log(JSON.stringify({ result, plain, identify: us(identified), call: us(done) }))
`

export function writeProject(folder) {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "name": "project", "type": "module" }')
  for (let index = 0; index < MODULES; index++)
    writeFileSync(join(folder, `module-${index}.js`), moduleText(index))
  writeFileSync(join(folder, 'main.js'), MAIN)
}

/** What may be edited, and what a cache that looks has to do about it. */
export const EDITS = {
  comment: { file: 'module-3.js', from: 'export function step4', to: '// a comment\nexport function step4' },
  itself: { file: 'main.js', from: 'last(x) + OFFSET', to: 'last(x) + OFFSET + 1' },
  constant: { file: 'main.js', from: 'OFFSET = 7', to: 'OFFSET = 8' },
  helper: { file: 'module-3.js', from: '* weight + 30', to: '* weight + 31' },
}

/** Changes one file; what it returns changes it back. */
export function edit(folder, { file, from, to }) {
  const path = join(folder, file)
  const text = readFileSync(path, 'utf8')
  const changed = text.replace(from, to)
  if (changed === text) throw new Error(`${file} does not hold what is to be edited`)
  writeFileSync(path, changed)
  return () => writeFileSync(path, text)
}
