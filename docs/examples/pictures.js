/**
 * Pictures that are drawn once: as text (SVG), as bytes (PNG), and as a file that is put back when it is gone or changed.
 *
 *   node docs/examples/pictures.js [folder]
 *
 * Writes into the folder (default: pictures/).
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { file, MemoizedGroup } from 'permafrost'
import { PNG } from 'pngjs'

const WIDTH = 320
const HEIGHT = 200
const INK = [42, 120, 184]
const BLACK = [0, 0, 0]

const folder = process.argv[2] ?? 'pictures'
mkdirSync(folder, { recursive: true })

const group = new MemoizedGroup()

/** The numbers the pictures show. */
const heights = group.memoize(function heights(bars) {
  console.log('computing the numbers')
  return Array.from({ length: bars }, (_, i) => Math.round(HEIGHT * Math.sin((Math.PI * (i + 0.5)) / bars)))
})

/** A picture as text. */
const svg = group.memoize(function svg(numbers) {
  console.log('drawing the SVG')
  const bars = rectangles(numbers).map(
    ({ x, y, width, height }) => `<rect x="${x}" y="${y}" width="${width}" height="${height}"/>`,
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" fill="rgb(${INK})">${bars.join('')}</svg>\n`
})

/** A picture as bytes: a Buffer comes back as a Buffer. */
const png = group.memoize(function png(numbers) {
  console.log('drawing the PNG')
  return paint(numbers, INK)
})

/** A picture as a file, for what can only draw into files. A hit puts the file back if it is gone or changed. */
const poster = group.memoize(function poster(numbers, path) {
  console.log(`drawing ${path}`)
  writeFileSync(path, paint(numbers, BLACK))
  return file(path)
})

function paint(numbers, ink) {
  const picture = new PNG({ width: WIDTH, height: HEIGHT })
  picture.data.fill(255)
  for (const { x, y, width, height } of rectangles(numbers))
    for (let row = y; row < y + height; row++)
      for (let column = x; column < x + width; column++) picture.data.set(ink, 4 * (row * WIDTH + column))
  return PNG.sync.write(picture)
}

function rectangles(numbers) {
  const width = Math.floor(WIDTH / numbers.length)
  return numbers.map((height, i) => ({ x: i * width, y: HEIGHT - height, width: width - 2, height }))
}

const numbers = heights(16)
writeFileSync(join(folder, 'chart.svg'), svg(numbers))
writeFileSync(join(folder, 'chart.png'), png(numbers))
console.log(`see ${folder} and ${poster(numbers, join(folder, 'poster.png')).path}`)
