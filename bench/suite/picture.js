/** Bars on a logarithmic scale, as SVG: dark is permafrost, grey the references, pale who is not sound in this case. */
import { figuresOf, isSound, words } from './tables.js'

const WIDTH = 860
const ROW = 20
const LEFT = 330
const RIGHT = 120
const COLOURS = { ours: '#1f5f99', sound: '#7fb0d9', unsound: '#e3c6b4', reference: '#8a8a8a' }

export function picture(one, results, rivals) {
  const [main] = figuresOf(one)
  const bars = results.rows
    .filter((row) => row.case === one.id && row.figures?.[main.id] > 0)
    .map((row) => {
      const rival = rivals.find(({ id }) => id === row.rival)
      const gate = results.gate[row.rival]
      const kind = row.reference
        ? 'reference'
        : rival.ours
          ? 'ours'
          : isSound(row, gate)
            ? 'sound'
            : 'unsound'
      return { label: rival?.title ?? row.rival, kind, value: row.figures[main.id] }
    })
    .sort((a, b) => (main.higher ? b.value - a.value : a.value - b.value))
  if (bars.length === 0) return undefined
  const least = 10 ** Math.floor(Math.log10(Math.min(...bars.map(({ value }) => value)) * 0.8))
  const most = Math.max(...bars.map(({ value }) => value))
  const decades = Math.max(1, Math.log10(most / least))
  const x = (value) => LEFT + ((WIDTH - LEFT - RIGHT) * Math.log10(value / least)) / decades
  const height = ROW * (bars.length + 3)
  const lines = []
  for (let at = least; at <= most; at *= 10) {
    lines.push(`<path d="M${x(at).toFixed(1)} ${1.6 * ROW}V${height - ROW}" stroke="#dddddd"/>`)
    lines.push(text(x(at), height - 6, words(at, main), 'middle', '#666666'))
  }
  const drawn = bars.map(({ kind, label, value }, i) => {
    const y = ROW * (i + 1.7)
    const width = Math.max(2, x(value) - LEFT)
    return [
      text(LEFT - 8, y + 14, label, 'end', '#222222'),
      `<rect x="${LEFT}" y="${y + 2}" width="${width.toFixed(1)}" height="${ROW - 4}" fill="${COLOURS[kind]}"/>`,
      text(LEFT + width + 6, y + 14, words(value, main), 'start', '#222222'),
    ].join('')
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">`,
    `<title>${escaped(`${one.title}: ${main.title}`)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="white"/>`,
    text(8, 18, `${one.title}: ${main.title}`, 'start', '#000000'),
    ...lines,
    ...drawn,
    '</svg>\n',
  ].join('\n')
}

function text(x, y, content, anchor, colour) {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" fill="${colour}">${escaped(content)}</text>`
}

const escaped = (content) => `${content}`.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
