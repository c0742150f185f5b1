/**
 * Acceptance cases: each is a module whose `run` returns what it saw. All run in one process, again in a second one, and
 * again after edits, as ESM, as CommonJS and as TypeScript.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forms, program } from './forms.js'
import type { Run } from './project.js'

export interface Step {
  /** Made before the step's process starts: in the case's module, replace one text by another. */
  readonly edits?: readonly (readonly [from: string, to: string])[]
  readonly value: unknown
  readonly computed: readonly string[]
}

export interface Case {
  readonly name: string
  readonly source: string
  /** Modules the source imports. */
  readonly beside?: Readonly<Record<string, string>>
  /** Other files of the project, as they are. */
  readonly files?: Readonly<Record<string, string>>
  /** The codes of the warnings each process prints about the case's functions; default: none. */
  readonly warnings?: readonly string[]
  /** What each process shows. The second one is as the first, but all from the cache, unless said otherwise. */
  readonly steps: readonly [Step, ...Step[]]
}

export type Cases = Readonly<Record<string, Case>>

export const again = (value: unknown): Step => ({ value, computed: [] })

/** The prefix `computed ac13 ` says which case's function computed. */
const main = (names: readonly string[]): string => `
${names.map((name) => `import { run as ${name} } from './${name}.ts'`).join('\n')}
for (const [name, run] of Object.entries({ ${names.join(', ')} })) {
  let value: unknown
  try { value = run() } catch (error) { value = String((error as Error).stack) }
  console.log(JSON.stringify([name, value]))
}
`

export function runCases(cases: Cases): void {
  const names = Object.keys(cases)
  const all = Object.values(cases)
  const count = Math.max(...all.map(({ steps }) => steps.length))
  const modules = Object.assign({ main: main(names) }, ...all.map(({ beside }) => beside))
  for (const name of names) modules[name] = cases[name]!.source
  for (const form of forms) {
    test(`in ${form.name}`, async (t) => {
      const user = program(t, form, modules, Object.assign({}, ...all.map(({ files }) => files)))
      const runs: Run[] = []
      for (let step = 0; step < count; step++) {
        for (const name of names) {
          for (const [from, to] of cases[name]!.steps[step]?.edits ?? []) user.edit(name, from, to)
        }
        const run = user.run('main')
        assert.equal(run.status, 0, run.stderr)
        runs.push(run)
      }
      for (const name of names) {
        const { name: title, steps, warnings = [] } = cases[name]!
        await t.test(title, () => {
          const expected = steps.map(({ computed, value }) => ({ value, computed, warnings }))
          assert.deepEqual(
            runs.slice(0, steps.length).map((run) => seenBy(name, run)),
            expected,
          )
        })
      }
    })
  }
}

function seenBy(name: string, { computed, printed, stderr }: Run): object {
  const values = new Map<string, unknown>(printed.map((line) => JSON.parse(line)))
  const warnings = stderr.matchAll(/\[(\w+)\] PermafrostWarning: (\w+)/g)
  return {
    value: values.get(name),
    computed: computed
      .filter((what) => what.startsWith(`${name} `))
      .map((what) => what.slice(name.length + 1)),
    warnings: [...warnings].filter(([, , module]) => module === name).map(([, code]) => code),
  }
}
