/** Results as rows of words: for the terminal, for README.md, for the pictures. */

const TIMES = [
  { id: 'p50', title: 'p50' },
  { id: 'p99', title: 'p99' },
]

/** Of fewer samples than this the hundredth is no more than the slowest. */
const ENOUGH = 100

export const figuresOf = (one) => one.figures ?? TIMES

/** 0.42 µs, 1.5 ms, 12 s. */
export function time(us) {
  if (!Number.isFinite(us)) return ''
  const [value, unit] = us < 1000 ? [us, 'µs'] : us < 1e6 ? [us / 1000, 'ms'] : [us / 1e6, 's']
  return `${value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)} ${unit}`
}

export function words(value, { unit }) {
  if (value === undefined || value === null) return ''
  if (unit === undefined) return time(value)
  const number = value >= 1000 ? Math.round(value) : Number(value.toPrecision(3))
  return `${number.toLocaleString('en')}${unit && ` ${unit}`}`
}

/** What speaks against a rival: in this case, or in all. */
function marksOf(row, results, rival) {
  const gate = results.gate[row.rival]
  const edited = results.rows.find((other) => other.case === 'edit' && other.rival === row.rival)
  const marks = []
  if (row.failed) marks.push(row.failed)
  if (row.note) marks.push(row.note)
  if (gate?.collides?.length > 0) marks.push('¹')
  if (gate?.shares) marks.push('²')
  if (edited?.wrong && row !== edited) marks.push('³')
  if (rival?.note) marks.push(rival.note)
  return marks
}

/** Whether it may be compared: it gives back what it was given, and takes no two calls for one. */
export const isSound = (row, gate) => !row.failed && !gate?.failed && !(gate?.collides?.length > 0)

/**
 * One case as a table: who, the figures, how many times the reference, what speaks against it. References first, then all by
 * their first figure; numbered are those that are sound.
 */
export function tableOf(one, results, rivals) {
  const figures = figuresOf(one)
  const [main] = figures
  const rows = results.rows.filter((row) => row.case === one.id)
  const measured = (row) => row.figures?.[main.id] !== undefined
  const reference =
    rows.find((row) => row.reference && measured(row)) ?? rows.find((row) => row.rival === 'permafrost')
  const sign = main.higher ? -1 : 1
  const order = (row) => (row.reference ? -1e30 : measured(row) ? sign * row.figures[main.id] : 1e30)
  let place = 0
  return {
    head: ['', 'who', ...figures.map(({ title }) => title), 'ratio', ''],
    rows: rows
      .toSorted((a, b) => order(a) - order(b))
      .map((row) => {
        const rival = rivals.find(({ id }) => id === row.rival)
        const gate = results.gate[row.rival]
        const numbered = !row.reference && measured(row) && isSound(row, gate) && !rival?.memory
        const ratio =
          measured(row) && measured(reference ?? {})
            ? row.figures[main.id] / reference.figures[main.id]
            : undefined
        return [
          numbered ? `${++place}` : row.reference ? '' : '–',
          rival?.title ?? row.rival,
          ...figures.map((figure) => {
            if (figure.id === 'p99' && row.figures?.count < ENOUGH) return ''
            return words(row.figures?.[figure.id], figure)
          }),
          ratio === undefined || row === reference
            ? ''
            : ratio >= 100
              ? ratio.toFixed(0)
              : ratio.toPrecision(2),
          marksOf(row, results, rival).join(', '),
        ]
      }),
  }
}

/** Who tells which calls apart, and what becomes of results. */
export function gateTable({ gate }, rivals) {
  return {
    head: [
      'who',
      'key',
      'takes for the same',
      'throws on',
      'after a restart',
      'a caller who changes a result',
    ],
    rows: Object.entries(gate).map(([id, found]) => {
      const { key, title } = rivals.find((rival) => rival.id === id)
      if (found.failed) return [title, key, found.failed, '', '', '']
      const [collides, throws] = [found.collides.join('; '), found.throws.join('; ')]
      return [
        title,
        key,
        collides,
        throws,
        found.keeps ? 'hits' : 'gone',
        found.shares ? 'changes the next hit' : '',
      ]
    }),
  }
}

export function markdown({ head, rows }) {
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')).replaceAll(' ', ''), ...rows.map(line)].join('\n')
}
