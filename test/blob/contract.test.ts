/** The stores that need no server keep the contract. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { openBlobStore } from 'permafrost/blob'
import { blobStoreContract } from 'permafrost/testing'
import { capable } from './capable.js'

const folder = mkdtempSync(join(tmpdir(), 'permafrost-'))
after(() => rmSync(folder, { recursive: true, force: true }))

blobStoreContract({
  name: 'memory',
  test,
  open: () => openBlobStore('memory:contract'),
  capabilities: capable,
})

blobStoreContract({
  name: 'file',
  test,
  open: () => openBlobStore(pathToFileURL(folder).href),
  capabilities: { ...capable, serverClock: false },
})
