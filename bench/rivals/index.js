/**
 * Whom permafrost is measured against, and how each is used. A file beside this one holds each; all have one shape:
 *
 *   open(directory) → { memoize(fn), close() }     what it returns may be a promise, as may what they return
 *   entries?()  evict?(count)                      count the entries, remove so many and say in how many milliseconds
 *   refer?(memoized, ...args)                      what stands for a result without being read
 *   identify?(memoized, ...args)                   the key of a call, nothing more
 *
 * `key` says who makes the key. Where a library has only get and set, a key must be made by hand: `json-key.js`.
 * Nothing is imported here, so that what is not installed can be listed.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const OWN = 'its own'
const JSON_KEY = 'by hand: JSON, SHA-1'

const all = [
  { id: 'permafrost', title: 'permafrost', packages: [], key: OWN, ours: true },
  {
    id: 'permafrost-index',
    title: 'permafrost, from the index',
    packages: [],
    key: OWN,
    ours: true,
    only: ['hit', 'scale', 'break-even'],
  },
  {
    id: 'permafrost-no-lease',
    title: 'permafrost, lease: false',
    packages: [],
    key: OWN,
    ours: true,
    only: ['miss', 'processes', 'break-even'],
  },
  {
    id: 'sqlite',
    title: 'better-sqlite3 by hand',
    packages: ['better-sqlite3', 'cbor-x', 'xxhash-addon'],
    key: 'by hand: v8.serialize, XXH3',
  },
  {
    id: 'lmdb',
    title: 'lmdb by hand',
    packages: ['lmdb', 'xxhash-addon'],
    key: 'by hand: v8.serialize, XXH3',
  },
  {
    id: 'lmdb-cache',
    title: 'lmdb by hand, its cache on',
    packages: ['lmdb', 'xxhash-addon'],
    key: 'by hand: v8.serialize, XXH3',
  },
  { id: 'memoize-fs', title: 'memoize-fs', packages: ['memoize-fs'], key: OWN },
  {
    id: 'p-memoize',
    title: 'p-memoize + keyv + sqlite',
    packages: ['p-memoize', 'keyv', '@keyv/sqlite'],
    key: JSON_KEY,
  },
  {
    id: 'cacheable',
    title: 'cacheable + keyv + sqlite',
    packages: ['cacheable', 'keyv', '@keyv/sqlite'],
    key: OWN,
  },
  {
    id: 'cache-manager',
    title: 'cache-manager + keyv + sqlite',
    packages: ['cache-manager', 'keyv', '@keyv/sqlite'],
    key: JSON_KEY,
  },
  { id: 'bentocache', title: 'bentocache, memory + files', packages: ['bentocache'], key: JSON_KEY },
  {
    id: 'flat-cache',
    title: 'flat-cache',
    packages: ['flat-cache'],
    key: JSON_KEY,
    note: 'writes when closed',
  },
  { id: 'unstorage', title: 'unstorage, files', packages: ['unstorage'], key: JSON_KEY },
  { id: 'ocache', title: 'ocache + unstorage, files', packages: ['ocache', 'unstorage'], key: OWN },
  { id: 'cacache', title: 'cacache', packages: ['cacache'], key: JSON_KEY },
  {
    id: 'memoize',
    title: 'memoize, JSON key',
    packages: ['memoize'],
    key: 'JSON',
    note: 'in memory only',
    memory: true,
  },
  { id: 'joblib', title: 'joblib (Python)', python: 'joblib', key: OWN },
  { id: 'diskcache', title: 'diskcache (Python)', python: 'diskcache', key: OWN },
  {
    id: 'map',
    title: 'a Map by hand, JSON key',
    packages: [],
    key: 'JSON',
    note: 'in memory only',
    memory: true,
  },
]

const folders = ['./node_modules/', '../../node_modules/'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
)

const installed = ({ packages, python }) =>
  python
    ? spawnSync('python3', ['-c', `import ${python}`]).status === 0
    : packages.every((name) => folders.some((folder) => existsSync(`${folder}${name}`)))

export const rivals = all.map((rival) => ({ ...rival, installed: installed(rival) }))
