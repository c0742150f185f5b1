/**
 * A store over HTTP, in a process of its own, which S3's paths find, too: it honours conditions, checks no
 * signature, answers as late as it is told, and counts what it is asked. `PUT /-` takes `{ latency }` in milliseconds, gives the
 * counts since the last time, and begins anew.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import { fileURLToPath } from 'node:url'

function serve() {
  const held = new Map()
  const sockets = new Set()
  let [latency, etags, closed] = [0, 0, 0]
  let counts = {}
  const moved = () =>
    [...sockets].reduce((sum, { bytesRead, bytesWritten }) => sum + bytesRead + bytesWritten, closed)
  let before = 0
  const server = http.createServer(async (request, response) => {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    if (request.url === '/-') {
      // what is said here is no part of what is counted
      sockets.delete(request.socket)
      const told = { counts, bytes: moved() - before }
      ;({ latency = 0 } = JSON.parse(body))
      counts = {}
      before = moved()
      return response.end(JSON.stringify(told))
    }
    if (latency > 0) await new Promise((resolve) => setTimeout(resolve, latency))
    const [status, headers, bytes] = answer(request, body)
    const name = request.url.includes('permafrost-objects') ? 'object' : request.url.replace(/^.*\//, '')
    const what = `${request.method} ${name} ${status}`
    counts[what] = (counts[what] ?? 0) + 1
    response.writeHead(status, { 'content-length': bytes?.length ?? 0, ...headers })
    response.end(request.method === 'HEAD' ? undefined : bytes)
  })

  function answer({ method, url: asked, headers }, body) {
    const url = decodeURIComponent(asked)
    const present = held.get(url)
    const facts = present && {
      etag: present.etag,
      'last-modified': present.modified,
      ...(present.digest && { 'x-amz-meta-sha256': present.digest }),
    }
    if (method === 'GET' || method === 'HEAD') {
      if (present === undefined) return [404, {}]
      if (headers['if-none-match'] === present.etag) return [304, facts]
      return [200, { ...facts, 'content-length': present.bytes.length }, present.bytes]
    }
    const { 'if-match': match, 'if-none-match': none } = headers
    if ((none === '*' && present) || (match !== undefined && match !== present?.etag)) return [412, {}]
    if (method === 'DELETE') return [held.delete(url) ? 204 : 404, {}]
    const etag = `"${++etags}"`
    held.set(url, {
      bytes: body,
      etag,
      modified: new Date().toUTCString(),
      digest: headers['x-amz-meta-sha256'],
    })
    return [201, { etag }]
  }

  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.setNoDelay(true)
    socket.once('close', () => {
      if (sockets.delete(socket)) closed += socket.bytesRead + socket.bytesWritten
    })
  })
  server.keepAliveTimeout = 60_000
  server.listen(0, '127.0.0.1', () => console.log(server.address().port))
}

/** The server, as a child of this process. `set` gives what was counted since the last time. */
export async function startServer() {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), 'serve'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  process.once('exit', () => child.kill())
  const [port] = await once(child.stdout, 'data')
  const url = `http://127.0.0.1:${Number(port)}`
  return {
    url,
    /** Where each kind of store finds it. */
    places: {
      http: [`${url}/plain`],
      s3: ['s3://bucket', { endpoint: url, accessKeyId: 'me', secretAccessKey: 'secret' }],
    },
    set: async (settings = {}) =>
      (await fetch(`${url}/-`, { method: 'PUT', body: JSON.stringify(settings) })).json(),
    stop: () => child.kill(),
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url) && process.argv[2] === 'serve') serve()
