/** The object-store suite over OpenStack Swift's S3 interface, signatures enforced: `npm run test:s3`. Skips where Swift cannot be fetched. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { s3LocationOf } from '../support/s3.ts'
import { type TestSwift, fetchSwift, startSwift } from '../support/swift.ts'
import { all, objectStoreConformance } from './object-store.ts'

const MIB = 1024 * 1024

// It downloads some 70 MB at its first run: on a user's machine only when it is asked for; in CI always, for as long as that takes little time.
const isAskedFor = process.env['npm_lifecycle_event'] === 'test:s3' || process.env['SKALD_TEST_SWIFT'] === '1'
const isCi = process.env['CI'] === 'true'
const FETCH_MS_IN_CI = 60_000
const swift = isAskedFor ? await fetchSwift() : isCi ? await fetchSwift(FETCH_MS_IN_CI) : { reason: 'runs with npm run test:s3, and where CI=true' }

if ('reason' in swift) {
  describe('object store: S3 (Swift)', () => it.skip(swift.reason))
} else {
  let server: TestSwift
  beforeAll(async () => {
    server = await startSwift(swift.root)
  })
  afterAll(() => server.stop())

  objectStoreConformance(
    'S3 (Swift)',
    async () => ({ store: server.open({ multipartFromBytes: 6 * MIB, partBytes: 5 * MIB, pageKeys: 30 }), close: async () => undefined }),
    { largeBytes: 13 * MIB + 1, manyKeys: 100 },
  )

  describe('S3 credentials (Swift)', () => {
    it('are checked: a wrong secret is refused, and not worth another try', async () => {
      const store = server.open({ credentials: { accessKeyId: server.credentials.accessKeyId, secretAccessKey: 'wrong' } })
      await expect(store.put('a/b', Buffer.from('x'))).rejects.toMatchObject({ code: 'storage_unavailable', retryable: false })
      await expect(all(store.list(''))).rejects.toMatchObject({ code: 'storage_unavailable', retryable: false })
    })

    it('and the bucket: a missing one is not worth another try either', async () => {
      const store = server.open({ location: s3LocationOf(server.url.replace('skald-test', 'no-such-bucket')) })
      await expect(store.put('a/b', Buffer.from('x'))).rejects.toMatchObject({ code: 'storage_unavailable', retryable: false })
    })
  })
}
