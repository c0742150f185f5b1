/** Values to bytes and back, against bare cbor-x, v8 and JSON in the same run. They do not ask whether a copy will be the same. */
import { deserialize, serialize } from 'node:v8'
import { decode, encode } from 'cbor-x'
import { codecOf } from '#src/codec/codec.js'
import { measure } from './measure.js'

const { encode: encodeOurs, decode: decodeOurs } = codecOf('cbor')
const codecs = {
  'bare cbor-x': [encode, decode],
  permafrost: [encodeOurs, decodeOurs],
  v8: [serialize, deserialize],
  JSON: [(value) => Buffer.from(JSON.stringify(value)), (bytes) => JSON.parse(bytes)],
}

const list = (length, make) => Array.from({ length }, (_, i) => make(i))
const numbers = (length) => Float64Array.from({ length }, (_, i) => i / 7)
const values = {
  'one number': 1234.5,
  'a small object': { x: 1, name: 'small value', ok: true, ratio: 0.25, list: [1, 2, 3] },
  '10,000 records': list(10_000, (id) => ({ id, name: `name ${id}`, score: id / 7, active: id % 2 === 0 })),
  '10,000 records with an array and an object': list(10_000, (id) => ({
    id,
    name: `name ${id}`,
    tags: ['red', 'green'],
    place: { x: id, y: id / 3 },
  })),
  '10,000 records with Dates': list(10_000, (id) => ({
    id,
    name: `name ${id}`,
    at: new Date(1.7e12 + id * 60_000),
    score: id / 7,
  })),
  'an array of 100,000 numbers': list(100_000, (i) => i / 7),
  'a 1 MB Float64Array': numbers(125_000),
  'a 100 MB Float64Array': numbers(12_500_000),
}

const rows = []
for (const [what, value] of Object.entries(values)) {
  const tasks = {}
  for (const [name, [to, from]] of Object.entries(codecs)) {
    // As text it is larger than a string may be.
    if (name === 'JSON' && ArrayBuffer.isView(value)) continue
    // A Buffer, as SQLite and files give it.
    const bytes = Buffer.from(to(value))
    const reference = name === 'bare cbor-x' ? {} : { reference: `bare cbor-x: encode ${what}` }
    const other = name === 'bare cbor-x' ? {} : { reference: `bare cbor-x: decode ${what}` }
    tasks[`${name}: encode ${what}`] = { run: () => to(value), ...reference }
    tasks[`${name}: decode ${what}`] = { run: () => from(bytes), ...other }
  }
  rows.push(...(await measure(tasks)))
}
console.log(JSON.stringify(rows))
