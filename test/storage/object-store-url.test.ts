import { describe, expect, it } from 'vitest'
import { parseObjectStoreUrl } from '../../storage/object-store-url.ts'

describe('object store URLs', () => {
  it('reads directories', () => {
    expect(parseObjectStoreUrl('file:///var/lib/skald')).toEqual({ kind: 'fs', directory: '/var/lib/skald' })
    expect(parseObjectStoreUrl('file:/var/lib/skald')).toEqual({ kind: 'fs', directory: '/var/lib/skald' })
    expect(parseObjectStoreUrl('file:data/objects')).toEqual({ kind: 'fs', directory: 'data/objects' })
    expect(parseObjectStoreUrl('./data/objects')).toEqual({ kind: 'fs', directory: './data/objects' })
    expect(parseObjectStoreUrl('memory:')).toEqual({ kind: 'memory' })
  })

  it('reads buckets, with and without an endpoint', () => {
    expect(parseObjectStoreUrl('s3://logs')).toEqual({ kind: 's3', s3: { bucket: 'logs', prefix: '', region: undefined, endpoint: undefined, pathStyle: false } })
    expect(parseObjectStoreUrl('s3://logs/a/b/?region=eu-west-1')).toMatchObject({ s3: { prefix: 'a/b', region: 'eu-west-1', pathStyle: false } })
    expect(parseObjectStoreUrl('s3://logs/a?endpoint=http://127.0.0.1:9000')).toMatchObject({
      s3: { prefix: 'a', region: 'us-east-1', endpoint: 'http://127.0.0.1:9000', pathStyle: true },
    })
    expect(parseObjectStoreUrl('s3://logs?endpoint=https://s3.example&path_style=false')).toMatchObject({ s3: { pathStyle: false } })
  })

  it('says what is wrong', () => {
    const cases: ReadonlyArray<readonly [string, string]> = [
      ['', 'expected file:, s3: or a directory'],
      ['gs://bucket', 'expected file:, s3: or a directory'],
      ['file:', 'no directory'],
      ['s3://', 'not a bucket name'],
      ['s3://b', 'not a bucket name'],
      ['s3://logs?endpiont=http://x', 'unknown setting endpiont; known are endpoint, region, path_style'],
      ['s3://logs?endpoint=nowhere', 'not a URL'],
      ['s3://logs?endpoint=localhost:9000', 'begins with http:// or https://'],
      ['s3://logs?path_style=maybe', 'path_style is true or false'],
      ['s3://logs/a//b', 'not an object key'],
    ]
    for (const [url, message] of cases) expect(() => parseObjectStoreUrl(url), url).toThrow(message)
  })

  it('does not repeat credentials that somebody put into it', () => {
    expect(() => parseObjectStoreUrl('s3://AKIA:hunter2@logs')).toThrow(/AWS_ACCESS_KEY_ID/)
    expect(() => parseObjectStoreUrl('s3://AKIA:hunter2@logs')).not.toThrow(/hunter2/)
  })
})
