/**
 * Digests that must never change: a change makes all that anybody has stored a miss. If it is meant, FREEZE_VERSION
 * rises and the vectors are made anew.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digest } from 'permafrost'

const rate = 3
const helper = (x: number) => x * rate

const vectors: readonly (readonly [digest: string, name: string, value: unknown])[] = [
  ['c8ec7e989dfbabbe7f0c61acf720b270', 'undefined', undefined],
  ['1891d6fcbe2c3152b1b274d3057bffe5', 'null', null],
  ['a51b85d9a4a4d976aeacf26509bd92e5', 'true', true],
  ['02e3250adde803493c33fd59b752bcd0', '0', 0],
  ['a7cc0b3f2e80501b862c87e1bd4ce3b7', '-0', -0],
  ['b63ada627021c7e62f2ec6f6446f1477', '1.5', 1.5],
  ['41f2b25d17a78d6edc98ac0565000361', 'NaN', Number.NaN],
  ['d0d1e38ccde83a6ac47565746ce01e99', '123n', 123n],
  ['f5217dc7b9ec7b733e4a6c5bbe361395', 'text', 'text'],
  ['01f050f713b0007b22b42baa18adce74', 'wide text', 'λ and \ud800'],
  ['4e469ee2ce82bf8cd5ccba063a538145', 'Symbol.for', Symbol.for('a')],
  ['f95cd84b0386f89d43e97806b57143f7', 'array', [1, 'a', null, [2]]],
  ['59086a012090955bfac22275a856c4a7', 'hole', new Array(3)],
  ['8c5b2c3b3578284fb59e9845c2f0c2f9', 'object', { a: 1, b: { c: [true] } }],
  ['90d85ba01dccf97048cd7cba1c3c54c1', 'null prototype', Object.assign(Object.create(null), { a: 1 })],
  ['46669b645539760c5f11d85c5b57026a', 'Map', new Map([['a', [1]]])],
  ['e5a9c5ede7bbd2c860630e9d43e4d87a', 'Set', new Set([1, 'a'])],
  ['5c9a5a9067878d6c40dac1056be2570c', 'Date', new Date(86_400_000)],
  ['86492986544d4a2da52e79c24b46de83', 'RegExp', /a+b/gi],
  ['326550b4641f1f7a49da058935dea56d', 'Error', new RangeError('far', { cause: 1 })],
  ['34f8450a180c16183aae1a98c159432a', 'Uint8Array', new Uint8Array([1, 2, 3])],
  ['daa316fd6060a8348dbaa7ca39512a74', 'Float64Array', new Float64Array(1000).fill(0.5)],
  ['7e47f2ee2969d6eebadcf6bcb81baec4', 'Buffer', Buffer.from('bytes')],
  ['06eb885df23ee312746c1ac086dbda36', 'ArrayBuffer', new ArrayBuffer(16)],
  ['a3d512b5213251d5b4159ba48f710fa8', 'boxed', Object(1)],
  ['741522b0a3a99f49432ebe59751c1a49', 'function', (x: number) => x + 1],
  ['d062b003acbc9307cafdf3aa445db3d2', 'closure', (x: number) => helper(x) + 1],
]

for (const [expected, name, value] of vectors) {
  test(`the digest of ${name} is what it always was`, () => {
    assert.equal(digest(value), expected)
  })
}
