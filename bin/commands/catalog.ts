/** `skald catalog rebuild`: makes a lost catalog anew from the footers of the bucket's segments (F4). */
import { parseArgs } from 'node:util'
import { rebuildCatalogOf } from '../../actors/flush/catalog-recovery.ts'
import type { RebuildReport } from '../../storage/catalog-rebuild.ts'
import { type Command, EXIT_FAILED, EXIT_OK, UsageError } from '../command.ts'
import { readConfig } from '../config-file.ts'

const PROGRESS_EVERY = 100

export const catalog: Command = {
  usage: `usage: skald catalog rebuild [--config FILE] [--replace]

  --config FILE   the configuration of the nodes: object store and NATS are taken from it
  --replace       also the catalogs of partitions that have one; without it those are left alone

Objects are only read. A node that starts without any catalog does the same by itself; this command is for what is lost in part, or damaged.
With an embedded nats-server the node must be stopped first. Exit code 1: some objects could not be read, and their lines are missing.`,

  async run(args, io) {
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options: { config: { type: 'string' }, replace: { type: 'boolean' } } })
    if (positionals.length !== 1 || positionals[0] !== 'rebuild') throw new UsageError('catalog has one form: catalog rebuild')
    const { config } = readConfig(values.config, io.environment)
    const onProgress = (count: number): void => {
      if (count % PROGRESS_EVERY === 0) io.stderr.write(`skald: ${count} objects read\n`)
    }
    const report = await rebuildCatalogOf(config, { replace: values.replace === true, onProgress })
    io.stdout.write(render(report))
    return report.unreadable.length === 0 ? EXIT_OK : EXIT_FAILED
  },
}

function render({ partitions, dropped, unreadable }: RebuildReport): string {
  const lines = [
    ...partitions.map((p) =>
      p.outcome === 'existing'
        ? `partition ${p.partition}: has a catalog, left alone (--replace makes it anew)`
        : `partition ${p.partition}: ${p.segmentCount} segments, ${p.rowCount} lines, stored through ${p.checkpoint}`,
    ),
    ...dropped.map((key) => `left out, a repeat of others: ${key}`),
    ...unreadable.map(({ key, reason }) => `cannot be read: ${key}: ${reason}`),
  ]
  return lines.length === 0 ? 'no segments in the bucket\n' : `${lines.join('\n')}\n`
}
