/**
 * The quickstart's analysis over one version of a package: how complex its functions are, which words it uses, which files
 * share text, and how small each compresses. `node analyse.js how directory folder` prints the results and the picture.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync } from 'node:zlib'
import { drawing } from './chart.js'
import { addUp, measure } from './metrics.js'
import { fingerprintsOf, sharedPart } from './overlap.js'

const [, , how, directory, folder] = process.argv

/** Words as a list, since not every cache gives a Map back. */
function fileMetrics(path, text) {
  const { words, ...rest } = measure(path, text)
  return { ...rest, words: [...words], compressed: brotliCompressSync(text).length }
}

function fingerprints(text) {
  return [...fingerprintsOf(text)]
}

function picture(summary, shared) {
  return drawing(summary, shared)
}

const cache = how === 'none' ? { memoize: (fn) => fn, close() {} } : await (await import(how)).open(directory)
const metricsOf = await cache.memoize(fileMetrics)
const printsOf = await cache.memoize(fingerprints)
const draw = await cache.memoize(picture)

const names = readdirSync(folder, { recursive: true })
  .filter((name) => /\.[cm]?js$|\.d\.ts$/.test(name))
  .sort()
const texts = names.map((name) => readFileSync(join(folder, name), 'utf8'))
const metrics = []
const prints = []
for (const [i, text] of texts.entries()) {
  metrics.push(await metricsOf(names[i], text))
  prints.push(new Set(await printsOf(text)))
}
const summary = addUp(metrics)
const shared = prints.map((one) => prints.map((other) => Number(sharedPart(one, other).toFixed(3))))
const compressed = metrics.map((file) => file.compressed)
console.log(JSON.stringify({ summary, compressed, shared }))
console.log(await draw(summary, shared))
await cache.close()
