/** The headers of messages between actors of different nodes; part of the internal protocol `skald.v1.actor`. */
export const HEADER = {
  /** Milliseconds left of an ask; its presence makes a message an ask. */
  timeout: 'Skald-Timeout-Ms',
  /** `high`, or absent. */
  priority: 'Skald-Priority',
  /** Of an answer: the error's code; the body is its message. */
  error: 'Skald-Error',
  retryable: 'Skald-Retryable',
  /** A watch: the incarnation that is watched, or empty at first. */
  watch: 'Skald-Watch',
  /** How long a watch may be held open. */
  hold: 'Skald-Hold-Ms',
} as const
