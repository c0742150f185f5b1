/**
 * Programs of memoized functions that call each other, over files, captured state, the environment and a world that only a `ttl`
 * covers: whatever happens between their calls, they give what the same program gives without memory.
 */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { file, type InputFile, ignore, type MemoizedGroup, type MemoizeOptions, type Ref } from 'permafrost'
import { temporaryFolder, temporaryGroup } from '../support/temporary.js'

type Kind = 'plain' | 'async' | 'generator'

/** What a function does, one after the other; each step gives a part of its result. */
type Step =
  | { readonly do: 'argument' | 'input' | 'passed' | 'state' | 'environment' | 'throw' }
  /** A file of that name, by a memoized function that has it as its argument. */
  | { readonly do: 'declared'; readonly name: string }
  /** The same, read here, if somebody records it. */
  | { readonly do: 'read'; readonly name: string }
  /** What no key covers, if the result expires before it changes. */
  | { readonly do: 'world' }
  | {
      readonly do: 'call'
      readonly callee: number
      readonly how: 'plain' | 'caught' | 'ref' | 'all' | 'part'
    }

interface Spec {
  readonly kind: Kind
  readonly steps: readonly Step[]
  readonly expires: boolean | 'by value'
  readonly records: boolean
  readonly cacheErrors: boolean
  readonly keeps: 'all' | 'some' | 'none'
}

type Change =
  | {
      readonly do: 'write'
      readonly folder: number
      readonly name: string
      readonly text: string | undefined
    }
  | { readonly do: 'state'; readonly value: number }
  | { readonly do: 'environment'; readonly value: number }
  | { readonly do: 'enter'; readonly folder: number }
  | { readonly do: 'disable'; readonly value: boolean }

type Call = { readonly callee: number; readonly x: number; readonly name: string }

type Action =
  | Change
  | { readonly do: 'tick' }
  | { readonly do: 'reopen' }
  | { readonly do: 'clear' }
  | { readonly do: 'forget'; readonly call: Call }
  | { readonly do: 'refresh'; readonly call: Call }
  | { readonly do: 'call'; readonly call: Call }
  /** Calls at the same time, and something that changes when they have begun. */
  | {
      readonly do: 'race'
      readonly calls: readonly Call[]
      readonly change: Change | undefined
      readonly after: number
    }

const NAMES = ['a', 'b']
const MANY = 3

// programs ---------------------------------------------------------------------------------------------------------

interface Given {
  readonly state: { value: number }
  readonly world: { value: number }
  readonly declared: (input: InputFile) => string
}

type Fn = (x: number, input: InputFile) => unknown
type Memory = Fn & { ref?: (x: number, input: InputFile) => Ref<unknown> | Promise<Ref<unknown>> }

const textOf = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return 'none'
  }
}

/** A step that waits for nobody. */
function stepOf(
  spec: Spec,
  { declared, state, world }: Given,
  step: Step,
  x: number,
  input: InputFile,
): unknown {
  if (step.do === 'argument') return x
  if (step.do === 'input') return textOf(input.path)
  if (step.do === 'state') return state.value
  if (step.do === 'environment') return process.env['PERMAFROST_LAW'] ?? 'none'
  if (step.do === 'passed') return declared(input)
  if (step.do === 'declared') return declared(file(step.name))
  if (step.do === 'read') return spec.records ? textOf(step.name) : 'not recorded'
  if (step.do === 'world') return spec.expires === false ? 'for ever' : world.value
  if (step.do === 'throw' && x % 2 === 1) throw new Error(`odd ${textOf(input.path)} ${state.value}`)
  return 'fine'
}

const told = (error: unknown): string => `failed: ${(error as Error).message}`

function takenFrom(stream: Iterable<unknown>, how: string): unknown {
  if (how !== 'part') return [...stream]
  for (const value of stream) return value
  return 'nothing'
}

/** What calling another one comes to, for those who cannot wait. */
function calling(callee: Memory, kind: Kind, how: string, x: number, input: InputFile): unknown {
  if (kind === 'async') return 'cannot wait'
  try {
    if (kind === 'generator') return takenFrom(callee(x, input) as Iterable<unknown>, how)
    if (how === 'ref' && callee.ref !== undefined) return (callee.ref(x, input) as Ref<unknown>).get()
    if (how === 'all') return [callee(x, input), callee(1 - x, input)]
    return callee(x, input)
  } catch (error) {
    if (how === 'caught' || how === 'all') return told(error)
    throw error
  }
}

async function awaiting(callee: Memory, how: string, x: number, input: InputFile): Promise<unknown> {
  if (how === 'ref' && callee.ref !== undefined) {
    const ref = await callee.ref(x, input)
    return ref.get()
  }
  try {
    if (how === 'all') return await Promise.all([callee(x, input), callee(x, input), callee(0, input)])
    return await callee(x, input)
  } catch (error) {
    if (how === 'caught' || how === 'all') return told(error)
    throw error
  }
}

/** A function as its spec says; `callees` are memoized, or not. */
function functionOf(spec: Spec, kinds: readonly Kind[], callees: readonly Memory[], given: Given): Fn {
  const { steps } = spec
  if (spec.kind === 'async')
    return async (x, input) => {
      const parts: unknown[] = []
      for (const step of steps) {
        await new Promise(setImmediate)
        if (step.do !== 'call') parts.push(stepOf(spec, given, step, x, input))
        else if (kinds[step.callee] === 'async')
          parts.push(await awaiting(callees[step.callee]!, step.how, x, input))
        else parts.push(calling(callees[step.callee]!, kinds[step.callee]!, step.how, x, input))
      }
      return parts
    }
  const part = (step: Step, x: number, input: InputFile): unknown =>
    step.do === 'call'
      ? calling(callees[step.callee]!, kinds[step.callee]!, step.how, x, input)
      : stepOf(spec, given, step, x, input)
  if (spec.kind === 'generator')
    return function* (x, input) {
      for (const step of steps) yield part(step, x, input)
    }
  return (x, input) => steps.map((step) => part(step, x, input))
}

function optionsOf({ cacheErrors, expires, keeps, records }: Spec, index: number): MemoizeOptions {
  return {
    name: `f${index}`,
    onUncacheable: 'ignore',
    cacheErrors,
    ...(expires !== false && { ttl: expires === true ? '1s' : () => 1000 }),
    ...(records && { inputs: 'auto' }),
    ...(keeps !== 'all' && {
      shouldCache: (value) => keeps === 'some' && JSON.stringify(value ?? 0).length % 2 === 0,
    }),
  }
}

interface Program {
  readonly functions: readonly Fn[]
  readonly plain: readonly Fn[]
}

function programOf(
  specs: readonly Spec[],
  group: MemoizedGroup,
  state: Given['state'],
  world: Given['world'],
): Program {
  const kinds = specs.map(({ kind }) => kind)
  const text = (input: InputFile): string => textOf(input.path)
  const declared = group.memoize(text)
  const functions: Memory[] = []
  const plain: Fn[] = []
  for (const [index, spec] of specs.entries()) {
    const callees = { functions: [...functions], plain: [...plain] }
    const fn = functionOf(spec, kinds, callees.functions, { state, world, declared })
    functions.push(group.memoize(fn, optionsOf(spec, index)))
    plain.push(functionOf(spec, kinds, callees.plain, { state, world, declared: text }))
  }
  return { functions, plain }
}

async function outcome(fn: Fn, { name, x }: Call): Promise<unknown> {
  try {
    const value = await fn(x, file(name))
    const isStream = typeof value === 'object' && value !== null && 'next' in value
    return { value: isStream ? [...(value as unknown as Iterable<unknown>)] : value }
  } catch (error) {
    return { error: (error as Error).message }
  }
}

// arbitrary ones ---------------------------------------------------------------------------------------------------

const name = fc.constantFrom(...NAMES)
const small = fc.integer({ min: 0, max: 2 })

/** An equal choice of the values, each as often as it is there. */
const one = <T extends string | boolean>(...values: readonly T[]): fc.Arbitrary<T> =>
  fc.constantFrom(...values)

/** The first one does something, all others call the one before and perhaps do more. */
const spec = (index: number): fc.Arbitrary<Spec> =>
  fc.boolean().chain((records) => {
    const simple = one(
      'argument',
      'input',
      'passed',
      'state',
      'environment',
      'throw',
      'world',
      'world',
      'world',
    )
    const step: fc.Arbitrary<Step> = records
      ? fc.oneof(fc.record({ do: simple }), fc.record({ do: one('declared', 'read'), name }))
      : fc.record({ do: simple })
    const how = one('plain', 'caught', 'ref', 'all', 'part')
    const calls = fc.array(
      fc.record({ do: one('call'), callee: fc.nat({ max: Math.max(0, index - 2) }), how }),
      {
        maxLength: index > 1 ? 1 : 0,
      },
    )
    const first =
      index === 0 ? fc.constant([]) : how.map((how) => [{ do: 'call' as const, callee: index - 1, how }])
    const steps = fc
      .tuple(first, calls, fc.array(step, { minLength: index === 0 ? 1 : 0, maxLength: index === 0 ? 2 : 1 }))
      .map((parts) => parts.flat())
    return fc.record<Spec>({
      kind: one('plain', 'plain', 'async', 'async', 'generator'),
      steps,
      expires:
        index === 0 ? one<Spec['expires']>(true, 'by value') : one<Spec['expires']>(false, false, true),
      records: fc.constant(records),
      cacheErrors: fc.boolean(),
      keeps: one('all', 'all', 'some', 'none'),
    })
  })

const specs = fc.tuple(...Array.from({ length: MANY }, (_, index) => spec(index)))
/** Mostly of those that call others. */
const anyCall: fc.Arbitrary<Call> = fc.record({
  callee: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(MANY - 2, MANY - 1) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: MANY - 1 }) },
  ),
  x: fc.integer({ min: 0, max: 1 }),
  name,
})
const folder = fc.integer({ min: 0, max: 1 })

/** A few calls, again and again, and what happens in between. */
const scenario = fc.array(anyCall, { minLength: 1, maxLength: 3 }).chain((calls) => {
  const call = fc.constantFrom(...calls)
  const text = fc.option(fc.constantFrom('x', 'y', 'long'), { nil: undefined })
  const change: fc.Arbitrary<Change> = fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: fc.constant('write' as const), folder, name, text }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('state' as const), value: small }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('environment' as const), value: small }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('enter' as const), folder }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(false, false, true).map((value) => ({ do: 'disable' as const, value })),
    },
  )
  const action: fc.Arbitrary<Action> = fc.oneof(
    { weight: 12, arbitrary: fc.record({ do: fc.constant('call' as const), call }) },
    { weight: 4, arbitrary: change },
    { weight: 3, arbitrary: fc.constant({ do: 'tick' as const }) },
    { weight: 1, arbitrary: fc.constantFrom({ do: 'reopen' as const }, { do: 'clear' as const }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const), call: anyCall }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('refresh' as const), call: anyCall }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('race' as const),
        calls: fc.array(fc.oneof(call, anyCall), { minLength: 1, maxLength: 4 }),
        change: fc.option(change, { nil: undefined }),
        after: fc.integer({ min: 0, max: 4 }),
      }),
    },
  )
  return fc.array(action, { minLength: 5, maxLength: 30 })
})

// the law ----------------------------------------------------------------------------------------------------------

const RUNS = Number(process.env['PERMAFROST_PROGRAMS'] ?? 60)

test('a program gives what it gives without memory, whatever happens between its calls', async (t) => {
  const home = process.cwd()
  t.after(() => {
    process.chdir(home)
    delete process.env['PERMAFROST_LAW']
    delete process.env['PERMAFROST_DISABLE']
  })
  await fc.assert(
    fc.asyncProperty(specs, scenario, async (specs, actions) => {
      const folder = temporaryFolder(t)
      const folders = ['one', 'two'].map((one) => join(folder, one))
      for (const one of folders) mkdirSync(one)
      process.chdir(folders[0]!)
      delete process.env['PERMAFROST_LAW']
      delete process.env['PERMAFROST_DISABLE']
      let now = 1_000_000_000_000
      const { group, reopen } = temporaryGroup(t, {
        directory: join(folder, 'cache'),
        clock: () => now,
        onError: () => {},
      })
      let current = group
      const state = { value: 0 }
      const world = ignore({ value: 0 })
      let program = programOf(specs, current, state, world)
      const changed = (one: Change): void => {
        if (one.do === 'state') state.value = one.value
        else if (one.do === 'environment') process.env['PERMAFROST_LAW'] = String(one.value)
        else if (one.do === 'enter') process.chdir(folders[one.folder]!)
        else if (one.do === 'disable') {
          if (one.value) process.env['PERMAFROST_DISABLE'] = '1'
          else delete process.env['PERMAFROST_DISABLE']
        } else if (one.text === undefined) rmSync(join(folders[one.folder]!, one.name), { force: true })
        else writeFileSync(join(folders[one.folder]!, one.name), one.text)
      }
      const memoized = (callee: number) => program.functions[callee] as unknown as { forget: Fn; refresh: Fn }
      for (const one of actions) {
        if (one.do === 'tick') {
          now += 3_600_000
          world.value++
        } else if (one.do === 'clear') current.clear()
        else if (one.do === 'reopen') {
          current.close()
          current = reopen()
          program = programOf(specs, current, state, world)
        } else if (one.do === 'forget') memoized(one.call.callee).forget(one.call.x, file(one.call.name))
        else if (one.do === 'refresh') await outcome(memoized(one.call.callee).refresh, one.call)
        else if (one.do === 'race') {
          const running = one.calls.map((call) => outcome(program.functions[call.callee]!, call))
          for (let turns = 0; turns < one.after; turns++) await new Promise(setImmediate)
          if (one.change !== undefined) changed(one.change)
          const given = await Promise.all(running)
          if (one.change !== undefined) continue
          const expected = await Promise.all(
            one.calls.map((call) => outcome(program.plain[call.callee]!, call)),
          )
          assert.deepEqual(given, expected)
        } else if (one.do === 'call') {
          const given = await outcome(program.functions[one.call.callee]!, one.call)
          const expected = await outcome(program.plain[one.call.callee]!, one.call)
          assert.deepEqual(given, expected)
        } else changed(one)
      }
      current.close()
      process.chdir(home)
    }),
    { numRuns: RUNS },
  )
})
