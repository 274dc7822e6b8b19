import { expect, it } from 'vitest'
import { withoutLogin } from '../../runtime/url-logins.ts'

it.each([
  ['nats://u:p/x@a:1,nats://token@b,nats://c', 'nats://***@a:1,nats://***@b,nats://c'],
  ['s3://logs/prod?endpoint=http://user:se/cret@store:9000', 's3://***@store:9000'],
  ['s3://logs/prod?endpoint=http://store:9000', 's3://logs/prod?endpoint=http://store:9000'],
  ['["nats://u:p@a","nats://b"]', '["nats://***@a","nats://b"]'],
])('shows %s without its logins', (text, shown) => {
  expect(withoutLogin(text)).toBe(shown)
})
