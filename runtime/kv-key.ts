/** What a KV key may look like: the rule of NATS KV (ADR-8), enforced by every implementation so that none is more lenient in a test. */
export function assertKvKey(key: string): void {
  if (!/^[-/_=.a-zA-Z0-9]+$/.test(key) || key.startsWith('.') || key.endsWith('.')) throw new Error(`invalid KV key ${JSON.stringify(key)}`)
}
