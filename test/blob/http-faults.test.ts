/** A plain HTTP store behind a bad connection. */
import { after } from 'node:test'
import { openBlobStore } from 'permafrost/blob'
import { faultTests } from './faults.js'
import { httpStore } from './http-server.js'

const server = await httpStore()
after(() => server.close())

faultTests({
  name: 'http',
  upstream: server.url,
  open: (url, options) => openBlobStore(url, options),
  digests: false,
})
