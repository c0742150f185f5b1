/** What a call may come to beside a value: an error that is kept, and what it printed. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { registerClass } from 'permafrost'
import { project } from './support/project.js'
import { temporaryGroup } from './support/temporary.js'

class NotFound extends Error {
  constructor(
    message: string,
    readonly code: number,
  ) {
    super(message)
    this.name = 'NotFound'
  }
}
registerClass(NotFound, {
  name: 'test.NotFound',
  encode: ({ message, code }) => [message, code],
  decode: ([message, code]) => new NotFound(message, code),
})

function thrownBy(act: () => unknown): any {
  try {
    act()
  } catch (error) {
    return error
  }
  return assert.fail('did not throw')
}

describe('cacheErrors', () => {
  test('throws again what was thrown: class, message, cause, properties, and a note in the stack', (t) => {
    const { group, failures } = temporaryGroup(t)
    const seen = { computed: 0 }
    const tell = () => void seen.computed++
    const f = group.memoize(
      (x: number) => {
        tell()
        if (x === 1) throw Object.assign(new TypeError('no', { cause: new Error('why') }), { code: 7 })
        if (x === 2) throw new NotFound('gone', 404)
        if (x === 3) throw 'text'
        throw undefined
      },
      { cacheErrors: true, version: 1, name: 'f' },
    )
    for (const x of [1, 2, 3, 4]) thrownBy(() => f(x))
    const one = thrownBy(() => f(1))
    assert.ok(one instanceof TypeError)
    assert.deepEqual([one.message, (one.cause as Error).message, (one as any).code], ['no', 'why', 7])
    assert.match(one.stack!, /kept by permafrost since \d{4}-/)
    const two = thrownBy(() => f(2))
    assert.ok(two instanceof NotFound)
    assert.equal(two.code, 404)
    assert.equal(
      thrownBy(() => f(3)),
      'text',
    )
    assert.equal(
      thrownBy(() => f(4)),
      undefined,
    )
    assert.equal(seen.computed, 4)
    assert.equal(f.wouldHit(1), true)
    assert.equal(f.peek(1), undefined)
    const found = f.lookup(1)
    assert.ok(found.hit && found.thrown?.error instanceof TypeError)
    assert.deepEqual(failures, [])
  })

  test('rejections, for all that ask at once and later', async (t) => {
    const { group } = temporaryGroup(t)
    const seen = { computed: 0 }
    const tell = () => void seen.computed++
    const f = group.memoize(
      async () => {
        tell()
        await pause(5)
        throw new RangeError('no')
      },
      { cacheErrors: true, version: 1, name: 'f' },
    )
    const all = await Promise.allSettled([f(), f()])
    assert.deepEqual(
      all.map(({ status }) => status),
      ['rejected', 'rejected'],
    )
    await assert.rejects(f(), RangeError)
    assert.equal(seen.computed, 1)
  })

  test('only those it says yes to, or for so long; without it none, and none that was kept', (t) => {
    let now = 1_000_000
    const { group } = temporaryGroup(t, { clock: () => now })
    const seen: string[] = []
    const compute = (x: string): string => {
      seen.push(x)
      throw new Error(x)
    }
    const options = { version: 1, name: 'f' }
    const some = group.memoize((x: string) => compute(x), {
      ...options,
      cacheErrors: (error) => (error as Error).message === 'keep',
    })
    for (const x of ['keep', 'keep', 'drop', 'drop']) thrownBy(() => some(x))
    assert.deepEqual(seen, ['keep', 'drop', 'drop'])
    const none = group.memoize((x: string) => compute(x), options)
    thrownBy(() => none('keep'))
    assert.deepEqual(seen.splice(0), ['keep', 'drop', 'drop', 'keep'])
    const brief = group.memoize((x: string) => compute(x), { ...options, cacheErrors: { ttl: '1m' } })
    thrownBy(() => brief('a'))
    now += 59_999
    thrownBy(() => brief('a'))
    now += 1
    thrownBy(() => brief('a'))
    assert.deepEqual(seen, ['a', 'a'])
  })

  test('an error that cannot be kept is thrown all the same, with one failure told', (t) => {
    const { group, failures } = temporaryGroup(t)
    class Odd extends Error {
      readonly fn = () => 1
    }
    for (const onUncacheable of ['warn', 'throw'] as const) {
      const f = group.memoize(
        () => {
          throw new Odd('no')
        },
        { cacheErrors: true, onUncacheable, version: onUncacheable, name: 'f' },
      )
      assert.ok(thrownBy(f) instanceof Odd)
    }
    assert.deepEqual(
      failures.map(({ code }) => code),
      ['ERR_UNENCODABLE'],
    )
  })
})

describe('captureOutput', () => {
  const source = `import { memoize } from 'permafrost'
import { setTimeout as pause } from 'node:timers/promises'
const sync = memoize((x) => {
  console.log('out', x); console.error('err', { x }); process.stdout.write(Buffer.from('bytes\\n')); process.stdout.write('68690a', 'hex')
  return x
}, { captureOutput: true })
const slow = memoize(async (x) => {
  console.log('begin', x); await pause(x); console.log('end', x)
  return x
}, { captureOutput: true })
const inner = memoize((x) => { console.log('inner', x); return x }, { captureOutput: true })
const outer = memoize((x) => { console.log('outer', x); return inner(x) }, { captureOutput: true })
const throws = memoize(() => { console.log('throwing'); throw new Error('no') }, { captureOutput: true, cacheErrors: true })
console.log('--- sync'); sync(1)
console.log('--- overlapping'); const both = [slow(40), slow(10)]; console.log('meanwhile'); await Promise.all(both)
console.log('--- one'); await slow(40)
console.log('--- nested'); outer(1); inner(1)
console.log('--- thrown'); try { throws() } catch (error) { console.log(error.message) }
console.log('--- joined'); await Promise.all([slow(20), slow(20)])
console.log(process.stdout.write.name)
`
  const part = (lines: readonly string[], name: string): string[] => {
    const from = lines.indexOf(`--- ${name}`) + 1
    const to = lines.findIndex((line, index) => index >= from && line.startsWith('---'))
    return lines.slice(from, to < 0 ? undefined : to)
  }

  test('on a hit is written again what this call wrote, in order', (t) => {
    const user = project(t, { 'package.json': '{ "type": "module" }', 'main.js': source })
    const [first, second] = [user.run('main.js'), user.run('main.js')]
    for (const { printed, stderr } of [first, second]) {
      assert.equal(stderr, 'err { x: 1 }\n')
      assert.deepEqual(part(printed, 'sync'), ['out 1', 'bytes', 'hi'])
      assert.deepEqual(part(printed, 'one'), ['begin 40', 'end 40'])
      assert.deepEqual(part(printed, 'nested'), ['outer 1', 'inner 1', 'inner 1'])
      assert.deepEqual(part(printed, 'thrown'), ['throwing', 'no'])
      assert.deepEqual(part(printed, 'joined').slice(0, 4).sort(), [
        'begin 20',
        'begin 20',
        'end 20',
        'end 20',
      ])
    }
    assert.deepEqual(part(first.printed, 'overlapping'), [
      'begin 40',
      'begin 10',
      'meanwhile',
      'end 10',
      'end 40',
    ])
    assert.deepEqual(part(second.printed, 'overlapping'), [
      'begin 40',
      'end 40',
      'begin 10',
      'end 10',
      'meanwhile',
    ])
  })

  test('what was kept without its output is not a hit', (t) => {
    const { group } = temporaryGroup(t)
    const options = { version: 1, name: 'f' }
    group.memoize((x: number) => x, options)(1)
    const f = group.memoize((x: number) => x, { ...options, captureOutput: true })
    assert.equal(f.wouldHit(1), false)
    f(1)
    assert.equal(f.wouldHit(1), true)
    assert.equal(group.memoize((x: number) => x, options).wouldHit(1), true)
  })

  test('the streams are themselves again when nobody listens', async (t) => {
    const { group } = temporaryGroup(t)
    const { write } = process.stdout
    const f = group.memoize(
      async (x: number) => {
        await pause(5)
        if (x === 2) throw new Error('no')
        return x
      },
      { captureOutput: true },
    )
    await Promise.allSettled([f(1), f(2), f(3)])
    assert.equal(process.stdout.write, write)
  })
})
