/**
 * The index as SQL: tables, triggers, and each statement under the question it answers or the deed it does.
 * docs/format.md describes the same for readers in other languages; a change here is a new format version.
 */

import { PLACES } from './row.ts'

/** Of the directory and, as `user_version`, of the index. */
export const FORMAT = 1

/** `application_id` of the index: "pfrt". */
export const APPLICATION_ID = 0x70667274

/**
 * `sealed` holds all that a hit needs (row.ts); the other columns are what SQL must know. Only the key has its place in
 * the books at once: a row with an `id` above `booked` is not yet counted in `total` and `version`, and in no other
 * index. It is booked with the next puts, some dozens at a time, and before anything leaves. That, and `sealed`, are
 * what make a put cost two pages and a hit one column.
 * `whole` is 0 until the object files that were there before the index have been adopted. `inputs` and `state` of a
 * version are those of its first entry, and nearly always of all: 32 bytes a row.
 */
export const TABLES: string = `
CREATE TABLE version (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  code BLOB NOT NULL,
  inputs BLOB NOT NULL,
  state BLOB NOT NULL,
  latest INTEGER NOT NULL,
  entries INTEGER NOT NULL DEFAULT 0,
  size INTEGER NOT NULL DEFAULT 0,
  UNIQUE (name, code)
);
CREATE TABLE entry (
  id INTEGER PRIMARY KEY,
  key BLOB NOT NULL UNIQUE,
  version INTEGER NOT NULL,
  footprint INTEGER NOT NULL,
  score REAL NOT NULL,
  created_at INTEGER NOT NULL,
  leaves_at INTEGER,
  file BLOB,
  tags TEXT,
  booked INTEGER NOT NULL,
  sealed BLOB NOT NULL
);
CREATE INDEX entry_score ON entry (score) WHERE booked = 1;
CREATE INDEX entry_version ON entry (version) WHERE booked = 1;
CREATE INDEX entry_leaves ON entry (leaves_at) WHERE booked = 1 AND leaves_at IS NOT NULL;
CREATE INDEX entry_file ON entry (file) WHERE file IS NOT NULL;
CREATE TABLE total (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  entries INTEGER NOT NULL,
  size INTEGER NOT NULL,
  inflation REAL NOT NULL,
  commits INTEGER NOT NULL,
  whole INTEGER NOT NULL,
  booked INTEGER NOT NULL
);
INSERT INTO total VALUES (1, 0, 0, 0, 0, 0, 0);
CREATE TABLE usage (
  name TEXT PRIMARY KEY,
  hits INTEGER NOT NULL,
  misses INTEGER NOT NULL,
  time_saved REAL NOT NULL,
  time_spent REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE chore (
  file BLOB PRIMARY KEY,
  what TEXT NOT NULL CHECK (what IN ('sync', 'remove', 'leaf'))
) WITHOUT ROWID;
CREATE TABLE leaf (
  entry INTEGER NOT NULL,
  place INTEGER NOT NULL,
  file BLOB NOT NULL,
  size INTEGER NOT NULL,
  PRIMARY KEY (entry, place)
) WITHOUT ROWID;
CREATE INDEX leaf_file ON leaf (file);
CREATE TABLE note (
  key BLOB PRIMARY KEY,
  text TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE lease (
  key BLOB PRIMARY KEY,
  token INTEGER NOT NULL,
  owner TEXT NOT NULL,
  thread INTEGER NOT NULL,
  state TEXT NOT NULL,
  expires_at INTEGER NOT NULL,
  waits_for BLOB
) WITHOUT ROWID;
CREATE TABLE departed (
  id INTEGER PRIMARY KEY,
  key BLOB NOT NULL,
  why TEXT NOT NULL CHECK (why IN ('evicted', 'expired', 'forgotten', 'lost'))
);
CREATE TRIGGER note_out AFTER DELETE ON entry BEGIN
  DELETE FROM note WHERE key = OLD.key;
END;
CREATE TRIGGER version_note_out AFTER UPDATE OF entries ON version WHEN NEW.entries = 0 BEGIN
  DELETE FROM note WHERE key = OLD.code;
END;
CREATE TRIGGER entry_out AFTER DELETE ON entry WHEN OLD.booked = 1 BEGIN
  UPDATE total SET entries = entries - 1, size = size - OLD.footprint;
  UPDATE version SET entries = entries - 1, size = size - OLD.footprint WHERE id = OLD.version;
END;
CREATE TRIGGER id_out AFTER DELETE ON entry WHEN OLD.id >= (SELECT booked FROM total) BEGIN
  UPDATE total SET booked = coalesce((SELECT max(id) FROM entry), 0)
    WHERE booked > coalesce((SELECT max(id) FROM entry), 0);
END;
CREATE TRIGGER object_out AFTER DELETE ON entry WHEN OLD.file IS NOT NULL BEGIN
  INSERT OR REPLACE INTO chore VALUES (OLD.file, 'remove');
END;
CREATE TRIGGER leaf_out AFTER DELETE ON entry WHEN OLD.file IS NOT NULL BEGIN
  INSERT OR REPLACE INTO chore SELECT DISTINCT file, 'leaf' FROM leaf WHERE entry = OLD.id
    AND NOT EXISTS (SELECT 1 FROM leaf AS other WHERE other.file = leaf.file AND other.entry <> OLD.id);
  DELETE FROM leaf WHERE entry = OLD.id;
END;
PRAGMA application_id = ${APPLICATION_ID};
PRAGMA user_version = ${FORMAT};
`

/**
 * Tables that the first directories of this format lack; who does not know them loses nothing. Made when such a directory is
 * opened for writing, and for readers out of thin air.
 */
export const ADDITIONS: Readonly<Record<string, string>> = {
  overhead: '(name TEXT PRIMARY KEY, time REAL NOT NULL) WITHOUT ROWID',
  parsed: '(key BLOB PRIMARY KEY, sealed BLOB NOT NULL, used INTEGER NOT NULL)',
}

// In the orders in which leaving-rows.ts and row.ts have them.
export const LEAVING = 'id, key, version, footprint, score, file'
export const COLUMNS: string = `${LEAVING}, sealed`

// Doubles and counts lie in `sealed` with their lowest byte first; turned round, bytes compare as the numbers do.
const sealedNumber = (start: number, length: number): string =>
  `CAST(${Array.from({ length }, (_, n) => `substr(sealed, ${start + length - n}, 1)`).join(' || ')} AS BLOB)`

const [SIZE, COMPUTE_TIME, ACCESSED_AT, HITS] = [
  sealedNumber(PLACES.size, 8),
  sealedNumber(PLACES.computeTime, 8),
  sealedNumber(PLACES.accessedAt, 8),
  sealedNumber(PLACES.hits, 4),
]

const MATCHING = `($name IS NULL OR version IN (SELECT id FROM version WHERE name = $name))
  AND ($pattern IS NULL OR version IN (SELECT id FROM version WHERE name GLOB $pattern))
  AND ($code IS NULL OR version IN (SELECT id FROM version WHERE code BETWEEN $code AND $lastCode))
  AND ($tag IS NULL OR EXISTS (SELECT 1 FROM json_each(tags) WHERE value = $tag))
  AND ($since IS NULL OR created_at >= $since) AND ($before IS NULL OR created_at < $before)
  AND ($usedBefore IS NULL OR ${ACCESSED_AT} < $usedBefore) AND ($largerThan IS NULL OR ${SIZE} > $largerThan)`

const ORDER = `CASE $by WHEN 'used' THEN ${ACCESSED_AT} WHEN 'created' THEN created_at WHEN 'size' THEN ${SIZE}
  WHEN 'time' THEN ${COMPUTE_TIME} WHEN 'hits' THEN ${HITS}
  WHEN 'name' THEN (SELECT name FROM version WHERE version.id = entry.version) END`

const FRESH = 'booked = 0 AND id > (SELECT booked FROM total)'

// What functions have, in the books and not yet in them: several rows of a name.
const KEPT = `SELECT name, entries, size FROM version WHERE entries > 0
    UNION ALL SELECT name, fresh.entries, fresh.size FROM version JOIN (SELECT version AS id, count(*) AS entries,
      sum(footprint) AS size FROM entry WHERE ${FRESH} GROUP BY version) AS fresh USING (id)`

/** What a file of so many bytes takes on disk; `blocksOf` in words of SQL. */
const blocks = (size: string): string => `(${size} + 4095) / 4096 * 4096`

// A row without `booked` is ignored, and so is one whose key has a row.
const INSERT = `(key, version, footprint, score, created_at, leaves_at, file, tags, sealed, booked)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?,`

/** Named by the question it answers or the deed it does. */
export const STATEMENTS = {
  begin: 'BEGIN IMMEDIATE',
  look: 'BEGIN',
  commit: 'COMMIT',
  rollback: 'ROLLBACK',

  // one entry
  whatIsSealed: 'SELECT sealed FROM entry WHERE key = ?',
  whichEntryIs: `SELECT ${COLUMNS} FROM entry WHERE id = ?` as string,
  whichEntryNamesFile: 'SELECT id FROM entry WHERE file = ?',
  insertEntry: `INSERT OR IGNORE INTO entry ${INSERT} 0)` as string,
  insertIfRoom:
    `INSERT OR IGNORE INTO entry ${INSERT} (SELECT 0 FROM total WHERE inflation = ? AND entries <= ? AND size <= ?
    AND coalesce((SELECT max(id) FROM entry), 0) < booked + ?))` as string,
  removeKey: 'DELETE FROM entry WHERE key = ? RETURNING file',
  removeRow: 'DELETE FROM entry WHERE id = ?',
  removeRows: 'DELETE FROM entry WHERE id IN (SELECT value FROM json_each(?))',
  removeExactly:
    'DELETE FROM entry WHERE key = ? AND substr(sealed, 33, 16) IS ? AND file IS ? RETURNING file',
  touch: 'UPDATE entry SET score = ?, sealed = ? WHERE key = ?',

  // many entries, a page at a time
  whichEntriesFollow: `SELECT ${COLUMNS} FROM entry WHERE id < $below AND ${MATCHING}
    ORDER BY id DESC LIMIT $limit` as string,
  whichRowsFollow: `SELECT ${COLUMNS} FROM entry WHERE id > ? ORDER BY id LIMIT ?` as string,
  whichRowsPrecede: `SELECT ${COLUMNS} FROM entry WHERE id < ? ORDER BY id DESC LIMIT ?` as string,
  whichAreRecent: `SELECT * FROM (SELECT ${COLUMNS} FROM entry WHERE booked = 1 AND version = $version
    UNION ALL SELECT ${COLUMNS} FROM entry WHERE ${FRESH} AND version = $version) ORDER BY id DESC LIMIT $limit` as string,
  removeMatching: `DELETE FROM entry WHERE id IN
    (SELECT id FROM entry WHERE id > $after AND ${MATCHING} ORDER BY id LIMIT $limit) RETURNING id, key` as string,
  whichComeFirst: `SELECT id FROM entry WHERE ${MATCHING} ORDER BY ${ORDER}, id LIMIT $limit` as string,
  whichComeLast:
    `SELECT id FROM entry WHERE ${MATCHING} ORDER BY ${ORDER} DESC, id DESC LIMIT $limit` as string,
  howManyMatch:
    `SELECT count(*) AS entries, coalesce(sum(footprint), 0) AS size FROM entry WHERE ${MATCHING}` as string,
  whichKeysLieIn: `SELECT ${COLUMNS} FROM entry WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?` as string,

  // who leaves
  whichLeaveFirst:
    `SELECT ${LEAVING} FROM entry WHERE booked = 1 AND id <> ? ORDER BY score, id LIMIT ?` as string,
  whichHaveExpired:
    `SELECT ${LEAVING} FROM entry WHERE booked = 1 AND leaves_at <= ? AND id <> ? ORDER BY leaves_at LIMIT ?` as string,
  setInflation: 'UPDATE total SET inflation = max(inflation, ?)',

  // versions
  whichVersion: 'SELECT id, name, code, inputs, state FROM version WHERE id = ?',
  whichVersionIs: 'SELECT id, name, code, inputs, state FROM version WHERE name = ? AND code = ?',
  insertVersion: `INSERT INTO version (name, code, inputs, state, latest) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (name, code) DO NOTHING`,
  whichVersionsLive:
    `SELECT id, code, max(version.latest, coalesce((SELECT max(created_at) FROM entry WHERE ${FRESH}
    AND version = version.id), 0)) AS newest FROM version WHERE name = ? AND (entries > 0
    OR EXISTS (SELECT 1 FROM entry WHERE ${FRESH} AND version = version.id)) ORDER BY newest DESC, id DESC` as string,

  // counters
  isWhole: 'SELECT whole FROM total',
  setWhole: 'UPDATE total SET whole = ?',
  countCommit: 'UPDATE total SET commits = commits + 1',
  howMuch:
    `SELECT total.entries + fresh.entries AS entries, total.size + fresh.size AS size, inflation FROM total,
    (SELECT count(*) AS entries, coalesce(sum(footprint), 0) AS size FROM entry WHERE ${FRESH}) AS fresh` as string,
  whatIsBooked: 'SELECT entries, size, inflation FROM total',
  howMuchReally: 'SELECT count(*) AS entries, coalesce(sum(footprint), 0) AS size FROM entry',
  whichAreMisbooked: 'SELECT id FROM entry WHERE booked <> (id <= (SELECT booked FROM total)) LIMIT 1',
  whichVersionsAreMiscounted: `SELECT v.id FROM version v
    LEFT JOIN (SELECT version, count(*) AS entries, sum(footprint) AS size FROM entry WHERE booked = 1 GROUP BY version) e
    ON e.version = v.id WHERE v.entries <> coalesce(e.entries, 0) OR v.size <> coalesce(e.size, 0)`,

  // the books
  whatIsFresh: `SELECT count(*) AS entries, coalesce(sum(footprint), 0) AS size, max(id) AS last FROM entry
    WHERE ${FRESH}` as string,
  bookVersions:
    `UPDATE version SET entries = version.entries + fresh.entries, size = version.size + fresh.size,
    latest = max(version.latest, fresh.latest) FROM (SELECT version AS id, count(*) AS entries, sum(footprint) AS size,
    max(created_at) AS latest FROM entry WHERE ${FRESH} GROUP BY version) AS fresh WHERE version.id = fresh.id` as string,
  bookEntries: `UPDATE entry SET booked = 1 WHERE ${FRESH}` as string,
  bookTotal: 'UPDATE total SET entries = entries + ?, size = size + ?, booked = ?',
  rebookEntries: 'UPDATE entry SET booked = 1 WHERE booked <> 1',
  recountTotal: `UPDATE total SET entries = (SELECT count(*) FROM entry),
    size = (SELECT coalesce(sum(footprint), 0) FROM entry), booked = (SELECT coalesce(max(id), 0) FROM entry)`,
  recountVersions: `UPDATE version SET entries = (SELECT count(*) FROM entry WHERE entry.version = version.id),
    size = (SELECT coalesce(sum(footprint), 0) FROM entry WHERE entry.version = version.id)`,
  howWasItUsed:
    `SELECT name, hits, misses, time_saved AS timeSaved, time_spent AS timeSpent, 0 AS overhead, 0 AS bytes FROM usage
    UNION ALL SELECT name, 0, 0, 0, 0, time, 0 FROM overhead
    UNION ALL SELECT name, 0, 0, 0, 0, 0, sum(size) FROM (${KEPT}) GROUP BY name` as string,
  addUsage: `INSERT INTO usage VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET hits = hits + excluded.hits,
    misses = misses + excluded.misses, time_saved = time_saved + excluded.time_saved,
    time_spent = time_spent + excluded.time_spent`,
  addOverhead:
    'INSERT INTO overhead VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET time = time + excluded.time' as string,
  forgetOverhead: 'DELETE FROM overhead WHERE $name IS NULL OR name = $name',
  forgetUsage: 'DELETE FROM usage WHERE $name IS NULL OR name = $name',

  // notes
  addNote: 'INSERT OR REPLACE INTO note VALUES (?, ?)',
  whatIsNoted: 'SELECT text FROM note WHERE key = ?',

  // what was read out of texts
  whatIsParsed: 'SELECT sealed, used FROM parsed WHERE key = ?',
  addParsed: 'INSERT OR REPLACE INTO parsed VALUES (?, ?, ?)',
  touchParsed: 'UPDATE parsed SET used = ? WHERE key = ?',
  howMuchIsParsed: 'SELECT count(*) AS rows, coalesce(sum(length(sealed)), 0) AS size FROM parsed',
  whichParsedFollow: 'SELECT rowid AS id, key, sealed FROM parsed WHERE rowid > ? ORDER BY rowid LIMIT ?',
  removeLeastUsedParsed: 'DELETE FROM parsed WHERE rowid IN (SELECT rowid FROM parsed ORDER BY used LIMIT ?)',
  removeParsed: 'DELETE FROM parsed WHERE rowid = ?',
  removeAllParsed: 'DELETE FROM parsed',

  // leases
  whoHolds:
    'SELECT token, owner, thread, state, expires_at AS expiresAt, waits_for AS waitsFor FROM lease WHERE key = ?',
  hold: 'INSERT OR REPLACE INTO lease VALUES (?, ?, ?, ?, ?, ?, NULL)',
  renewLease: 'UPDATE lease SET expires_at = ?, state = coalesce(?, state) WHERE key = ? AND token = ?',
  waitFor: 'UPDATE lease SET waits_for = ? WHERE key = ? AND token = ?',
  letGo: 'DELETE FROM lease WHERE key = ? AND token = ?',
  forgetLeases: 'DELETE FROM lease WHERE expires_at <= ?',

  // who left lately
  addDeparture: 'INSERT INTO departed (key, why) VALUES (?, ?)',
  forgetDepartures: 'DELETE FROM departed WHERE id <= (SELECT max(id) FROM departed) - ?',
  whatLeftLast: 'SELECT max(id) AS id FROM departed',
  whyDeparted: 'SELECT why FROM departed WHERE key = ? ORDER BY id DESC LIMIT 1',
  whoDepartedIn: 'SELECT key, why FROM departed WHERE key BETWEEN ? AND ? ORDER BY id DESC',

  // what takes how much room
  howMuchHas: KEPT as string,
  howMuchIsInFiles: `SELECT name, filed.size FROM version JOIN (SELECT version AS id, sum(footprint) AS size
    FROM entry WHERE file IS NOT NULL GROUP BY version) AS filed USING (id)`,
  howMuchIsInLeaves: `SELECT name, held.size FROM version JOIN (SELECT entry.version AS id,
    sum(${blocks('leaf.size')}) AS size FROM leaf JOIN entry ON entry.id = leaf.entry
    GROUP BY entry.version) AS held USING (id)` as string,
  howMuchAreLeaves: `SELECT coalesce(sum(size), 0) AS size FROM
    (SELECT ${blocks('min(size)')} AS size FROM leaf GROUP BY file)` as string,

  // leaves
  nameLeaf: 'INSERT OR REPLACE INTO leaf VALUES (?, ?, ?, ?)',
  unnameLeaves: 'DELETE FROM leaf WHERE entry = ?',
  whoNamesLeaf: 'SELECT entry FROM leaf WHERE file = ? LIMIT 1',
  whichLeavesHas:
    'SELECT file, size FROM leaf WHERE entry = (SELECT id FROM entry WHERE file = ?) ORDER BY place',
  whichLeavesFollow: `SELECT file, min(size) AS size FROM leaf WHERE file > ? GROUP BY file ORDER BY file LIMIT ?`,
  whichLeavesToSync: `SELECT DISTINCT leaf.file FROM chore JOIN entry ON entry.file = chore.file
    JOIN leaf ON leaf.entry = entry.id WHERE chore.what = 'sync'`,
  whichLeavesAreStray: 'SELECT 1 FROM leaf WHERE entry NOT IN (SELECT id FROM entry) LIMIT 1',
  removeStrayLeaves: 'DELETE FROM leaf WHERE entry NOT IN (SELECT id FROM entry)',
  removeByLeaf: 'DELETE FROM entry WHERE id IN (SELECT entry FROM leaf WHERE file = ?) RETURNING key',

  // files
  whichFilesNeed: 'SELECT file FROM chore WHERE what = ? AND file > ? ORDER BY file LIMIT ?',
  whatIsToDo: 'SELECT what FROM chore WHERE file = ?',
  addChore: 'INSERT OR REPLACE INTO chore VALUES (?, ?)',
  choreIsDone: 'DELETE FROM chore WHERE file = ? AND what = ?',
} as const

export type StatementName = keyof typeof STATEMENTS

/** The part of a prepared statement that the tables use. */
export interface Statement {
  run(...values: unknown[]): { readonly changes: number; readonly lastInsertRowid: number | bigint }
  get(...values: unknown[]): unknown
  all(...values: unknown[]): unknown[]
}

/** Gives the statement of that name. */
export type Ask = (name: StatementName) => Statement
