/**
 * The function that is memoized. It captures nothing that can change and costs nothing, and what it returns is whatever the
 * trial says, by a channel: so no cache is slow or fast on its account, and each call of it is counted.
 */
import { channel, subscribe } from 'node:diagnostics_channel'

export function made(_argument) {
  const call = {}
  channel('bench:made').publish(call)
  return call.value
}

let count = 0
let make = () => undefined

subscribe('bench:made', (call) => {
  call.value = make(count++)
})

/** From now on `made` returns what this returns, given how many calls there were. */
export function makes(maker) {
  make = maker
}

export const computed = () => count
