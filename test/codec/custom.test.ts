import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { codecOf } from '#src/codec/codec.js'

const scratch = new Uint8Array(4)
const codec = (encode: (value: unknown) => unknown, decode: (bytes: Uint8Array) => unknown = () => 1) =>
  codecOf({ name: 'own', encode: encode as () => Uint8Array, decode })

describe('a codec of the user', () => {
  it('keeps its name and its this', () => {
    const own = {
      name: 'own',
      bytes: Buffer.from('x'),
      encode() {
        return this.bytes
      },
      decode(bytes: Uint8Array) {
        return this.bytes.equals(bytes)
      },
    }
    assert.equal(codecOf(own).name, 'own')
    assert.equal(codecOf(own).decode(codecOf(own).encode(1)), true)
  })

  it('may reuse its memory, of which a copy is stored', () => {
    const { encode } = codec((value) => scratch.fill(value as number))
    const first = encode(1)
    const second = encode(2)
    assert.deepEqual([...first, ...second], [1, 1, 1, 1, 2, 2, 2, 2])
  })

  it('may give back its bytes, which are nobody else’s and aligned', () => {
    const { decode } = codec(
      () => scratch,
      (bytes) => new Float64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8),
    )
    const stored = Buffer.alloc(17, 1).subarray(1)
    const [first, second] = [decode(stored), decode(stored)] as [Float64Array, Float64Array]
    first[0] = 0
    assert.notEqual(second[0], 0)
    assert.equal(stored[0], 1)
  })

  it('is told when it gives anything but bytes', () => {
    const refuses = (returned: unknown, message: string) =>
      assert.throws(() => codec(() => returned).encode(1), {
        name: 'CodecError',
        code: 'ERR_UNENCODABLE',
        message,
      })
    refuses('text', 'encode() of the codec "own" returned string, not a Uint8Array')
    refuses(undefined, 'encode() of the codec "own" returned undefined, not a Uint8Array')
    refuses(null, 'encode() of the codec "own" returned null, not a Uint8Array')
    refuses(new Float64Array(1), 'encode() of the codec "own" returned object, not a Uint8Array')
    refuses(
      Promise.resolve(scratch),
      'encode() of the codec "own" returned a promise, not a Uint8Array; codecs are synchronous',
    )
  })

  it('is told when it decodes later', () => {
    const { decode } = codec(
      () => scratch,
      async () => 1,
    )
    assert.throws(() => decode(scratch), {
      name: 'CodecError',
      code: 'ERR_UNDECODABLE',
      message: 'decode() of the codec "own" returned a promise, not the value; codecs are synchronous',
    })
  })
})
