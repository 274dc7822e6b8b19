/**
 * What becomes of an OTLP attribute under a tenant's `otlp_config`: an index label, structured metadata, or nothing. First rule wins.
 */
import { compileRegex } from '../logql/regex.ts'
import type { Limits } from '../limits.ts'

export type AttributeAction = 'index_label' | 'structured_metadata' | 'drop'

/** Resource attributes that are labels unless the tenant ignores the defaults (Loki's list). */
const DEFAULT_LABEL_ATTRIBUTES: ReadonlyArray<string> = [
  'service.name', 'service.namespace', 'service.instance.id', 'deployment.environment', 'deployment.environment.name', 'cloud.region', 'cloud.availability_zone',
  'k8s.cluster.name', 'k8s.namespace.name', 'k8s.pod.name', 'k8s.container.name', 'container.name', 'k8s.replicaset.name', 'k8s.deployment.name',
  'k8s.statefulset.name', 'k8s.daemonset.name', 'k8s.cronjob.name', 'k8s.job.name',
]

interface Rule {
  readonly action: AttributeAction
  readonly attributes: ReadonlyArray<string>
  readonly regex: string
}

/** Decisions for one kind of attributes, remembered by name. */
class Actions {
  readonly #rules: ReadonlyArray<{ readonly action: AttributeAction; readonly matches: (name: string) => boolean }>
  readonly #known = new Map<string, AttributeAction>()

  constructor(rules: ReadonlyArray<Rule>) {
    this.#rules = rules.map(({ action, attributes, regex }) => {
      const names = new Set(attributes)
      const pattern = regex === '' ? null : compileRegex(regex)
      return { action, matches: (name) => names.has(name) || (pattern?.fullMatch(name) ?? false) }
    })
  }

  of(name: string): AttributeAction {
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const action = this.#rules.find((rule) => rule.matches(name))?.action ?? 'structured_metadata'
    if (this.#known.size >= KNOWN_MAX) this.#known.clear()
    this.#known.set(name, action)
    return action
  }
}

const KNOWN_MAX = 10_000

export class OtlpPolicy {
  readonly resource: Actions
  readonly scope: Actions
  readonly record: Actions
  readonly severityTextAsLabel: boolean

  constructor({ otlp_config: config }: Limits) {
    const defaults: Rule = { action: 'index_label', attributes: DEFAULT_LABEL_ATTRIBUTES, regex: '' }
    const own = config.resource_attributes.attributes_config
    this.resource = new Actions(config.resource_attributes.ignore_defaults ? own : [defaults, ...own])
    this.scope = new Actions(config.scope_attributes)
    this.record = new Actions(config.log_attributes)
    this.severityTextAsLabel = config.severity_text_as_label
  }
}

const policies = new WeakMap<Limits, OtlpPolicy>()

/** The policy of these limits, made once for as long as they live. */
export function otlpPolicyOf(limits: Limits): OtlpPolicy {
  const policy = policies.get(limits) ?? new OtlpPolicy(limits)
  policies.set(limits, policy)
  return policy
}
