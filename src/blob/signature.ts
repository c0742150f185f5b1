/** Signatures of requests to S3, version 4, as its documentation has them. */
import { createHmac } from 'node:crypto'
import { sha256Of } from './body.ts'
import { type Headers, type Query, searchOf } from './bucket.ts'

export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string | undefined
  readonly region: string
}

interface Unsigned {
  readonly method: string
  /** Its path is encoded already; what it asks is in `query`. */
  readonly url: string
  readonly query: Query
  readonly headers: Headers
  /** Of the body, in hex. */
  readonly sha256: string
}

/** Signs with these credentials. The key, which is made for each day, is kept. */
export function signerOf({ accessKeyId, secretAccessKey, sessionToken, region }: Credentials) {
  let [scope, key] = ['', Buffer.alloc(0) as Buffer]
  return ({ method, url, query, headers: given, sha256 }: Unsigned): { url: URL; headers: Headers } => {
    const search = searchOf(Object.fromEntries(byName(query)))
    const target = new URL(search === '' ? url : `${url}?${search}`)
    const time = new Date().toISOString().replaceAll(/[:-]|\.\d+/g, '')
    const headers: Record<string, string> = {
      ...given,
      'x-amz-content-sha256': sha256,
      'x-amz-date': time,
      ...(sessionToken !== undefined && { 'x-amz-security-token': sessionToken }),
    }
    const signed = byName({ ...headers, host: target.host })
    const names = signed.map(([name]) => name).join(';')
    const lines = signed.map(([name, value]) => `${name}:${value.trim().replaceAll(/ +/g, ' ')}\n`)
    const canonical = [method, target.pathname, search, lines.join(''), names, sha256]
    const day = time.slice(0, 8)
    if (scope !== `${day}/${region}/s3/aws4_request`) {
      scope = `${day}/${region}/s3/aws4_request`
      key = scope.split('/').reduce(hmac, Buffer.from(`AWS4${secretAccessKey}`) as Buffer)
    }
    const text = ['AWS4-HMAC-SHA256', time, scope, sha256Of(canonical.join('\n'))].join('\n')
    const credential = `Credential=${accessKeyId}/${scope}`
    const signature = `Signature=${hmac(key, text).toString('hex')}`
    const authorization = `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=${names}, ${signature}`
    return { url: target, headers: { ...headers, authorization } }
  }
}

// without a comparison of its own, `sort` makes a text of each pair
const byName = (fields: Headers): [string, string][] =>
  Object.entries(fields).sort(([one], [other]) => (one < other ? -1 : 1))

const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()
