/**
 * A server that speaks as much S3 as the store needs, and honours conditions, which no server of npm's does. It
 * checks signatures by an implementation of its own.
 */
import { createHash, createHmac } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { answering, type Held, listening, type Server } from './http-server.js'

const SECRET = 'secret'
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()
const hash = (text: string): string => createHash('sha256').update(text).digest('hex')

function isSigned({ method, url = '', headers }: IncomingMessage): boolean {
  const [, scope = '', names = '', signature] =
    /^AWS4-HMAC-SHA256 Credential=me\/([^,]+), SignedHeaders=([^,]+), Signature=(\w+)$/.exec(
      headers.authorization ?? '',
    ) ?? []
  const [day = '', region = '', service = ''] = scope.split('/')
  const [path, query = ''] = url.split('?')
  const canonical = [
    method,
    path,
    query.split('&').sort().join('&'),
    ...names.split(';').map((name) => `${name}:${String(headers[name]).trim()}`),
    '',
    names,
    headers['x-amz-content-sha256'],
  ].join('\n')
  const text = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, hash(canonical)].join('\n')
  const key = [day, region, service, 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${SECRET}`)
  return hmac(key, text).toString('hex') === signature
}

/** Pages of 7. `busy` is how often to answer that another write is going on. */
export async function s3Store(): Promise<Server & { busy: number }> {
  const held = new Map<string, Held>()
  const blobs = answering({}, held)
  const server = await listening((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://host')
    if (!isSigned(request)) return response.writeHead(403).end('<Code>SignatureDoesNotMatch</Code>')
    if (!pathname.startsWith('/bucket/'))
      return response.writeHead(404).end('<Error><Code>NoSuchBucket</Code></Error>')
    if (request.method === 'PUT' && state.busy-- > 0)
      return response.writeHead(409).end('<Code>ConditionalRequestConflict</Code>')
    if (searchParams.get('list-type') !== '2') return blobs(request, response)
    const [prefix, after] = [searchParams.get('prefix') ?? '', searchParams.get('start-after') ?? '']
    const mark = searchParams.get('continuation-token') ?? ''
    const keys = [...held.keys()].map((path) => path.slice('/bucket/'.length)).sort()
    const found = keys.filter((key) => key.startsWith(prefix) && key > after && key > mark)
    const contents = found.slice(0, 7).map((key) => {
      const { etag, bytes, modified } = held.get(`/bucket/${key}`)!
      const facts = `<ETag>${etag.replaceAll('"', '&quot;')}</ETag><Size>${bytes.length}</Size>`
      const time = new Date(modified).toISOString()
      return `<Contents><Key>${key}</Key><LastModified>${time}</LastModified>${facts}</Contents>`
    })
    const more = found.length > 7
    const next = more ? `<NextContinuationToken>${found[6]}</NextContinuationToken>` : ''
    const xml = `<ListBucketResult><IsTruncated>${more}</IsTruncated>${next}${contents.join('')}</ListBucketResult>`
    return response.writeHead(200).end(xml)
  })
  const state = { ...server, busy: 0 }
  return state
}

export const credentials = { accessKeyId: 'me', secretAccessKey: SECRET }
