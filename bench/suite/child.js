/**
 * One rival in one case, in a process of its own: `node child.js case rival directory options`. Reads commands as lines of
 * JSON, answers each with one on descriptor 3: `start`, `round` as often as asked, `end`.
 */
import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { find } from '../cases/index.js'
import { WrongValue } from './same.js'

const [, , caseId, rivalId, directory, text] = process.argv
const options = JSON.parse(text)
const chosen = await find(caseId)

async function start() {
  const reference = chosen.references?.[rivalId]
  if (reference) return reference({ directory, ...options })
  const { open } = await import(`../rivals/${rivalId}.js`)
  return chosen.start({ open, directory, ...options })
}

let trial
const commands = {
  start: async () => {
    trial = await start()
    return trial.found
  },
  round: (argument) => {
    globalThis.gc?.()
    return trial.round(argument)
  },
  end: () => trial.end?.(),
}

for await (const line of createInterface({ input: process.stdin })) {
  const [command, argument] = JSON.parse(line)
  let answer
  try {
    answer = { ok: (await commands[command](argument)) ?? null }
  } catch (error) {
    answer = { error: String(error?.message ?? error).split('\n')[0], wrong: error instanceof WrongValue }
  }
  writeSync(3, `${JSON.stringify(answer)}\n`)
  if (command === 'end') process.exit()
}
// whoever asked is gone
process.exit()
