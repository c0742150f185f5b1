/** Servers that are programs. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

/** When the program has printed this. What it prints later goes nowhere. */
export function printed(program: ChildProcess, text: string): Promise<void> {
  let said = ''
  return new Promise((resolve, reject) => {
    program.stdout!.on('data', (chunk) => {
      said += chunk
      if (said.includes(text)) resolve()
    })
    program.once('exit', () => reject(new Error(`it ended, having said ${said}`)))
  })
}
