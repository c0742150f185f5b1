/** All cases by their order in the report. Each file is imported when one of its cases is asked for. */
import { gate } from '../suite/gate.js'

const files = ['hit', 'miss', 'cold', 'processes', 'same', 'scale', 'chain', 'break-even', 'edit', 'macro']

/** Of all files, or of those whose name starts with `asked`; then of cases whose id does. */
export async function casesOf(asked = []) {
  const all = (await Promise.all(files.map((file) => import(`./${file}.js`)))).flatMap(({ cases }) => cases)
  return asked.length === 0 ? all : all.filter(({ id }) => asked.some((start) => id.startsWith(start)))
}

export async function find(id) {
  if (id === 'gate') return gate
  const file = files.find((name) => id === name || id.startsWith(`${name}-`))
  const { cases } = await import(`./${file}.js`)
  return cases.find((one) => one.id === id) ?? cases[0]
}
