/**
 * Whatever lies where a result should be: no code runs, no file is written outside the directory, nobody is given a value that
 * was not packed for this call, nothing is thrown at the caller; and where it may be replaced, it is.
 */
import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { file, type GroupOptions, ignore, MemoizedGroup, registerClass } from 'permafrost'
import { openBlobStore } from 'permafrost/blob'
import { codecOf, registerClass as registerSender } from '#src/codec/codec.js'
import { type Header, headerIn, open, pack } from '#src/shared/parcel.js'
import { ITEM } from '#src/stream/tape.js'
import { temporaryFolder, temporaryGroup } from '../support/temporary.js'

const PREFIX = 16 + 4 + 32
const KEY = 'a key that only we have'

/** A store, somebody who asks there for calls, one after the other, and what others may have put there. */
async function scene(t: TestContext, options: GroupOptions = {}) {
  const { signingKey } = options
  const store = await openBlobStore('memory:')
  const ran = ignore({ times: 0 })
  const fn = async (x: number, _call: number) => {
    ran.times++
    return { x, text: 'a result' }
  }
  const { failures, group } = temporaryGroup(t, { blobStore: store, lease: false, ...options })
  const plain = group.memoize(fn, { name: 'hostile.fn' })
  const keyOf = (call: number): string => `${plain.memoUri(3, call).slice('memory:/'.length)}/result`
  await plain(3, 0)
  await group.push()
  const stored = async (call: number) => Buffer.from(await (await store.get(keyOf(call)))!.bytes())
  const first = await stored(0)
  const header = headerIn(first, signingKey) as Header
  const payload = first.subarray(PREFIX + first.readUInt32LE(16))
  let call = 0
  /** What is sound there of the next call. */
  const next = (): Buffer =>
    pack({ ...header, memo: keyOf(++call).slice(0, -'/result'.length) }, payload, signingKey)
  /** What whoever makes that call is given, who finds this there. */
  const given = async (bytes: Uint8Array, more: object = {}) => {
    await store.put(keyOf(call), bytes)
    const before = ran.times
    const value = await group.memoize(fn, { name: 'hostile.fn', ...more })(3, call)
    await group.push()
    return { value, computed: ran.times - before, now: await stored(call) }
  }
  return { failures, given, next }
}

const wanted = { x: 3, text: 'a result' }

/** A parcel as its sender would seal it, with a header that he chose. */
function sealedWith(
  good: Buffer,
  change: (header: Record<string, any>) => unknown,
  payload?: Uint8Array,
  key?: string,
) {
  const length = good.readUInt32LE(16)
  const header = JSON.parse(good.subarray(PREFIX, PREFIX + length).toString())
  const bytes = payload ?? good.subarray(PREFIX + length)
  header.payload = { size: bytes.byteLength, sha256: createHash('sha256').update(bytes).digest('hex') }
  const changed = change(header)
  const text = typeof changed === 'string' ? changed : JSON.stringify(changed ?? header)
  return textSealed(good, Buffer.from(text), bytes, key)
}

function textSealed(good: Buffer, text: Buffer, payload: Uint8Array, key?: string): Buffer {
  const size = Buffer.alloc(4)
  size.writeUInt32LE(text.length)
  const seal = (key === undefined ? createHash('sha256') : createHmac('sha256', key)).update(text).digest()
  return Buffer.concat([good.subarray(0, 16), size, seal, text, payload])
}

test('each cut and each flipped bit is seen', async (t) => {
  const good = (await scene(t)).next()
  const memo = (headerIn(good, undefined) as Header).memo
  assert.notEqual(typeof open(good, memo, undefined), 'string')
  for (let length = 0; length < good.length; length++)
    assert.equal(typeof open(good.subarray(0, length), memo, undefined), 'string', `${length} bytes`)
  for (let at = 0; at < good.length; at++)
    for (const bit of [1, 128]) {
      const other = Buffer.from(good)
      other[at]! ^= bit
      assert.equal(typeof open(other, memo, undefined), 'string', `byte ${at}`)
    }
  assert.equal(typeof open(Buffer.concat([good, Buffer.of(0)]), memo, undefined), 'string')
  assert.equal(open(good, `${memo}x`, undefined), 'of another call')
})

test('what is no result is a miss, and replaced by ours', async (t) => {
  const { failures, given, next } = await scene(t)
  const flipped = (at: number) => (good: Buffer) => {
    good[at < 0 ? good.length + at : at]! ^= 1
    return good
  }
  const sound = await given(next())
  assert.deepEqual([sound.value, sound.computed], [wanted, 0])
  for (const change of [
    () => Buffer.alloc(0),
    () => Buffer.from('hello'),
    (good: Buffer) => good.subarray(0, PREFIX),
    (good: Buffer) => good.subarray(0, good.length - 1),
    ...[0, 40, PREFIX + 5, -1].map(flipped),
    (good: Buffer) => {
      good.writeUInt32LE(0xffffffff, 16)
      return good
    },
    () => Buffer.alloc(100_000, 7),
  ]) {
    const good = next()
    const bytes = change(Buffer.from(good))
    const { computed, now, value } = await given(bytes)
    assert.deepEqual([value, computed], [wanted, 1])
    assert.equal(
      typeof open(now, (headerIn(good, undefined) as Header).memo, undefined),
      'object',
      'it was replaced',
    )
  }
  assert.deepEqual(failures, [])
})

const HEADERS: Readonly<Record<string, (header: Record<string, any>) => unknown>> = {
  'another call': (h) => ({ ...h, memo: `${h.memo.slice(0, -1)}_` }),
  'another codec': (h) => ({ ...h, codec: 'json' }),
  'a codec by a name of an object': (h) => ({ ...h, codec: '__proto__' }),
  'no codec': ({ codec: _, ...h }) => h,
  'a recording that is none': (h) => ({ ...h, codec: `${h.codec} recorded: generator` }),
  'an envelope that is none': (h) => ({ ...h, codec: `${h.codec} in an envelope` }),
  'a huge leaf': (h) => ({ ...h, leaves: [{ size: 2 ** 30, sha256: '0'.repeat(64) }] }),
  'a leaf that is nowhere': (h) => ({ ...h, leaves: [{ size: 1, sha256: 'f'.repeat(64) }] }),
  'a leaf by a path': (h) => ({ ...h, leaves: [{ size: 1, sha256: '../../../../etc/passwd' }] }),
  'many leaves': (h) => ({ ...h, leaves: Array(300).fill({ size: 0, sha256: 'f'.repeat(64) }) }),
  'leaves that are none': (h) => ({ ...h, leaves: { length: 2 ** 31 } }),
  'a negative size': (h) => ({ ...h, payload: { ...h.payload, size: -1 } }),
  'a negative time': (h) => ({ ...h, computeTime: -1 }),
  'no time': (h) => JSON.stringify(h).replace(/"computeTime":[^,]+/, '"computeTime":null'),
  'an endless time': (h) => JSON.stringify(h).replace(/"computeTime":[^,]+/, '"computeTime":1e999'),
  'a date that is none': (h) => ({ ...h, createdAt: 1e300 }),
  'a date before all': (h) => ({ ...h, createdAt: -1e300, sentAt: 1e300 }),
  'a date as a text': (h) => ({ ...h, sentAt: '2020' }),
  expired: (h) => ({ ...h, expiresAt: 1 }),
  'expired before it was made': (h) => ({ ...h, expiresAt: h.createdAt - 1 }),
  nothing: () => 'null',
  'a list': () => '[]',
  'no JSON': () => '{"memo":',
  'deep JSON': () => `${'['.repeat(300_000)}${']'.repeat(300_000)}`,
  'deep JSON in a header': (h) =>
    JSON.stringify(h)
      .replace('"about":{', `"about":{"deep":${'['.repeat(100_000)}${']'.repeat(100_000)},`)
      .slice(1),
}

test('headers that anybody may have sealed', async (t) => {
  const { failures, given, next } = await scene(t)
  for (const [what, change] of Object.entries(HEADERS)) {
    const { computed, value } = await given(sealedWith(next(), change))
    assert.deepEqual(value, wanted, what)
    assert.equal(computed, 1, what)
  }
  // these hold for what they say
  const polluted = await given(
    sealedWith(next(), (h) => JSON.stringify(h).replace('{', '{"__proto__":{"polluted":1},"constructor":1,')),
  )
  assert.deepEqual(polluted.value, wanted)
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
  const old = await given(sealedWith(next(), (h) => ({ ...h, createdAt: 0, sentAt: 8.64e15 })))
  assert.deepEqual([old.value, old.computed], [wanted, 0])
  assert.deepEqual(failures, [])
})

test('errors with dates that nobody can write are thrown as they were', async (t) => {
  const { given, next } = await scene(t)
  const error = codecOf('cbor').encode([true, null, codecOf('cbor').encode(new RangeError('theirs')), []])
  for (const sentAt of [8.64e15, 0]) {
    const bytes = sealedWith(
      next(),
      (h) => ({ ...h, codec: `${h.codec} in an envelope`, threw: true, createdAt: 0, sentAt }),
      error,
    )
    await assert.rejects(given(bytes, { cacheErrors: true }), { name: 'RangeError', message: 'theirs' })
    // who keeps no errors computes
    assert.deepEqual((await given(bytes)).value, wanted)
  }
})

test('envelopes that anybody may have filled', async (t) => {
  const { failures, given, next } = await scene(t)
  const folder = temporaryFolder(t)
  const target = join(folder, 'written')
  const { encode } = codecOf('cbor')
  const value = encode(wanted)
  const put = [target, 0o644, 'version', Buffer.from('evil')]
  for (const envelope of [
    [false, null, value, [put]],
    [false, [[1, 'printed\n']], value, [put]],
    [false, 5, value, []],
    [false, [[1, 5]], value, []],
    [false, [[3, 'x']], value, []],
    [false, [null], value, []],
    [false, { length: 1 }, value, []],
    [false, null, value],
    [false, null, value, 7],
    [false, null, value, [5]],
    [false, null, value, [[{}, {}, {}, {}]]],
    [false, null, Buffer.from('no value'), []],
    [],
    'text',
  ]) {
    const bytes = sealedWith(next(), (h) => ({ ...h, codec: `${h.codec} in an envelope` }), encode(envelope))
    for (const more of [{}, { captureOutput: true }]) {
      const found = await given(bytes, more)
      assert.deepEqual(found.value, wanted, JSON.stringify(envelope))
      assert.equal(found.computed, 1, JSON.stringify(envelope))
    }
  }
  assert.equal(existsSync(target), false)
  const sound = sealedWith(
    next(),
    (h) => ({ ...h, codec: `${h.codec} in an envelope` }),
    encode([false, [[1, '']], encode({ x: 4 }), []]),
  )
  assert.deepEqual(await given(sound, { captureOutput: true }), {
    ...(await given(sound)),
    value: { x: 4 },
    computed: 0,
  })
  assert.deepEqual(failures, [])
})

test('values that anybody may have encoded: classes, symbols, files, prototypes', async (t) => {
  const { failures, given, next } = await scene(t)
  const folder = temporaryFolder(t)
  const path = join(folder, 'file')
  writeFileSync(path, 'ours')
  class Throws {
    readonly x = 1
  }
  const spec = {
    name: 'hostile.Throws',
    encode: () => 1,
    decode: () => {
      throw new Error('cannot be made')
    },
  }
  registerClass(Throws, spec)
  registerSender(Throws, spec)
  const { encode } = codecOf('cbor')
  const asValue = (payload: Uint8Array) => given(sealedWith(next(), (h) => h, payload))
  // whoever writes there may say what he likes, but no more than that
  const theirs = JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}')
  assert.deepEqual((await asValue(encode(theirs))).value, theirs)
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
  assert.equal((await asValue(encode(Symbol.for('theirs')))).value as unknown, Symbol.for('theirs'))
  class Path {
    readonly path = path
  }
  registerSender(Path, { name: 'permafrost_file', encode: ({ path }) => path, decode: () => new Path() })
  const named = Buffer.from(encode(new Path()))
    .toString('latin1')
    .replace('permafrost_file', 'permafrost.file')
  const { value } = await asValue(Buffer.from(named, 'latin1'))
  assert.deepEqual(value, file(path), 'a name of a file, which is as it was')
  assert.equal(readFileSync(path, 'utf8'), 'ours')
  assert.deepEqual((await asValue(encode(new Throws()))).value, wanted)
  // of a class that is not known here
  const unknown = Buffer.from(encode(new Throws()))
    .toString('latin1')
    .replace('hostile.Throws', 'hostile.Throwz')
  assert.deepEqual((await asValue(Buffer.from(unknown, 'latin1'))).value, wanted)
  assert.deepEqual(failures, [])
})

test('values of random bytes, or of good ones that were changed, give a value or a miss', async (t) => {
  const { failures, given, next } = await scene(t)
  const samples = [
    wanted,
    [1n, -0, 'text', new Date(0), /a/g, new Map([[{}, new Set([1])]])],
    new Error('an error'),
    new Float32Array(3),
  ]
  const encoded = samples.map((value) => Buffer.from(codecOf('cbor').encode(value)))
  const changed = fc
    .tuple(fc.constantFrom(...encoded), fc.nat(), fc.integer({ min: 0, max: 255 }), fc.nat())
    .map(([bytes, at, byte, length]) => {
      const other = Buffer.from(bytes.subarray(0, Math.max(1, length % (2 * bytes.length))))
      other[at % other.length] = byte
      return other
    })
  const kinds = ['generator', 'async generator', 'iterator', 'web stream', 'readable']
  const forms = fc.constantFrom('', ' in an envelope', ...kinds.map((kind) => ` recorded: ${kind}`))
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.uint8Array(), changed), forms, async (payload, form) => {
      const bytes = sealedWith(next(), (h) => ({ ...h, codec: h.codec + form }), payload)
      const { computed, value } = await given(bytes, { captureOutput: true })
      if (computed === 1) assert.deepEqual(value, wanted)
    }),
    { numRuns: 150 },
  )
  for (const failure of failures) assert.match(failure.code, /^ERR_/)
})

test('a recording with files, or with what is none, is a miss', async (t) => {
  const store = await openBlobStore('memory:')
  const target = join(temporaryFolder(t), 'written')
  const count = async function* () {
    yield 1
    yield 2
  }
  const all = async (group: MemoizedGroup) => {
    const values: unknown[] = []
    for await (const value of group.memoize(count)()) values.push(value)
    return values
  }
  const one = temporaryGroup(t, { blobStore: store })
  assert.deepEqual(await all(one.group), [1, 2])
  await one.group.push()
  const key = `${one.group.memoize(count).memoUri().slice('memory:/'.length)}/result`
  const good = Buffer.from(await (await store.get(key))!.bytes())
  const length = good.readUInt32LE(16)
  const tape = good.subarray(PREFIX + length)
  const { encode } = codecOf('cbor')
  const item = (kind: number, bytes: Uint8Array) => {
    const head = bytes.length * 4 + kind
    const digits = head < 128 ? [head] : [(head % 128) + 128, head >> 7]
    return Buffer.concat([Buffer.from(digits), bytes])
  }
  const headEnd =
    1 + (tape[0]! >= 128 ? 1 : 0) + (((tape[0]! % 128) + (tape[0]! >= 128 ? tape[1]! * 128 : 0)) >> 2)
  const head = tape.subarray(0, headEnd)
  const rest = tape.subarray(headEnd)
  for (const asides of [
    [[target, 0o644, 'version', Buffer.from('evil')]],
    5,
    [null],
    [[7, 'x']],
    [[1, {}]],
  ]) {
    await store.put(
      key,
      sealedWith(good, (h) => h, Buffer.concat([head, item(ITEM.aside, encode(asides)), rest])),
    )
    const { failures, group } = temporaryGroup(t, { blobStore: store, lease: false })
    assert.deepEqual(await all(group), [1, 2])
    await group.push()
    assert.deepEqual(failures, [])
  }
  assert.equal(existsSync(target), false)
  for (const change of [
    (h: Record<string, any>) => ({ ...h, codec: h.codec.replace(/ recorded.*/, '') }),
    (h: Record<string, any>) => ({ ...h, async: true }),
    (h: Record<string, any>) => ({ ...h, codec: h.codec.replace(/:.*/, ': web stream') }),
  ]) {
    await store.put(key, sealedWith(good, change))
    const { group } = temporaryGroup(t, { blobStore: store, lease: false })
    assert.deepEqual(await all(group), [1, 2])
    await group.push()
  }
})

test('what was recorded as read may be anything, too', async (t) => {
  const store = await openBlobStore('memory:')
  const options = { inputs: 'auto' } as const
  const fn = async (x: number) => ({ x })
  const one = temporaryGroup(t, { blobStore: store })
  await one.group.memoize(fn, options)(1)
  await one.group.push()
  const key = `${one.group.memoize(fn, options).memoUri(1).slice('memory:/'.length)}/result`
  const good = Buffer.from(await (await store.get(key))!.bytes())
  const value = codecOf('cbor').encode({ x: 1 })
  for (const recorded of [
    '[["content",5,"unreadable: ERR_INVALID_ARG_TYPE"]]',
    '[["toString","x","[object Object]"]]',
    '[["__proto__","x","y"]]',
    '[["variable",{},"none"]]',
    '[[null,null,null]]',
    '[null]',
    '{}',
    '"text"',
    `[["content",${JSON.stringify('x'.repeat(1000))},"absent"]]`,
    `${'['.repeat(50_000)}`,
  ]) {
    const text = Buffer.from(recorded)
    const start = Math.ceil((4 + text.length) / 8) * 8
    const payload = Buffer.alloc(start + value.length, ' ')
    payload.writeUInt32LE(text.length)
    text.copy(payload, 4)
    payload.set(value, start)
    await store.put(
      key,
      sealedWith(good, (h) => h, payload),
    )
    const { failures, group } = temporaryGroup(t, { blobStore: store, lease: false })
    const outer = group.memoize(async () => (await group.memoize(fn, options)(1)).x)
    assert.equal(await outer(), 1, recorded.slice(0, 50))
    await group.push()
    assert.deepEqual(failures, [], recorded.slice(0, 50))
  }
})

test('with a signing key, what was changed or sealed by others is a miss', async (t) => {
  const { failures, given, next } = await scene(t, { signingKey: KEY })
  const good = next()
  assert.equal((await given(good)).computed, 0)
  const memo = (headerIn(good, KEY) as Header).memo
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
      const other = Buffer.from(good)
      other[at]! ^= by
      assert.equal(typeof open(other, memo, KEY), 'string')
    }),
    { numRuns: 300 },
  )
  for (const key of [undefined, 'another key', '']) {
    const theirs = next()
    const length = theirs.readUInt32LE(16)
    const [text, payload] = [theirs.subarray(PREFIX, PREFIX + length), theirs.subarray(PREFIX + length)]
    const { computed, now, value } = await given(textSealed(theirs, text, payload, key))
    assert.deepEqual([value, computed], [wanted, 1])
    assert.equal(typeof headerIn(now, KEY), 'object', 'ours took its place')
  }
  assert.deepEqual(failures, [])
})

test('a leaf that is another is a miss, and put right', async () => {
  const store = await openBlobStore('memory:')
  const ran = ignore({ times: 0 })
  const fill = async (x: number) => {
    ran.times++
    return new Float64Array(20_000).fill(x)
  }
  const call = async () => {
    const group = new MemoizedGroup({ temporary: true, blobStore: store, lease: false })
    const value = await group.memoize(fill)(2)
    await group.push()
    group.close()
    return value
  }
  await call()
  const leaf = (await store.list('permafrost-objects/').next()).value as { key: string } | undefined
  const good = Buffer.from(await (await store.get(leaf!.key))!.bytes())
  const altered = Buffer.from(good)
  altered[5]! ^= 1
  for (const bytes of [altered, good.subarray(8), Buffer.concat([good, good]), Buffer.alloc(0)]) {
    await store.put(leaf!.key, bytes)
    assert.deepEqual(await call(), new Float64Array(20_000).fill(2))
    const times = ran.times
    await call()
    assert.equal(ran.times, times, `${bytes.length} bytes were put right`)
  }
  await store.delete(leaf!.key)
  assert.deepEqual(await call(), new Float64Array(20_000).fill(2))
})
