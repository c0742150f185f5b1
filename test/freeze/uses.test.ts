import assert from 'node:assert/strict'
import childProcess from 'node:child_process'
import * as cryptoSpace from 'node:crypto'
import { randomBytes as bytesAtRandom, createHash } from 'node:crypto'
import fs, { promises, readFileSync, constants as unchanging } from 'node:fs'
import { readFile } from 'node:fs/promises'
import http from 'node:http'
import { createRequire } from 'node:module'
import os, { EOL } from 'node:os'
import { performance as stopwatch } from 'node:perf_hooks'
import process, { env, hrtime } from 'node:process'
import { test } from 'node:test'
import { usesOf } from '#src/freeze/freeze.js'
import { isAllowed, unknownName } from '#src/freeze/impurity.js'

const require = createRequire(import.meta.url)
const { spawn } = require('node:child_process') as typeof childProcess
const { now } = Date
const Clock = Date
const tools = { time: { now: () => Clock.now() }, fs }
const chance = { random: Math.random }
const helper = () => now()
class Stamp {
  at = new Date()
}

/** What a function is found to use, by name. */
const whats = (fn: Function): string[] => [...new Set(usesOf(fn).map(({ what }) => what))].sort()

const used: readonly (readonly [readonly string[], Function])[] = [
  [['Date.now'], () => Date.now()],
  [['Date.now'], () => [1].map(Date.now)],
  [['Date.now'], () => globalThis.Date.now()],
  [['Date.now'], () => now()],
  [['Date.now'], () => Clock['now']()],
  [['Date.now'], () => helper()],
  [['Date.now'], () => tools.time.now()],
  [['new Date()'], () => new Date()],
  [
    ['new Date()'],
    function () {
      return new globalThis.Date()
    },
  ],
  [['Date()'], () => Date()],
  [['new Date()'], () => new Stamp()],
  [['Math.random'], () => chance.random()],
  [
    ['Math.random'],
    () => {
      const { random } = Math
      return random()
    },
  ],
  [['performance.now'], () => performance.now() + stopwatch.now()],
  [['crypto.randomUUID'], () => crypto.randomUUID() + cryptoSpace.randomUUID()],
  [['crypto.randomBytes'], () => bytesAtRandom(2)],
  [['crypto.getRandomValues'], () => crypto.getRandomValues(new Uint8Array(1))],
  [['process.hrtime', 'process.hrtime.bigint'], () => [hrtime(), process.hrtime.bigint()]],
  [['process.env'], (name: string) => process.env[name]],
  [['process.env'], () => Object.keys(process.env)],
  [['process.pid', 'process.uptime'], () => process.pid + process.uptime()],
  [['os.cpus', 'os.hostname'], () => [os.cpus(), os.hostname()]],
  [['fetch'], () => fetch('x')],
  [['WebSocket'], () => new (globalThis as never as { WebSocket: new () => object }).WebSocket()],
  [['http.get'], () => http.get('x')],
  [['child_process.execSync', 'child_process.spawn'], () => [spawn(EOL), childProcess.execSync(EOL)]],
  [['fs.readFileSync'], () => readFileSync('x')],
  [['fs.statSync'], () => tools.fs.statSync('x')],
  [['fs.promises.readFile'], () => readFile('x')],
  [['fs.promises.stat'], () => promises.stat('x')],
  [['fs.promises.open'], () => fs.promises.open('x')],
  [['fs'], (read: (from: typeof fs) => string) => read(fs)],
  [['fs.promises', 'net'], async () => [require('node:net'), await import('node:fs/promises')]],
]

// not every Node has a WebSocket
const known = used.filter(([names]) => !names.includes('WebSocket') || 'WebSocket' in globalThis)

for (const [names, fn] of known) {
  test(`${names.join(', ')} is used by ${String(fn).replaceAll(/\s+/g, ' ')}`, () => {
    assert.deepEqual(whats(fn), names)
  })
}

const harmless: readonly Function[] = [
  () => new Date(5),
  (now: number) => new Date(now).getTime() + Date.parse('2020') + Date.UTC(2020),
  (...parts: [number]) => new Date(...parts),
  () => Math.max(1, 2),
  () => process.env['HOME'] ?? process.env.PATH ?? env['HOME'],
  () => process.platform + process.cwd() + process.argv[2],
  () => createHash('md5').update('x').digest('hex'),
  () => http.STATUS_CODES[200] + EOL + os.EOL + unchanging.R_OK + fs.constants.R_OK,
  () => performance.mark('x'),
  (Date: { now(): number }) => Date.now(),
  () => setTimeout(() => 1, 1),
]
for (const fn of harmless) {
  test(`nothing is used by ${String(fn).replaceAll(/\s+/g, ' ')}`, () => assert.deepEqual(whats(fn), []))
}

test('what a program put in the place of a global is its own', (t) => {
  const { fetch: before } = globalThis
  t.after(() => {
    globalThis.fetch = before
  })
  globalThis.fetch = (() => Date.now()) as never
  assert.deepEqual(
    whats(() => fetch('x')),
    ['Date.now'],
  )
})

test('names are allowed by themselves or by how they begin', () => {
  const allows = (name: string, what: string) => isAllowed([name], what)
  assert.ok(
    allows('fs', 'fs.readFileSync') && allows('fs.promises', 'fs.promises.stat') && allows('fs', 'fs'),
  )
  assert.ok(allows('Date', 'Date.now') && allows('Date', 'new Date()') && allows('Date()', 'Date()'))
  assert.ok(
    !allows('fs.read', 'fs.readFileSync') && !allows('Date.now', 'new Date()') && !allows('h', 'http'),
  )
  for (const name of [
    'fs',
    'fs.readFileSync',
    'fs.promises.stat',
    'crypto.webcrypto.randomUUID',
    'os.cpus',
    'process.env.A',
  ])
    assert.equal(unknownName(name), undefined, name)
  for (const name of ['fss', 'fs.readfilesync', 'fs.constants', 'Date.parse', '', 'process.argv'])
    assert.notEqual(unknownName(name), undefined, name)
})
