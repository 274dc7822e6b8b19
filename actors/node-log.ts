/** Puts what a node's parts report into its log: one place for the words. */
import type { ActorEvent } from '../runtime/actor-host.ts'
import type { Logger } from '../runtime/log.ts'
import type { NatsServerEvent } from '../runtime/nats-server.ts'

export function logNatsEvent(log: Logger, event: NatsServerEvent): void {
  switch (event.kind) {
    case 'fetching':
      return log.info('nats-server is not installed: fetching it once', { from: event.from })
    case 'orphans-ended':
      return log.warn('ended nats-servers that an earlier node left behind', { pids: event.pids.join(',') })
    case 'started':
      return log.info('nats-server started', { port: event.port, version: event.version, pid: event.pid })
    case 'died':
      return log.error('nats-server died', { reason: event.reason, retry_in_ms: event.retryInMs })
    case 'start-failed':
      return log.error('nats-server did not start', { reason: event.reason, retry_in_ms: event.retryInMs })
  }
}

export function logActorEvent(log: Logger, event: ActorEvent): void {
  const { kind, ...fields } = event
  if (kind === 'crashed') log.error('actor crashed', fields)
  else log.debug(`actor ${kind}`, fields)
}
