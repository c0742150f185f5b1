/**
 * What was read out of texts, kept from one process to the next, so that a text that was parsed once is not parsed again.
 *
 * Promises: what is kept is found only by who would read the same out of the same text, and what is not of the form in
 * which it was kept counts as forgotten. A memory that fails or forgets costs time, nothing else; but what it gives in that
 * form is believed. Must not know where that memory is, nor what the facts are about.
 */
import type { Digest } from '../types.ts'
import { digestBytes } from './digest.ts'
import { readersOfCode } from './origin.ts'

/** Somewhere to keep texts. Whatever it throws is as if it had nothing. */
export interface Memory {
  /** What was kept under that key, to the letter, or nothing. */
  get(key: Digest): string | undefined
  /** Well-formed Unicode. */
  set(key: Digest, text: string): void
}

/** Something to be read out of a text, from nothing but that text. What is read survives JSON unchanged. */
export interface Reading<T> {
  /** Tells it from others about the same text. */
  readonly name: string
  /** Undefined, or throwing, where there is nothing worth keeping. */
  readonly read: (text: string) => T | undefined
  readonly isSound: (kept: unknown) => boolean
}

/** Rises whenever other facts, or facts in another form, are read out of some text. */
export const FACTS = 2

let memory: Memory | undefined

/** How many texts this thread has parsed, and how many it found kept. */
export const readings: { parsed: number; remembered: number } = { parsed: 0, remembered: 0 }

/** From now on in that memory; in none if there is none. */
export function keepParsesIn(lent: Memory | undefined): void {
  memory = lent
}

/** What is read out of a text, or was once. Throws what reading it throws. */
export function readOnce<T>(text: string, reading: Reading<T>): T | undefined {
  const key = memory && keyOf(text, reading)
  const kept = key && recall(key, reading)
  if (kept !== undefined) {
    readings.remembered++
    return kept
  }
  const facts = reading.read(text)
  readings.parsed++
  if (key !== undefined && facts !== undefined) keep(key, facts)
  return facts
}

let readers: string | false | undefined

/** Everything that the facts depend on: who reads, what for, and the text. Undefined if it cannot be told who reads. */
function keyOf(text: string, { name }: Reading<unknown>): Digest | undefined {
  if (readers === undefined) {
    const found = readersOfCode()
    readers = found !== undefined && JSON.stringify([FACTS, ...found])
  }
  // code units, so that lone surrogates stay apart; neither JSON nor a name has a line break
  return readers === false ? undefined : digestBytes(Buffer.from(`${readers}\n${name}\n${text}`, 'utf16le'))
}

function recall<T>(key: Digest, { isSound }: Reading<T>): T | undefined {
  try {
    const text = memory?.get(key)
    if (text === undefined) return undefined
    const kept: unknown = JSON.parse(text)
    return isSound(kept) ? (kept as T) : undefined
  } catch {
    return undefined
  }
}

function keep(key: Digest, facts: unknown): void {
  try {
    memory?.set(key, JSON.stringify(facts))
  } catch {
    // it will be parsed again
  }
}
