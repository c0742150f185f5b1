/** Loads the native module while the process may still read it, for a test that gives its rights away. */
import { createRequire } from 'node:module'

const Database = createRequire(import.meta.url)('better-sqlite3') as new (path: string) => { close(): void }
new Database(':memory:').close()
