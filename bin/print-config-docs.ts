/** Rewrites docs/configuration.md from the schema: `node bin/print-config-docs.ts`. A test fails when the page is not current. */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { CONFIG_SCHEMA } from '../actors/config.ts'
import { renderConfigDocs } from '../runtime/config-docs.ts'

const INTRODUCTION = `# Configuration

One YAML file (\`skald start --config skald.yaml\`, or \`SKALD_CONFIG\`), every key of which the environment can override. Built-in defaults come first,
then the file, then the environment. \`skald config check\` says what is wrong and prints what would be used; unknown keys are errors, unknown
variables warnings (Kubernetes sets some of its own); both name the nearest known one.

Durations are written as \`500ms\`, \`10s\`, \`1h30m\`, \`7d\`; sizes as \`1048576\`, \`256KB\`, \`1GB\` (powers of 1024). Lists in the environment are
separated by commas, structures are JSON.

Limits stand under \`limits_config\` with Loki's names and defaults, so an operator's file carries over; \`overrides\` holds those of single tenants.

This page is made from the schema in \`actors/config.ts\` and \`protocols/limits/\` by \`node bin/print-config-docs.ts\`.

`

writeFileSync(path.resolve(import.meta.dirname, '../docs/configuration.md'), INTRODUCTION + renderConfigDocs(CONFIG_SCHEMA))
