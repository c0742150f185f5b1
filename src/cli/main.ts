#!/usr/bin/env node
/**
 * `permafrost`: look into a cache directory and keep it tidy. Uses the public surface only. Prints tables for people,
 * or JSON with `--json`; a failure is one line on stderr that says what to do next.
 */
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { EXIT, explainFailure, warn } from './common.ts'
import { addCompletion } from './completion.ts'
import { addConfiguring } from './configuring.ts'
import { addDoctor } from './doctor.ts'
import { addKeeping } from './keeping.ts'
import { addListing } from './listing.ts'
import { addMoving } from './moving.ts'
import { addRemote } from './remote.ts'
import { addShowing } from './showing.ts'
import { addSummary } from './summary.ts'
import { addTop } from './top.ts'

const { engines, version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as {
  engines: { node: string }
  version: string
}

const AFTER = `
Exit codes: 0 all is well; 1 something is wrong, or the answer is no (verify and doctor found problems, why tells a miss,
a key is not there); 2 misuse (unknown command or option, no such directory or file, not a permafrost directory);
130 stopped by Ctrl-C.

Example:
  $ permafrost ls --sort time`

const program: Command = new Command('permafrost')
  .description('Look into a permafrost cache directory and keep it tidy.')
  .version(version)
  .option(
    '-d, --directory <path>',
    'the cache directory (default: PERMAFROST_DIR, the configuration file, else .permafrost beside package.json)',
  )
  .option('--json', 'print JSON')
  .helpCommand(false)
  .showSuggestionAfterError()
  .configureHelp({ showGlobalOptions: true })
  .addHelpText('after', AFTER)
  .exitOverride()

// what `command()` makes later takes over these
program.configureOutput({
  outputError: (text, write) => {
    const line = text
      .replace(/^error: /, '')
      .trim()
      .replace(/\.$/, '')
      .replaceAll(/\s*\n\s*/g, ' ')
    write(`permafrost: ${line}; permafrost --help lists what there is\n`)
  },
})

for (const add of [
  addListing,
  addTop,
  addSummary,
  addShowing,
  addKeeping,
  addMoving,
  addRemote,
  addConfiguring,
])
  add(program)
addDoctor(program, engines.node)
addCompletion(program)

// `permafrost ls | head -1`: whoever reads has enough
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(process.exitCode ?? EXIT.fine)
  })
}

process.removeAllListeners('warning')
process.on('warning', ({ message }) => warn(message))

try {
  await program.parseAsync()
} catch (error) {
  // help and version are no mistakes
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.fine : EXIT.misuse
  else process.exitCode = process.exitCode === EXIT.stopped ? EXIT.stopped : explainFailure(error)
}
