import assert from 'node:assert/strict'
import { test } from 'node:test'
import { size, time } from '#src/words.js'

const TIMES: Readonly<Record<string, number>> = {
  '0ms': 0,
  '1µs': 0.000_001,
  '42µs': 0.0422,
  '100µs': 0.099_99,
  '0.1ms': 0.1,
  '9.5ms': 9.49,
  '10ms': 10.4,
  '999ms': 999.9,
  '1s': 1000,
  '1.1s': 1100,
  '1.9s': 1999,
  '59.9s': 59_999,
  '1m': 60_000,
  '1m 0.5s': 60_500,
  '2h 4s': 7_204_000,
  '1d 1m': 86_460_000,
  '3y 1d': (3 * 365 + 1) * 86_400_000,
  '-1.5s': -1500,
}

test('times are told in the units that people count in', () => {
  assert.deepEqual(
    Object.values(TIMES).map((milliseconds) => time(milliseconds)),
    Object.keys(TIMES),
  )
  assert.equal(time(Number.POSITIVE_INFINITY), 'Infinityms')
})

const SIZES: Readonly<Record<string, number>> = {
  '0 B': 0,
  '999 B': 999,
  '1 kB': 1000,
  '1.34 kB': 1337,
  '12.3 kB': 12_345,
  '123 kB': 123_456,
  '999 kB': 999_499,
  '1 MB': 999_500,
  '1.07 GB': 2 ** 30,
  '9.01 PB': Number.MAX_SAFE_INTEGER,
  '12300 EB': 12.3e21,
  '-2 kB': -2000,
}

test('sizes have three digits and the unit that these need', () => {
  assert.deepEqual(
    Object.values(SIZES).map((bytes) => size(bytes)),
    Object.keys(SIZES),
  )
})
