/** Azure Blob Storage over its REST interface, signed with the key of the account. */
import { createHmac } from 'node:crypto'
import type { BlobFacts, BlobSettings } from './blob-store.ts'
import { type Ask, BucketDriver, type Call, encoded, type Headers, prefixOf, searchOf } from './bucket.ts'
import { eachIn, textIn } from './xml.ts'

const VERSION = '2021-12-02'
/** What is signed by its value, in this order; the length stands between the second and the third. */
const SIGNED = ['content-md5', 'content-type', 'date', 'if-modified-since', 'if-match', 'if-none-match']
const SIGNED_LAST = ['if-unmodified-since', 'range']

/** `az://account/container/prefix`. The key of the account is an option, or AZURE_STORAGE_KEY. */
export function openAz(url: URL, settings: BlobSettings): BucketDriver {
  const account = url.hostname
  const [, container = '', rest = ''] = /^\/([^/]*)\/?(.*)$/.exec(url.pathname) ?? []
  const prefix = prefixOf(rest)
  const key = settings.accountKey ?? process.env['AZURE_STORAGE_KEY']
  if (account === '' || container === '' || key === undefined)
    throw new TypeError('openBlobStore: az: needs an account, a container, and "accountKey"')
  const base = new URL(settings.endpoint ?? `https://${account}.blob.core.windows.net`)
  return new BucketDriver(
    {
      uri: `az://${account}/${container}/${prefix}`.slice(0, -1),
      prefix,
      signed: signer(account, key, base, container),
      digestHeader: 'x-ms-meta-sha256',
      putHeaders: { 'content-type': 'application/octet-stream', 'x-ms-blob-type': 'BlockBlob' },
      meaning: (status, said) =>
        status === 409 && said.includes('BlobAlreadyExists') ? 'precondition' : undefined,
      putParts,
      // it has no way to begin at a key: the front of the room leaves out what comes too early
      listQuery: (begin, _, mark) => ({
        restype: 'container',
        comp: 'list',
        prefix: begin,
        ...(mark !== undefined && { marker: mark }),
      }),
      page,
    },
    settings,
  )
}

/** Where a request goes, with what proves that we may ask. */
export function signer(account: string, accountKey: string, base: URL, container: string) {
  const secret = Buffer.from(accountKey, 'base64')
  return async ({
    method,
    key,
    query = {},
    headers: given = {},
    bytes,
  }: Call): Promise<{ url: URL; headers: Headers }> => {
    const url = new URL(base)
    url.pathname = `${base.pathname.replace(/\/$/, '')}/${container}${key === undefined ? '' : `/${encoded(key)}`}`
    url.search = searchOf(query)
    const headers: Record<string, string> = {
      ...given,
      'x-ms-date': new Date().toUTCString(),
      'x-ms-version': VERSION,
    }
    const value = (name: string): string => headers[name] ?? ''
    const own = Object.keys(headers).filter((name) => name.startsWith('x-ms-'))
    const text = [
      method,
      '',
      '',
      bytes === undefined || bytes.length === 0 ? '' : String(bytes.length),
      ...SIGNED.map(value),
      ...SIGNED_LAST.map(value),
      ...own.sort().map((name) => `${name}:${value(name)}`),
      `/${account}${url.pathname}`,
      ...Object.keys(query)
        .sort()
        .map((name) => `${name}:${query[name]}`),
    ].join('\n')
    const signature = createHmac('sha256', secret).update(text).digest('base64')
    return { url, headers: { ...headers, authorization: `SharedKey ${account}:${signature}` } }
  }
}

/** Blocks are of no effect before they are listed, and are forgotten after a week. */
async function putParts(
  ask: Ask,
  key: string,
  parts: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const ids: string[] = []
  const session = crypto.randomUUID()
  for await (const bytes of parts) {
    const blockid = Buffer.from(`${session} ${String(ids.length).padStart(6, '0')}`).toString('base64')
    const answer = await ask({ method: 'PUT', key, query: { comp: 'block', blockid }, bytes, signal })
    await answer.body.cancel()
    ids.push(blockid)
  }
  const list = `<BlockList>${ids.map((id) => `<Latest>${id}</Latest>`).join('')}</BlockList>`
  const bytes = Buffer.from(`<?xml version="1.0" encoding="utf-8"?>${list}`)
  const answer = await ask({ method: 'PUT', key, query: { comp: 'blocklist' }, bytes, once: true, signal })
  await answer.body.cancel()
  return answer.headers.etag
}

function page(xml: string): { blobs: BlobFacts[]; mark: string | undefined } {
  const blobs = eachIn(xml, 'Blob').map((one) => ({
    key: textIn(one, 'Name') ?? '',
    size: Number(textIn(one, 'Content-Length')),
    etag: quoted(textIn(one, 'Etag')),
    modified: Date.parse(textIn(one, 'Last-Modified') ?? ''),
  }))
  return { blobs, mark: textIn(xml, 'NextMarker') }
}

/** Listings leave out the quotes that headers have. */
const quoted = (etag: string | undefined): string | undefined =>
  etag === undefined || etag.startsWith('"') ? etag : `"${etag}"`
