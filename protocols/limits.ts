/**
 * A tenant's limits: the record that validation, rate limiting, queries, retention and rules read. Names and defaults are Loki's `limits_config`, so an
 * operator's file carries over. Pure; loading is `actors/config.ts`. Durations are milliseconds and sizes bytes here.
 */
import { type ConfigOf, type Group, FormError, defaultsOf, isSetting, mapOf, refuse } from '../runtime/config-schema.ts'
import { INGEST_LIMITS } from './limits/ingest.ts'
import { QUERY_LIMITS } from './limits/query.ts'
import { STORE_LIMITS } from './limits/store.ts'

/** The schema of `limits_config`. */
export const LIMITS = { ...INGEST_LIMITS, ...QUERY_LIMITS, ...STORE_LIMITS }

export type Limits = ConfigOf<typeof LIMITS>

export const LIMIT_DEFAULTS: Limits = defaultsOf(LIMITS)

/** What `overrides:` holds for a tenant: any of the limits, nested as in the file. */
export interface LimitOverrides {
  readonly [key: string]: unknown
}

/** Checks the limits of one tenant; throws `FormError` naming the key. Only what is given is in the result. */
export function parseLimitOverrides(value: unknown): LimitOverrides {
  return parsePartial(LIMITS, value)
}

export const parseOverrides = mapOf((value, tenant) => {
  try {
    return parseLimitOverrides(value)
  } catch (error) {
    throw new FormError(`tenant ${tenant}: ${error instanceof Error ? error.message : 'wrong form'}`)
  }
})

/** Dotted names of a tenant's limits that are accepted and that nothing acts on. */
export function inertLimitsOf(own: LimitOverrides, group: Group = LIMITS, prefix = ''): string[] {
  return Object.entries(own).flatMap(([key, value]) => {
    const item = group[key]!
    if (!isSetting(item)) return inertLimitsOf(value as LimitOverrides, item, `${prefix}${key}.`)
    return item.acts ? [] : [prefix + key]
  })
}

/** The limits of one tenant: the node's, with the tenant's own on top. */
export function limitsWith(base: Limits, overrides: LimitOverrides | undefined): Limits {
  return overrides === undefined ? base : (merge(base, overrides) as Limits)
}

/** Limits per tenant, merged once. */
export class TenantLimits {
  readonly #base: Limits
  readonly #merged = new Map<string, Limits>()

  constructor(base: Limits, overrides: Readonly<Record<string, LimitOverrides>>) {
    this.#base = base
    for (const [tenant, own] of Object.entries(overrides)) this.#merged.set(tenant, limitsWith(base, own))
  }

  of(tenant: string): Limits {
    return this.#merged.get(tenant) ?? this.#base
  }
}

function parsePartial(group: Group, value: unknown): LimitOverrides {
  if (value === null) return {}
  if (typeof value !== 'object' || Array.isArray(value)) return refuse()
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, parseOne(group, key, item)]))
}

function parseOne(group: Group, key: string, value: unknown): unknown {
  const item = Object.hasOwn(group, key) ? group[key] : undefined
  if (item === undefined) throw new FormError(`unknown limit ${key}`)
  if (!isSetting(item)) return parsePartial(item, value)
  try {
    return item.parse(value)
  } catch (error) {
    throw new FormError(`${key} is ${JSON.stringify(value)}, expected ${item.expected}`, { cause: error })
  }
}

function merge(base: unknown, over: unknown): unknown {
  if (!isPlain(base) || !isPlain(over)) return over
  return Object.fromEntries(Object.keys({ ...base, ...over }).map((key) => [key, key in over ? merge(base[key], over[key]) : base[key]]))
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
