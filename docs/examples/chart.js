/** The results as an SVG picture: how complex functions are, and which of the longest files share text. */
import { top } from './metrics.js'

const WIDTH = 1000
const ROW = 22
const MOST_FILES = 16
const COLOUR = '#2a78b8'

export function drawing({ files, spread }, shared) {
  const shown = top([...files.keys()], MOST_FILES, (i) => files[i].lines)
  const names = shown.map((i) => shortName(files[i].path))
  const shares = shown.map((i) => shown.map((j) => shared[i][j]))
  const height = ROW * (Math.max(shown.length, spread.length) + 4)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${height}" fill="white"/>`,
    ...histogram(spread, 30),
    ...heatMap(names, shares, 630),
    '</svg>\n',
  ].join('\n')
}

function histogram(spread, x) {
  const most = Math.max(1, ...spread.map(({ count }) => count))
  const bars = spread.map(({ label, count }, i) => {
    const y = ROW * (i + 2)
    const width = barWidth(count, most)
    return words(x + 40, y, label, 'end') + box(x + 48, y, width) + words(x + 54 + width, y, count)
  })
  return [words(x, ROW, 'Functions by cyclomatic complexity'), ...bars]
}

function heatMap(names, shares, x) {
  const rows = names.map((name, i) => {
    const y = ROW * (i + 2)
    const cells = shares[i].map((share, j) => box(x + ROW * j, y, ROW - 2, 0.06 + 0.94 * share))
    const column = words(x + ROW * (i + 0.45), ROW * (names.length + 2), i + 1, 'middle')
    return words(x - 8, y, `${name}  ${i + 1}`, 'end') + cells.join('') + column
  })
  return [words(x, ROW, 'Part of a file (row) that is also in another (column)'), ...rows]
}

function barWidth(count, most) {
  return Math.round((240 * count) / most)
}

function box(x, y, width, opacity = 1) {
  return `<rect x="${x}" y="${y}" width="${width}" height="${ROW - 2}" fill="${COLOUR}" opacity="${opacity.toFixed(2)}"/>`
}

function words(x, y, text, anchor = 'start') {
  const safe = `${text}`.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return `<text x="${x}" y="${y + ROW * 0.65}" text-anchor="${anchor}">${safe}</text>`
}

/** The end of a path, enough to tell files apart: `lib/typescript.js`. */
export function shortName(path) {
  return path.split(/[\\/]/).slice(-2).join('/')
}
