/** The S3 store against servers that misbehave on the wire, and what exactly it sends. */
import { createHash } from 'node:crypto'
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { S3ObjectStore } from '../../storage/object-store-s3.ts'
import { bytes } from '../conformance/object-store.ts'
import { s3LocationOf, startS3 } from '../support/s3.ts'

interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

describe('S3 store', () => {
  let server: Server
  let store: S3ObjectStore
  let open: (requestMs: number) => S3ObjectStore
  let answer: (request: Seen, response: ServerResponse) => void
  const seen: Seen[] = []

  beforeEach(async () => {
    seen.length = 0
    server = createServer((request, response) => {
      const parts: Buffer[] = []
      request.on('data', (part: Buffer) => parts.push(part))
      request.on('end', () => {
        const one = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body: Buffer.concat(parts) }
        seen.push(one)
        answer(one, response)
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const location = s3LocationOf(`s3://logs/some/prefix?endpoint=http://127.0.0.1:${port}&region=us-east-1`)
    open = (requestMs) => new S3ObjectStore({ location, credentials: { accessKeyId: 'key', secretAccessKey: 'secret' }, requestMs, multipartFromBytes: 10_000_000 })
    store = open(30_000)
  })
  afterEach(async () => {
    await store.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })

  const xmlError = (status: number, code: string) => (_: Seen, response: ServerResponse): void =>
    void response.writeHead(status, { 'content-type': 'application/xml' }).end(`<Error><Code>${code}</Code><Message>told so</Message></Error>`)
  const md5 = (body: Buffer): string => createHash('md5').update(body).digest('base64')

  it('sends what every S3-compatible store accepts: path style, Content-MD5, no newer checksums or chunked signatures', async () => {
    answer = (_, response) => void response.end()
    await store.put('a/b.seg', bytes(1000))
    expect(seen[0]).toMatchObject({ method: 'PUT', url: expect.stringMatching(/^\/logs\/some\/prefix\/a\/b\.seg/) as string, body: bytes(1000) })
    expect(seen[0]?.headers['content-md5']).toBe(md5(bytes(1000)))
    expect(seen[0]?.headers['content-length']).toBe('1000')
    expect(Object.keys(seen[0]?.headers ?? {}).filter((name) => /checksum|trailer|content-encoding/.test(name))).toEqual([])
    expect(seen[0]?.headers.authorization).toMatch(/^AWS4-HMAC-SHA256 .*SignedHeaders=[^,]*content-md5/)
  })

  it('deletes in one request, with the Content-MD5 that older servers insist on', async () => {
    answer = (_, response) => void response.setHeader('content-type', 'application/xml').end('<DeleteResult/>')
    await store.delete(['a/1', 'a/2'])
    expect(seen).toHaveLength(1)
    expect(seen[0]?.headers['content-md5']).toBe(md5(seen[0]!.body))
    expect(seen[0]?.body.toString()).toContain('<Key>some/prefix/a/2</Key>')
  })

  it('tells a delete that was refused for one key', async () => {
    const failed = '<DeleteResult><Error><Key>some/prefix/a/1</Key><Code>InternalError</Code><Message>later</Message></Error></DeleteResult>'
    answer = (_, response) => void response.setHeader('content-type', 'application/xml').end(failed)
    await expect(store.delete(['a/1'])).rejects.toMatchObject({ code: 'storage_unavailable', retryable: true })
  })

  it('knows what may pass from what will not', async () => {
    const cases: ReadonlyArray<readonly [number, string, string, boolean]> = [
      [503, 'SlowDown', 'storage_unavailable', true],
      [500, 'InternalError', 'storage_unavailable', true],
      [429, 'TooManyRequests', 'storage_unavailable', true],
      [403, 'RequestTimeTooSkewed', 'storage_unavailable', true],
      [403, 'AccessDenied', 'storage_unavailable', false],
      [404, 'NoSuchBucket', 'storage_unavailable', false],
      [404, 'NoSuchKey', 'not_found', false],
      [416, 'InvalidRange', 'storage_corrupt', false],
    ]
    for (const [status, name, code, retryable] of cases) {
      answer = xmlError(status, name)
      await expect(store.getRange('a/b', 0, 10), name).rejects.toMatchObject({ code, retryable })
    }
  })

  it('names the status of an answer that is not S3 at all, such as a proxy gives to a body that is too large for it', async () => {
    answer = (_, response) => void response.writeHead(413, { 'content-type': 'text/plain' }).end('too large')
    await expect(store.put('a/b', bytes(10))).rejects.toMatchObject({ code: 'storage_unavailable', retryable: false, message: expect.stringContaining('HTTP 413') as string })
  })

  it('stores segments of any size, however little the server takes in one request (this one 10 MiB)', async () => {
    const s3 = await startS3()
    const whole = s3.open()
    try {
      const body = bytes(20_000_000)
      await whole.put('segments/large', body)
      expect(body.subarray(8_000_000, 17_000_000).equals(await whole.getRange('segments/large', 8_000_000, 9_000_000))).toBe(true)
      expect((await whole.head('segments/large')).sizeBytes).toBe(body.length)
    } finally {
      await whole.close()
      await s3.stop()
    }
  })

  it('makes one try a call: trying again is decided elsewhere', async () => {
    answer = xmlError(503, 'SlowDown')
    await store.put('a/b', bytes(10)).catch(() => undefined)
    expect(seen).toHaveLength(1)
  })

  it('gives up on a server that does not answer', async () => {
    answer = () => undefined
    const hasty = open(300)
    await expect(hasty.getRange('a/b', 0, 10)).rejects.toMatchObject({ code: 'storage_unavailable', retryable: true })
    await expect(hasty.put('a/b', bytes(10))).rejects.toMatchObject({ code: 'storage_unavailable', retryable: true })
    await hasty.close()
  })

  it('notices an answer that ends early', async () => {
    answer = (_, response) => {
      response.writeHead(206, { 'content-length': '100', 'content-range': 'bytes 0-99/1000' })
      response.write(bytes(40), () => response.destroy())
    }
    await expect(store.getRange('a/b', 0, 100)).rejects.toMatchObject({ retryable: true })
  })

  it('refuses an answer of another length than asked for, and does not read a whole object by accident', async () => {
    answer = (_, response) => void response.writeHead(200, { 'content-length': '5000' }).end(bytes(5000))
    await expect(store.getRange('a/b', 10, 100)).rejects.toMatchObject({ code: 'storage_corrupt' })
    await expect(store.getRange('a/b', -100, 100)).rejects.toThrow()
    answer = (_, response) => void response.writeHead(206, { 'content-length': '50' }).end(bytes(50))
    await expect(store.getRange('a/b', 10, 100)).rejects.toMatchObject({ code: 'storage_corrupt', retryable: true })
  })

  it('says storage_unavailable when nobody is there, and cancels at once when told', async () => {
    answer = () => undefined
    const stop = new AbortController()
    const read = store.getRange('a/b', 0, 10, stop.signal)
    stop.abort()
    await expect(read).rejects.toMatchObject({ code: 'query_cancelled' })
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    await expect(store.head('a/b')).rejects.toMatchObject({ code: 'storage_unavailable', retryable: true })
  })

  it('aborts the upload when a part fails, so that its parts cost nothing', async () => {
    answer = (request, response) => {
      response.setHeader('content-type', 'application/xml')
      if (request.method === 'POST' && request.url.includes('uploads')) response.end('<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>')
      else if (request.method === 'PUT' && request.url.includes('partNumber=2')) xmlError(503, 'SlowDown')(request, response)
      else response.setHeader('etag', '"e"').end()
    }
    await expect(store.put('a/large', Buffer.alloc(40_000_000))).rejects.toMatchObject({ code: 'storage_unavailable' })
    expect(seen.at(-1)).toMatchObject({ method: 'DELETE', url: expect.stringContaining('uploadId=u1') as string })
    expect(seen.some((request) => request.method === 'POST' && request.url.includes('uploadId'))).toBe(false)
  })
})
