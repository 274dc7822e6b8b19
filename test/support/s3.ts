/** An S3 server in this process (no authentication: `swift.ts` is the strict one), with a bucket and stores over it. */
import { startFauxqs } from 'fauxqs'
import { S3ObjectStore, type S3StoreOptions } from '../../storage/object-store-s3.ts'
import { parseObjectStoreUrl, type S3Location } from '../../storage/object-store-url.ts'

export interface TestS3 {
  /** For `SKALD_OBJECT_STORE_URL`. */
  readonly url: string
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
  open(options?: Partial<S3StoreOptions>): S3ObjectStore
  stop(): Promise<void>
}

export async function startS3(bucket = 'skald', host = '127.0.0.1'): Promise<TestS3> {
  const server = await startFauxqs({ port: 0, host, logger: false })
  server.createBucket(bucket)
  const url = `s3://${bucket}/logs?endpoint=http://${host}:${server.port}&region=eu-west-1&path_style=true`
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  return {
    url,
    credentials,
    open: (options) => new S3ObjectStore({ location: s3LocationOf(url), credentials, ...options }),
    stop: () => server.stop(),
  }
}

export function s3LocationOf(url: string): S3Location {
  const location = parseObjectStoreUrl(url)
  if (location.kind !== 's3') throw new Error(`${url} is not an S3 location`)
  return location.s3
}
