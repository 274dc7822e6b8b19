/** Whether a request over NATS got no answer, as the client says it in several ways. Used by KV and by the JetStream WAL. */
import { errors } from '@nats-io/transport-node'

/** The server took it, as far as is known, and said nothing. */
export function isUnanswered(error: unknown): boolean {
  return error instanceof errors.TimeoutError || (error instanceof errors.RequestError && error.cause instanceof errors.TimeoutError)
}
