/** The law of remembered keys: calls with primitives have one key if and only if they are alike, however often asked. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { temporaryGroup } from '../support/temporary.js'

const primitive = fc.oneof(
  fc.constantFrom(0, -0, 1, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 1e21, 2 ** 53),
  fc.constantFrom('', '1', 'n1,', '1:1', 't', 'f', 'tf', '3:n1,', 'NaN', '0', '\ud800', 'x'.repeat(65)),
  fc.constantFrom(true, false),
  fc.string({ maxLength: 3, unit: fc.constantFrom('0', '1', ':', ',', 'n', 't', 'f') }),
)
const call = fc.array(primitive, { maxLength: 3 })

test('calls with primitives have one key if and only if they are alike', (t) => {
  const { group } = temporaryGroup(t)
  const remembering = group.memoize((...args: unknown[]) => args.length)
  const versioned = group.memoize((...args: unknown[]) => args.length, { version: 1, name: 'versioned' })
  fc.assert(
    fc.property(call, call, (one, other) => {
      const isAlike = one.length === other.length && one.every((given, i) => Object.is(given, other[i]))
      for (const f of [remembering, versioned]) {
        const fresh = group.memoize(f.fn, f === versioned ? { version: 1, name: 'versioned' } : {})
        const key = f.key(...one).digest
        assert.equal(f.key(...other).digest === key, isAlike)
        assert.equal(fresh.key(...one).digest, key)
        assert.equal(f.key(...one).args, fresh.key(...one).args)
      }
    }),
    { numRuns: 2000 },
  )
})
