/** Results on their way to other directories: `export`, `import`. */
import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { answer, command, filterOf, Misuse, withFilter, withGroup } from './common.ts'
import { watched } from './progress.ts'
import { counted, number, size } from './words.ts'

export function addMoving(program: Command): void {
  withFilter(
    command(
      program,
      'export',
      'write results to one file, to be imported elsewhere',
      "export results 'src/train*' --newer-than 7d",
    )
      .argument('<file>', 'where to; it appears whole or not at all')
      .argument('[name]', 'only those of this function; * stands for any characters'),
  ).action(async (file: string, name: string | undefined, _: object, of: Command) => {
    const filter = filterOf(of, name)
    const report = await withGroup(of, 'read', (group) =>
      watched(
        'exporting',
        'results',
        (watch) => group.export(file, filter, watch),
        'no file was written, and the same command starts over',
      ),
    )
    answer(of, report, () => `${counted(report.entries, 'result')} of ${size(report.bytes)} exported`)
  })

  command(
    program,
    'import',
    'keep the results of an exported file, except of calls that have one',
    'import results',
  )
    .argument('<file>', 'what export wrote')
    .action(async (file: string, _: object, of: Command) => {
      if (!existsSync(file)) throw new Misuse(`there is no file ${file}; permafrost export writes one`)
      const report = await withGroup(of, 'make', (group) =>
        watched('importing', 'bytes', (watch) => group.import(file, watch)),
      )
      answer(of, report, () => {
        const { expired, imported, present, refused } = report
        return `${counted(imported, 'result')} imported, ${number(present)} were there, ${number(expired)} have expired, ${number(refused)} found no room`
      })
    })
}
