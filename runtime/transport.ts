/**
 * The messaging port: subjects, request/reply, queue groups. Implementations: `transport-nats.ts` and `transport-memory.ts`, one conformance suite.
 * At most once; headers carry the trace context and the deadline. What must not be lost goes through the WAL instead.
 */

/** ASCII names; values on one line (line breaks are sent as blanks). */
export type Headers = Readonly<Record<string, string>>

export interface Message {
  readonly subject: string
  readonly data: Buffer
  readonly headers: Headers
  /** No-op when the sender did not ask for an answer. */
  respond(data: Uint8Array, headers?: Headers): void
}

export interface Subscription {
  /** Stops taking new messages; resolves when handlers that began have returned. */
  close(): Promise<void>
}

export interface SubscribeOptions {
  /** Members of a queue group share the messages. */
  readonly queue?: string
}

export type TransportStatus = 'connected' | 'disconnected' | 'closed'

export interface Transport {
  publish(subject: string, data: Uint8Array, headers?: Headers): void
  /** Rejects with SkaldError: `not_found` when nobody listens, `internal` when the connection is lost, `query_timeout` at the deadline. */
  request(subject: string, data: Uint8Array, options: { readonly timeoutMs: number; readonly headers?: Headers; readonly signal?: AbortSignal }): Promise<Message>
  subscribe(subject: string, handle: (message: Message) => void, options?: SubscribeOptions): Subscription
  status(): TransportStatus
  onStatus(listen: (status: TransportStatus) => void): () => void
  /** Largest message the server takes. */
  maxPayloadBytes(): number
  close(): Promise<void>
}
