/** Amazon S3 and what speaks like it. Requests are signed by `aws4fetch`, with the digest of each body. */
import type { AwsV4Signer } from 'aws4fetch'
import { BlobError } from '../errors.ts'
import type { BlobFacts, BlobSettings } from './blob-store.ts'
import { sha256Of } from './body.ts'
import { type Ask, BucketDriver, type Call, encoded, type Headers, prefixOf, searchOf } from './bucket.ts'
import { peer } from './peer.ts'
import { textOf } from './wire.ts'
import { eachIn, textIn } from './xml.ts'

/** `s3://bucket/prefix`. Credentials come from the options or the usual variables of the environment. */
export async function openS3(url: URL, settings: BlobSettings): Promise<BucketDriver> {
  const { AwsV4Signer: Signer } = await peer('aws4fetch', 's3:', () => import('aws4fetch'))
  const bucket = url.hostname
  const prefix = prefixOf(url.pathname)
  const { env } = process
  const region = settings.region ?? env['AWS_REGION'] ?? 'us-east-1'
  const accessKeyId = settings.accessKeyId ?? env['AWS_ACCESS_KEY_ID']
  const secretAccessKey = settings.secretAccessKey ?? env['AWS_SECRET_ACCESS_KEY']
  const sessionToken = settings.sessionToken ?? env['AWS_SESSION_TOKEN']
  if (bucket === '' || accessKeyId === undefined || secretAccessKey === undefined)
    throw new TypeError('openBlobStore: s3: needs a bucket, and "accessKeyId" and "secretAccessKey"')
  const endpoint = settings.endpoint ?? env['AWS_ENDPOINT_URL_S3'] ?? env['AWS_ENDPOINT_URL']
  const base = baseOf(bucket, region, endpoint, settings.pathStyle)
  const keys = new Map<string, ArrayBuffer>()
  const sign = async ({ method, key, query, headers, bytes, sha256 }: Call) => {
    const target = new URL(base + encoded(key ?? ''))
    target.search = searchOf(query)
    const signer: AwsV4Signer = new Signer({
      method,
      url: target.href,
      headers: { ...headers, 'x-amz-content-sha256': sha256 ?? sha256Of(bytes ?? '') },
      accessKeyId,
      secretAccessKey,
      ...(sessionToken !== undefined && { sessionToken }),
      service: 's3',
      region,
      // the key of each day
      cache: keys,
    })
    const signed = await signer.sign()
    return { url: signed.url, headers: Object.fromEntries(signed.headers) as Headers }
  }
  return new BucketDriver(
    {
      uri: `s3://${bucket}/${prefix}`.slice(0, -1),
      prefix,
      signed: sign,
      digestHeader: 'x-amz-meta-sha256',
      putHeaders: { 'content-type': 'application/octet-stream' },
      // another write of this key was going on: nothing was done, and it may be asked again
      meaning: (status) => (status === 409 ? 'busy' : undefined),
      putParts,
      listQuery: (begin, startAt, mark) => ({
        'list-type': '2',
        prefix: begin,
        ...(mark !== undefined && { 'continuation-token': mark }),
        // it begins after a key, and the front leaves out what comes too early
        ...(mark === undefined && startAt !== '' && { 'start-after': before(startAt) }),
      }),
      page,
    },
    settings,
  )
}

/** A key shortly before this one in the order of bytes, with nothing of ours between. */
const before = (key: string): string =>
  `${key.slice(0, -1)}${String.fromCharCode(key.charCodeAt(key.length - 1) - 1)}~`

function baseOf(
  bucket: string,
  region: string,
  endpoint: string | undefined,
  pathStyle: boolean | undefined,
): string {
  const base = new URL(endpoint ?? `https://s3.${region}.amazonaws.com`)
  if (!base.pathname.endsWith('/')) base.pathname += '/'
  if (pathStyle ?? endpoint !== undefined) base.pathname += `${bucket}/`
  else base.hostname = `${bucket}.${base.hostname}`
  return base.href
}

async function putParts(
  ask: Ask,
  key: string,
  parts: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const begun = await textOf(await ask({ method: 'POST', key, query: { uploads: '' }, signal }))
  const uploadId = textIn(begun, 'UploadId')
  if (uploadId === undefined) throw new BlobError('ERR_BLOB_REFUSED', `${key}: the server begins no upload`)
  try {
    const written: string[] = []
    for await (const bytes of parts) {
      const partNumber = String(written.length + 1)
      const answer = await ask({ method: 'PUT', key, query: { partNumber, uploadId }, bytes, signal })
      await answer.body.cancel()
      written.push(
        `<Part><PartNumber>${partNumber}</PartNumber><ETag>${answer.headers.etag ?? ''}</ETag></Part>`,
      )
    }
    const bytes = Buffer.from(`<CompleteMultipartUpload>${written.join('')}</CompleteMultipartUpload>`)
    const done = await textOf(
      await ask({ method: 'POST', key, query: { uploadId }, bytes, once: true, signal }),
    )
    const etag = textIn(done, 'ETag')
    // it may say 200 long before it fails
    if (etag === undefined) throw new BlobError('ERR_BLOB_UNREACHABLE', `${key}: ${done.slice(0, 200)}`)
    return etag
  } catch (error) {
    const aborted = ask({ method: 'DELETE', key, query: { uploadId } })
    await aborted.then(({ body }) => body.cancel()).catch(() => {})
    throw error
  }
}

function page(xml: string): { blobs: BlobFacts[]; mark: string | undefined } {
  const blobs = eachIn(xml, 'Contents').map((one) => ({
    key: textIn(one, 'Key') ?? '',
    size: Number(textIn(one, 'Size')),
    etag: textIn(one, 'ETag'),
    modified: Date.parse(textIn(one, 'LastModified') ?? ''),
  }))
  return {
    blobs,
    mark: textIn(xml, 'IsTruncated') === 'true' ? textIn(xml, 'NextContinuationToken') : undefined,
  }
}
