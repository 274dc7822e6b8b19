/**
 * Which tenant a request is for: `X-Scope-OrgID` read as Loki reads it. Used by the HTTP and NATS gateways.
 * Source: Loki 3.7's documented rules for tenant ids, and its recorded answers.
 */
import { SkaldError } from '../runtime/errors.ts'
import type { TenantId } from './model.ts'

const TENANT_BYTES_MAX = 150
const ALLOWED = /^[a-zA-Z0-9!\-_.*'()]$/

/** `header` undefined or '' means that none was sent; `defaultTenant` '' that one is required. Throws `no_tenant`, `invalid_tenant`. */
export function tenantOf(header: string | undefined, defaultTenant: string): TenantId {
  const given = header === undefined || header === '' ? defaultTenant : header
  if (given === '') throw new SkaldError('no_tenant', 'no org id')
  if (given.includes('|')) throw new SkaldError('invalid_tenant', 'multiple org IDs present')
  // Text after a colon is a sub-tenant, which Loki ignores.
  const colon = given.indexOf(':')
  return checkTenantId(colon === -1 ? given : given.slice(0, colon))
}

function checkTenantId(id: string): TenantId {
  for (const character of id) {
    if (!ALLOWED.test(character)) throw new SkaldError('invalid_tenant', `tenant ID '${id}' contains unsupported character '${character}'`)
  }
  if (id.length > TENANT_BYTES_MAX) throw new SkaldError('invalid_tenant', `tenant ID is too long: max ${TENANT_BYTES_MAX} characters`)
  if (id === '.' || id === '..') throw new SkaldError('invalid_tenant', "tenant ID is '.' or '..'")
  return id as TenantId
}
