/**
 * Evaluates a model behind an HTTP API: each question several times, each answer paid for once.
 *
 *   node docs/examples/evaluate.js
 *
 * Asks the server at MODEL_URL, with MODEL_KEY if there is one; without them a small one on this machine (model-server.js).
 * Run it twice, or kill it in the middle and run it again: it asks for what is missing.
 */
import { setTimeout as wait } from 'node:timers/promises'
import pLimit from 'p-limit'
import pRetry, { AbortError } from 'p-retry'
import { codeVersion, MemoizedGroup } from 'permafrost'

const AT_ONCE = 4
const SEEDS = [1, 2, 3]
const SYSTEM = 'Answer in one sentence.'
const QUESTIONS = [
  { question: 'What is 17 + 25?', expected: '42' },
  { question: 'What is 6 * 7?', expected: '42' },
  { question: 'What is 12 * 12?', expected: '144' },
  { question: 'What is 99 + 1?', expected: '100' },
  { question: 'What is 123 + 456?', expected: '579' },
  { question: 'What is 31 * 11?', expected: '341' },
  { question: 'What is 8 * 125?', expected: '1000' },
  { question: 'What is 1 / 0?', expected: 'nothing' },
]

const local = process.env.MODEL_URL
  ? undefined
  : await import('./model-server.js').then(({ startModelServer }) => startModelServer())
const url = process.env.MODEL_URL ?? local.url
const { version } = await fetch(`${url}/model`).then((response) => response.json())

const group = new MemoizedGroup()

/**
 * How a question travels is not what is asked. This counts as its tag, whatever its code, the address, the access key, the
 * number of retries: raise the tag when an edit here may change what comes back.
 */
const send = codeVersion('1', (body) =>
  pRetry(
    async () => {
      const headers = {
        'content-type': 'application/json',
        authorization: `Bearer ${process.env.MODEL_KEY ?? ''}`,
      }
      const response = await fetch(`${url}/ask`, { method: 'POST', headers, body: JSON.stringify(body) })
      if (response.ok) return response.json()
      const error = new Error(`${response.status}: ${(await response.json()).error}`)
      const mayPass = response.status === 429 || response.status >= 500
      if (!mayPass) throw new AbortError(error)
      error.seconds = Number(response.headers.get('retry-after')) || 0 // a date is left to the growing pauses
      throw error
    },
    {
      retries: 5,
      minTimeout: 50, // doubled each time; a second or so for a real API
      onFailedAttempt: ({ error }) => wait(1000 * (error.seconds ?? 0)),
    },
  ),
)

/** One answer. All that may change it is an argument, or declared as state. */
const ask = group.memoize(
  async function ask(system, question, seed) {
    const { text } = await send({ system, question, seed, temperature: 1 })
    return text
  },
  { state: () => version },
)

/** Not memoized, and nothing above depends on it: a new way to grade asks nothing again. */
function isRight(text, expected) {
  return text.includes(expected)
}

const limit = pLimit(AT_ONCE)
const tries = QUESTIONS.flatMap(({ question, expected }) =>
  SEEDS.map(async (seed) => {
    try {
      const text = await limit(() => ask(SYSTEM, question, seed))
      return { question, mark: isRight(text, expected) ? 'right' : 'wrong' }
    } catch (error) {
      return { question, mark: `failed (${error.message})` }
    }
  }),
)
const done = await Promise.all(tries)
local?.close()

for (const { question } of QUESTIONS) {
  const marks = done.filter((one) => one.question === question).map(({ mark }) => mark)
  console.log(`${question.padEnd(20)} ${marks.join(', ')}`)
}
console.log(
  `model ${version}: ${done.filter(({ mark }) => mark === 'right').length} of ${done.length} right\n`,
)
console.log(group.report())
