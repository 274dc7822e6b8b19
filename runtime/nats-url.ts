/**
 * Reads NATS addresses as people write them: `nats://host:4222`, `nats://user:password@host`, `nats://token@host`, `tls://host`. The client takes only host and port from a
 * URL and would drop the rest without a word. Pure; used by `transport-nats.ts`.
 */
import { SkaldError } from './errors.ts'
import { withoutLogin } from './url-logins.ts'

export interface NatsAddress {
  /** `host:port`, for the client. */
  readonly servers: ReadonlyArray<string>
  /** From the first address that has them; the servers of a cluster share their users. */
  readonly login: { readonly user: string; readonly pass: string } | { readonly token: string } | undefined
  /** An address says `tls:`: no connection without. Otherwise the server decides. */
  readonly mustEncrypt: boolean
}

const PORT_DEFAULT = 4222
const SCHEMES: ReadonlySet<string> = new Set(['nats:', 'tls:'])

/** Throws SkaldError `setup` for what is no address of a NATS server. */
export function parseNatsUrls(texts: ReadonlyArray<string>): NatsAddress {
  const urls = texts.map((text) => text.trim()).filter((text) => text !== '').map(parseUrl)
  const withLogin = urls.find(({ username }) => username !== '')
  return {
    servers: urls.map(({ hostname, port }) => `${hostname}:${port === '' ? PORT_DEFAULT : port}`),
    login: withLogin === undefined ? undefined : loginOf(withLogin),
    mustEncrypt: urls.some(({ protocol }) => protocol === 'tls:'),
  }
}

function parseUrl(text: string): URL {
  const url = URL.parse(text.includes('://') ? text : `nats://${text}`)
  if (url === null || !SCHEMES.has(url.protocol) || url.hostname === '') throw new SkaldError('setup', `nats.url: "${withoutLogin(text)}" is no address of a NATS server; nats://host:port or tls://host:port expected`)
  return url
}

function loginOf({ username, password }: URL): NatsAddress['login'] {
  const user = decodeURIComponent(username)
  return password === '' ? { token: user } : { user, pass: decodeURIComponent(password) }
}
