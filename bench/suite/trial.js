/** The other end of a child: starts it, asks it, and gives it up when it takes too long or dies. */
import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const child = fileURLToPath(new URL('child.js', import.meta.url))
const python = fileURLToPath(new URL('../rivals/python.py', import.meta.url))

/** Children that run, for when this process is told to end. */
const running = new Set()
process.on('exit', () => {
  for (const one of running) one.kill('SIGKILL')
})

export class Failed extends Error {
  /** @param wrong whether it answered, but with another value */
  constructor(message, wrong = false) {
    super(message)
    this.wrong = wrong
  }
}

export class Trial {
  #process
  #lines
  #last = ''
  #ended

  constructor(caseId, rival, directory, options) {
    this.directory = directory
    const args = [caseId, rival.id, directory, JSON.stringify({ ...options, memory: rival.memory ?? false })]
    const env = { ...process.env, PERMAFROST_DIR: undefined, PERMAFROST_DISABLE: undefined }
    const stdio = ['pipe', 'ignore', 'pipe', 'pipe']
    this.#process = rival.python
      ? spawn('python3', [python, ...args], { stdio, env })
      : spawn(process.execPath, ['--expose-gc', '--no-warnings', child, ...args], { stdio, env })
    running.add(this.#process)
    this.#process.stderr.setEncoding('utf8').on('data', (text) => {
      this.#last =
        text
          .trim()
          .split('\n')
          .find((line) => /error/i.test(line)) ?? this.#last
    })
    this.#process.stdin.on('error', () => {})
    this.#lines = createInterface({ input: this.#process.stdio[3] })[Symbol.asyncIterator]()
    this.#ended = new Promise((resolve) => this.#process.on('close', resolve))
    this.#process.on('exit', () => running.delete(this.#process))
  }

  /** What the child answers. Throws `Failed`. */
  async ask(command, seconds, argument) {
    this.#process.stdin.write(`${JSON.stringify([command, argument])}\n`)
    let timer
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, seconds * 1000, 'late')
    })
    const answer = await Promise.race([this.#lines.next(), late])
    clearTimeout(timer)
    if (answer === 'late') throw new Failed(`no answer within ${seconds} s`)
    if (answer.done) {
      const code = await this.#ended
      throw new Failed(this.#last || `its process ended with ${code}`)
    }
    const { error, ok, wrong } = JSON.parse(answer.value)
    if (error !== undefined) throw new Failed(error, wrong)
    return ok
  }

  /** @param keep whether the directory stays */
  async end({ keep = false } = {}) {
    try {
      return await this.ask('end', 120)
    } catch {
      // it is gone, or will be
    } finally {
      this.#process.kill('SIGKILL')
      await this.#ended
      if (!keep) rmSync(this.directory, { recursive: true, force: true })
    }
  }
}
