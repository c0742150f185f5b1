/**
 * What permafrost shall reach, and whether it did. Each is a number of microseconds, or what its unit says, made of what
 * was measured in the same run.
 */

const MS = 1000

/** @returns {{ text: string, ours?: number, bar?: number, least?: boolean, unit?: string }[]} */
export function bars(results) {
  const figure = (one, rival, name = 'p50') =>
    results.rows.find((row) => row.case === one && row.rival === rival)?.figures?.[name]
  const ours = (one, name) => figure(one, 'permafrost', name)
  const index = (one, name) => figure(one, 'permafrost-index', name)
  const GET = 'bare better-sqlite3 get and decode'
  const HASH = 'bare XXH3-128 of it'
  const READ = 'bare readFileSync and hash'
  const WRITE = 'bare hash, writeFileSync to a temporary name, rename'
  const json = 1.5 * figure('hit-object', 'bare JSON.stringify of it')
  const few = figure('scale-1m', 'permafrost with 1,000 entries')
  return [
    { text: 'hit by a number, hot', ours: ours('hit-number'), bar: 1 },
    { text: '… from the index', ours: index('hit-number'), bar: 6 },
    {
      text: '… 1.4 × a bare get and decode',
      ours: index('hit-number'),
      bar: 1.4 * figure('hit-number', GET),
    },
    {
      text: 'hit by a 20-field object, hot: 1 µs + 1.5 × JSON.stringify',
      ours: ours('hit-object'),
      bar: 1 + json,
    },
    { text: '… from the index: 6 µs + 1.5 × JSON.stringify', ours: index('hit-object'), bar: 6 + json },
    {
      text: 'hit by 1 MB: 1.15 × XXH3 + 4 µs',
      ours: ours('hit-buffer'),
      bar: 1.15 * figure('hit-buffer', HASH) + 4,
    },
    {
      text: 'hit by 10 MB: 1.15 × XXH3 + 4 µs',
      ours: ours('hit-array'),
      bar: 1.15 * figure('hit-array', HASH) + 4,
    },
    {
      text: 'hit of 1 MB: 1.2 × readFileSync + hash',
      ours: ours('hit-1mb'),
      bar: 1.2 * figure('hit-1mb', READ),
    },
    {
      text: 'hit of 100 MB: 1.2 × readFileSync + hash',
      ours: ours('hit-100mb'),
      bar: 1.2 * figure('hit-100mb', READ),
    },
    {
      text: 'miss and store, small, lease: false',
      ours: figure('miss-small', 'permafrost-no-lease'),
      bar: 20,
    },
    { text: 'miss and store, small', ours: ours('miss-small'), bar: 40 },
    {
      text: 'miss and store, 100 MB: 1.3 × write + hash',
      ours: ours('miss-100mb'),
      bar: 1.3 * figure('miss-100mb', WRITE),
    },
    {
      text: '4 processes, half puts',
      ours: ours('processes-4', 'perSecond'),
      bar: 60_000,
      least: true,
      unit: 'calls/s',
    },
    { text: '… errors', ours: ours('processes-4', 'errors'), bar: 0, unit: '' },
    { text: '… lost', ours: ours('processes-4', 'lost'), bar: 0, unit: '' },
    {
      text: '4 processes, the same 10 slow calls: computations',
      ours: ours('same', 'computed'),
      bar: 10,
      unit: '',
    },
    { text: '1,000,000 entries: hit, 1.3 × that of 1,000', ours: ours('scale-1m'), bar: 1.3 * few },
    { text: '… on disk, an entry', ours: ours('scale-1m', 'perEntry'), bar: 220, unit: 'B' },
    { text: '… evict, an entry', ours: ours('scale-1m', 'evict'), bar: 10 },
    { text: '… stats', ours: ours('scale-1m', 'stats'), bar: MS },
    {
      text: 'cold start: bare node + 30 ms',
      ours: ours('cold'),
      bar: figure('cold', 'bare node, an empty module') + 30 * MS,
    },
    { text: 'first identification, 200 functions', ours: ours('edit', 'identify'), bar: 300 * MS },
    { text: '… in a later process, with the call', ours: ours('edit', 'again'), bar: 50 * MS },
  ]
}

/** `met`, `missed by 1.4 ×`, or nothing where it was not measured. */
export function verdict({ bar, least, ours }) {
  if (ours === undefined || Number.isNaN(bar)) return 'not measured'
  if (least ? ours >= bar : ours <= bar) return 'met'
  if (bar === 0) return 'missed'
  return `missed by ${(least ? bar / ours : ours / bar).toFixed(2)} ×`
}
