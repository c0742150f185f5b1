/**
 * Which process this is among all that share a directory, and whether another one still lives. Promises never to call a
 * living process dead. Knows nothing of what they are at.
 */
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { crc32 } from 'node:zlib'

export const hex = (text: string): string => crc32(text).toString(16).padStart(8, '0')

function ask(question: () => string): string {
  try {
    return question()
  } catch {
    return ''
  }
}

let here: { readonly host: string; readonly boot: string } | undefined

/** A pid means something only on one boot of one host, and in one pid namespace: containers share a directory, too. */
export function identity(): { readonly host: string; readonly boot: string } {
  here ??= {
    host: hex(hostname() + ask(() => readlinkSync('/proc/self/ns/pid'))),
    boot: hex(ask(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1'))),
  }
  return here
}

/** When a process began, as Linux counts it; empty where nothing tells. Field 22 of proc_pid_stat(5). */
function startOf(pid: number): string {
  const stat = ask(() => readFileSync(`/proc/${pid}/stat`, 'latin1'))
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}

let own: string | undefined

/** Names this process: host, boot, pid, and when it began, since pids are given away again. */
export function processId(): string {
  own ??= `${identity().host}-${identity().boot}-${process.pid}-${hex(startOf(process.pid))}`
  return own
}

const PROCESS = /^([0-9a-f]{8})-([0-9a-f]{8})-(\d{1,10})-([0-9a-f]{8})$/
const NO_START = hex('')

/** `'certain'` and `'dead'` are sure; `'likely'` where a pid may have been given away; `'unknown'` of other machines. */
export type Life = 'certain' | 'likely' | 'dead' | 'unknown'

/** Whether the process that called itself so still lives. */
export function lifeOf(id: string): Life {
  const match = PROCESS.exec(id)
  if (match === null) return 'unknown'
  const [, host, boot, pid, start] = match
  if (host !== identity().host) return 'unknown'
  if (boot !== identity().boot || isGone(Number(pid))) return 'dead'
  const now = hex(startOf(Number(pid)))
  if (start === NO_START || now === NO_START) return 'likely'
  return start === now ? 'certain' : 'dead'
}

/** Whether no process has this pid. */
export function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return (error as { code?: unknown }).code === 'ESRCH'
  }
}
