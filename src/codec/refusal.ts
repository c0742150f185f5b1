/**
 * How a value that cannot be stored is refused: in words, without running any of its code.
 */
import { types } from 'node:util'
import { CodecError } from '../errors.ts'

export function refusal(what: string, path: string): CodecError {
  return new CodecError('ERR_UNENCODABLE', `cannot store ${what}`, path)
}

/** What a refused value is called, without running any of its code. */
export function describe(value: unknown): string {
  if (typeof value === 'symbol') return 'a symbol that is not registered'
  if (typeof value !== 'object' || value === null) return `a ${typeof value}`
  for (let at: object | null = value; at !== null && !types.isProxy(at); at = Object.getPrototypeOf(at)) {
    const maker: unknown = Object.getOwnPropertyDescriptor(at, 'constructor')?.value
    if (typeof maker !== 'function') continue
    const name: unknown = Object.getOwnPropertyDescriptor(maker, 'name')?.value
    if (typeof name === 'string' && name !== '') return `${/^[AEIOU]/.test(name) ? 'an' : 'a'} ${name}`
  }
  return 'an object of an unknown class'
}
