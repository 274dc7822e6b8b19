/** Addresses of NATS servers as people write them. */
import { describe, expect, it } from 'vitest'
import { parseNatsUrls } from '../../runtime/nats-url.ts'

describe('addresses of NATS servers', () => {
  it.each([
    ['nats://a:1,nats://b', { servers: ['a:1', 'b:4222'], login: undefined, mustEncrypt: false }],
    ['a, 10.0.0.1:4223', { servers: ['a:4222', '10.0.0.1:4223'], login: undefined, mustEncrypt: false }],
    ['nats://[::1]:5', { servers: ['[::1]:5'], login: undefined, mustEncrypt: false }],
    ['nats://u:p%40s@a,nats://u:p%40s@b', { servers: ['a:4222', 'b:4222'], login: { user: 'u', pass: 'p@s' }, mustEncrypt: false }],
    ['nats://secret@a', { servers: ['a:4222'], login: { token: 'secret' }, mustEncrypt: false }],
    ['nats://a,tls://b:4443', { servers: ['a:4222', 'b:4443'], login: undefined, mustEncrypt: true }],
  ])('reads %s', (text, address) => {
    expect(parseNatsUrls(text.split(','))).toEqual(address)
  })

  it.each(['http://a', 'nats://', 'nats://u:secret@a:port'])('refuses %s, without its secrets', (text) => {
    expect(() => parseNatsUrls([text])).toThrow(/^nats\.url: "[^"]*" is no address of a NATS server/)
    expect(() => parseNatsUrls([text])).not.toThrow(/secret/)
  })
})
