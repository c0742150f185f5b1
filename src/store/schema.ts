/**
 * The index as SQL: tables, triggers, and each statement under the question it answers or the deed it does.
 * docs/format.md describes the same for readers in other languages; a change here is a new format version.
 */

/** Of the directory and, as `user_version`, of the index. */
export const FORMAT = 1

/** `application_id` of the index: "pfrt". */
export const APPLICATION_ID = 0x70667274

/**
 * `whole` is 0 until the object files that were there before the index have been adopted.
 * `bytes` comes last, so that reading the other columns of a row never follows its overflow pages. `inputs` and
 * `state` are NULL where they equal those of the version's first entry, which is nearly always: 32 bytes a row.
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
  key BLOB NOT NULL,
  version INTEGER NOT NULL,
  args BLOB NOT NULL,
  inputs BLOB,
  state BLOB,
  object BLOB NOT NULL,
  file BLOB,
  size INTEGER NOT NULL,
  footprint INTEGER NOT NULL,
  compute_time REAL NOT NULL,
  hits INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  accessed_at INTEGER NOT NULL,
  expires_at INTEGER,
  codec TEXT NOT NULL,
  async INTEGER NOT NULL,
  tags TEXT,
  score REAL NOT NULL,
  seal INTEGER NOT NULL,
  bytes BLOB
);
CREATE UNIQUE INDEX entry_key ON entry (key);
CREATE INDEX entry_score ON entry (score);
CREATE INDEX entry_version ON entry (version);
CREATE INDEX entry_expires ON entry (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX entry_file ON entry (file) WHERE file IS NOT NULL;
CREATE TABLE total (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  entries INTEGER NOT NULL,
  size INTEGER NOT NULL,
  inflation REAL NOT NULL,
  commits INTEGER NOT NULL,
  whole INTEGER NOT NULL
);
INSERT INTO total VALUES (1, 0, 0, 0, 0, 0);
CREATE TABLE usage (
  name TEXT PRIMARY KEY,
  hits INTEGER NOT NULL,
  misses INTEGER NOT NULL,
  time_saved REAL NOT NULL,
  time_spent REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE chore (
  file BLOB PRIMARY KEY,
  what TEXT NOT NULL CHECK (what IN ('sync', 'remove'))
) WITHOUT ROWID;
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
  expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TRIGGER note_out AFTER DELETE ON entry BEGIN
  DELETE FROM note WHERE key = OLD.key;
END;
CREATE TRIGGER version_note_out AFTER UPDATE OF entries ON version WHEN NEW.entries = 0 BEGIN
  DELETE FROM note WHERE key = OLD.code;
END;
CREATE TRIGGER entry_in AFTER INSERT ON entry BEGIN
  UPDATE total SET entries = entries + 1, size = size + NEW.footprint;
  UPDATE version SET entries = entries + 1, size = size + NEW.footprint, latest = max(latest, NEW.created_at)
    WHERE id = NEW.version;
END;
CREATE TRIGGER entry_out AFTER DELETE ON entry BEGIN
  UPDATE total SET entries = entries - 1, size = size - OLD.footprint;
  UPDATE version SET entries = entries - 1, size = size - OLD.footprint WHERE id = OLD.version;
END;
CREATE TRIGGER object_out AFTER DELETE ON entry WHEN OLD.file IS NOT NULL BEGIN
  INSERT OR REPLACE INTO chore VALUES (OLD.file, 'remove');
END;
PRAGMA application_id = ${APPLICATION_ID};
PRAGMA user_version = ${FORMAT};
`

// In the order of RawRow.
const COLUMNS = `id, key, version, args, inputs, state, object, file, size, footprint, compute_time, hits, created_at,
  accessed_at, expires_at, codec, async, tags, score, seal`

const MATCHING = `($name IS NULL OR version IN (SELECT id FROM version WHERE name = $name))
  AND ($tag IS NULL OR EXISTS (SELECT 1 FROM json_each(tags) WHERE value = $tag))`

/** Named by the question it answers or the deed it does. */
export const STATEMENTS = {
  begin: 'BEGIN IMMEDIATE',
  commit: 'COMMIT',
  rollback: 'ROLLBACK',

  // one entry
  whichEntryHasKey: `SELECT ${COLUMNS}, bytes FROM entry WHERE key = ?` as string,
  whichEntryIs: `SELECT ${COLUMNS} FROM entry WHERE id = ?` as string,
  whichEntryNamesFile: 'SELECT id FROM entry WHERE file = ?',
  insertEntry: `INSERT INTO entry (key, version, args, inputs, state, object, file, size, footprint, compute_time, hits,
    created_at, accessed_at, expires_at, codec, async, tags, score, seal, bytes)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  removeKey: 'DELETE FROM entry WHERE key = ? RETURNING file, footprint',
  removeRow: 'DELETE FROM entry WHERE id = ?',
  removeExactly: 'DELETE FROM entry WHERE key = ? AND object IS ? AND file IS ? RETURNING file',
  touch: `UPDATE entry SET hits = hits + ?, accessed_at = max(accessed_at, ?), score = ? WHERE id = ?`,

  // many entries, a page at a time
  whichEntriesFollow: `SELECT ${COLUMNS} FROM entry WHERE id < $before AND ${MATCHING}
    ORDER BY id DESC LIMIT $limit` as string,
  whichRowsFollow: `SELECT ${COLUMNS}, bytes FROM entry WHERE id > ? ORDER BY id LIMIT ?` as string,
  whichRowsPrecede: `SELECT ${COLUMNS}, bytes FROM entry WHERE id < ? ORDER BY id DESC LIMIT ?` as string,
  whichAreRecent: `SELECT ${COLUMNS} FROM entry WHERE version = ? ORDER BY id DESC LIMIT ?` as string,
  removeMatching: `DELETE FROM entry WHERE id IN
    (SELECT id FROM entry WHERE id > $after AND ${MATCHING} ORDER BY id LIMIT $limit) RETURNING id` as string,

  // who leaves
  whichLeavesFirst: `SELECT ${COLUMNS} FROM entry WHERE id <> ? ORDER BY score LIMIT 1` as string,
  whichHaveExpired:
    `SELECT ${COLUMNS} FROM entry WHERE expires_at <= ? AND id <> ? ORDER BY expires_at LIMIT ?` as string,
  setInflation: 'UPDATE total SET inflation = max(inflation, ?)',

  // versions
  whichVersion: 'SELECT id, name, code, inputs, state FROM version WHERE id = ?',
  whichVersionIs: 'SELECT id, name, code, inputs, state FROM version WHERE name = ? AND code = ?',
  insertVersion: 'INSERT INTO version (name, code, inputs, state, latest) VALUES (?, ?, ?, ?, ?)',
  whichVersionsLive:
    'SELECT id, code, latest FROM version WHERE name = ? AND entries > 0 ORDER BY latest DESC, id DESC',

  // counters
  isWhole: 'SELECT whole FROM total',
  setWhole: 'UPDATE total SET whole = ?',
  countCommit: 'UPDATE total SET commits = commits + 1',
  howMuch: 'SELECT entries, size, inflation FROM total',
  howMuchBefore:
    'SELECT entries, size, inflation, EXISTS (SELECT 1 FROM entry WHERE key = ?) AS present FROM total',
  howMuchReally: 'SELECT count(*) AS entries, coalesce(sum(footprint), 0) AS size FROM entry',
  whichVersionsAreMiscounted: `SELECT v.id FROM version v
    LEFT JOIN (SELECT version, count(*) AS entries, sum(footprint) AS size FROM entry GROUP BY version) e ON e.version = v.id
    WHERE v.entries <> coalesce(e.entries, 0) OR v.size <> coalesce(e.size, 0)`,
  recountTotal: `UPDATE total SET entries = (SELECT count(*) FROM entry),
    size = (SELECT coalesce(sum(footprint), 0) FROM entry)`,
  recountVersions: `UPDATE version SET entries = (SELECT count(*) FROM entry WHERE entry.version = version.id),
    size = (SELECT coalesce(sum(footprint), 0) FROM entry WHERE entry.version = version.id)`,
  howWasItUsed: `SELECT name, hits, misses, time_saved, time_spent, 0 AS bytes FROM usage
    UNION ALL SELECT name, 0, 0, 0, 0, sum(size) FROM version WHERE entries > 0 GROUP BY name`,
  addUsage: `INSERT INTO usage VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET hits = hits + excluded.hits,
    misses = misses + excluded.misses, time_saved = time_saved + excluded.time_saved,
    time_spent = time_spent + excluded.time_spent`,
  forgetUsage: 'DELETE FROM usage WHERE $name IS NULL OR name = $name',

  // notes
  addNote: 'INSERT OR REPLACE INTO note VALUES (?, ?)',
  whatIsNoted: 'SELECT text FROM note WHERE key = ?',

  // leases
  whoHolds: 'SELECT token, owner, thread, state, expires_at AS expiresAt FROM lease WHERE key = ?',
  hold: 'INSERT OR REPLACE INTO lease VALUES (?, ?, ?, ?, ?, ?)',
  renewLease: 'UPDATE lease SET expires_at = ?, state = coalesce(?, state) WHERE key = ? AND token = ?',
  letGo: 'DELETE FROM lease WHERE key = ? AND token = ?',
  forgetLeases: 'DELETE FROM lease WHERE expires_at <= ?',

  // files
  whichFilesNeed: 'SELECT file FROM chore WHERE what = ? AND file > ? ORDER BY file LIMIT ?',
  whatIsToDo: 'SELECT what FROM chore WHERE file = ?',
  addChore: 'INSERT OR REPLACE INTO chore VALUES (?, ?)',
  choreIsDone: 'DELETE FROM chore WHERE file = ? AND what = ?',
} as const

export type StatementName = keyof typeof STATEMENTS
