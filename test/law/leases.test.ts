/**
 * Leases of machines that share a store, in every order in which things can happen. At no time are two certain that
 * the right is theirs; two compute only after one of them has had it for too long; whatever they publish, all get one
 * value; and when all holders are gone somebody can have the right.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Bounds, type Mistake, Model } from './lease-model.js'

const two: Bounds = { machines: 2, tries: 2, renewals: 0, crashes: 0, losses: 0 }
const soak = process.env['PERMAFROST_SOAK'] !== undefined

const held: Readonly<Record<string, Bounds>> = {
  'two machines, of which one dies': { ...two, crashes: 1 },
  'where a computation fails': { ...two, failures: 1, delay: 1 },
  'on a store with a clock of its own': { ...two, crashes: 1, dated: true },
  'with renewals': { ...two, tries: 1, renewals: 1, crashes: 1 },
  'with an answer lost, a write lost or one that lands late': { ...two, tries: 1, losses: 1 },
  'where etags are digests': { ...two, tries: 1, renewals: 1, digests: true },
  'where nothing is deleted on a condition': { ...two, tries: 1, failures: 1, removes: false },
  'two processes of one machine': { ...two, crashes: 1, together: true },
  'three machines': { ...two, machines: 3, tries: 1, delay: 1 },
  ...(soak && {
    'two machines, of which one dies and one fails': { ...two, crashes: 1, failures: 1 },
    'where nothing is deleted on a condition, with two tries': { ...two, failures: 1, removes: false },
    'with two losses': { ...two, tries: 1, losses: 2 },
    'with a loss, a death and renewals': { ...two, tries: 1, renewals: 1, crashes: 1, losses: 1 },
    'with a loss and two tries': { ...two, losses: 1 },
    'three machines, of which one dies': { ...two, machines: 3, tries: 1, delay: 2, crashes: 1 },
  }),
}

describe('every order of what can happen keeps the promises', () => {
  for (const [name, bounds] of Object.entries(held))
    test(name, (t) => {
      const model = new Model(bounds)
      model.explore()
      t.diagnostic(`${model.states} states; ends of programs: ${JSON.stringify(model.seen)}`)
      for (const kind of ['held', 'taken', 'released'])
        assert.ok(model.seen[kind], `nothing was ever ${kind}`)
    })
})

/** What is then seen first, of the promises that it breaks. */
const mistakes: readonly (readonly [Mistake, Partial<Bounds>, RegExp])[] = [
  ['releases whatever is there', { failures: 1 }, /two compute/],
  ['renews and takes over whatever is there', { renewals: 1 }, /two compute|two are certain/],
  ['creates whatever is there', {}, /two compute/],
  ['compares the clocks of two machines', {}, /two compute|ever have the right/],
  ['forgets that clocks tell whole seconds', { dated: true }, /two compute|two are certain/],
  ['counts from the answer', {}, /two compute|two are certain/],
  ['takes the unknown for done', { losses: 1 }, /two compute|two are certain/],
  ['writes the same bytes again', { digests: true, renewals: 1 }, /two compute|two are certain/],
  ['publishes whatever is there', {}, /two values/],
  ['forgets what it saw', {}, /nobody can ever have the right/],
]

describe('a broken rule is noticed: whoever', () => {
  for (const [mistake, more, broken] of mistakes)
    test(mistake, (t) => {
      const model = new Model({ ...two, ...more }, mistake)
      assert.throws(() => model.explore(), broken)
      t.diagnostic(`after ${model.states} states`)
    })
})
