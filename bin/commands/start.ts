/** `skald start`: loads the configuration, starts a node, and stops it in order at the first SIGTERM or SIGINT; a second one ends it at once. */
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { startNode } from '../../actors/root.ts'
import { type Command, type CommandIo, EXIT_OK } from '../command.ts'
import { readConfig } from '../config-file.ts'

const SIGNALS = ['SIGTERM', 'SIGINT'] as const
const EXIT_INTERRUPTED = 130

export const start: Command = {
  usage: `usage: skald start [--config FILE]

  --config FILE   YAML configuration (default: SKALD_CONFIG, or ./skald.yaml if it is there); docs/configuration.md lists the keys
                  and the environment variable of each, for example SKALD_HTTP_PORT.`,

  async run(args, io) {
    const { values } = parseArgs({ args: [...args], options: { config: { type: 'string' } } })
    const { config, warnings } = readConfig(values.config, io.environment)
    for (const warning of warnings) io.stderr.write(`skald: warning: ${warning}\n`)
    const asked = new AbortController()
    const stopping = AbortSignal.any([stopSignal(io), asked.signal])
    const node = await startNode(config, { terminate: () => asked.abort(), signal: stopping }).catch(nullIf(stopping))
    if (node === null) {
      io.stderr.write('skald: stopped before it was ready\n')
      return EXIT_OK
    }
    io.stderr.write(`skald: ready at ${node.url}\n`)
    if (!stopping.aborted) await once(stopping, 'abort')
    io.stderr.write('skald: stopping\n')
    await node.stop()
    return EXIT_OK
  },
}

/** Ended while it waited to start, as it was asked to. */
function nullIf(stopping: AbortSignal): (error: unknown) => null {
  return (error) => {
    if (!stopping.aborted) throw error
    return null
  }
}

function stopSignal(io: CommandIo): AbortSignal {
  const stop = new AbortController()
  for (const name of SIGNALS) {
    process.on(name, () => {
      if (stop.signal.aborted) process.exit(EXIT_INTERRUPTED)
      stop.abort()
    })
  }
  return io.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, io.signal])
}
