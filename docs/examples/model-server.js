/**
 * A model behind HTTP for evaluate.js, on this machine: it adds and multiplies, and is wrong now and then. As real ones
 * do, it sends clients away that ask too often (429), is out of order for a moment (503), and refuses some questions (400).
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'

/** @param pause is what it says in Retry-After, in seconds; onAnswer is told of each answer before it is sent. */
export async function startModelServer({ version = '2026-10-01', pause = 1, onAnswer = () => {} } = {}) {
  let requests = 0
  const server = createServer(async (request, response) => {
    const reply = (status, body, headers) =>
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
    if (request.url === '/model') return reply(200, { version })
    const asked = await json(request)
    requests++
    if (requests % 10 === 0) return reply(429, { error: 'too many requests' }, { 'retry-after': `${pause}` })
    if (requests % 10 === 3) return reply(503, { error: 'out of order' })
    if (asked.question.includes('/')) return reply(400, { error: 'no division' })
    onAnswer(asked)
    reply(200, { text: answer(asked, version) })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

function answer({ question, seed }, version) {
  const [, a, operator, b] = /(\d+) ([+*]) (\d+)/.exec(question)
  const right = operator === '+' ? Number(a) + Number(b) : a * b
  const sloppy = (right + seed * version.length) % 7 === 0
  return `The answer is ${sloppy ? right + 1 : right}.`
}
