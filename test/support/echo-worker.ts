/** A worker thread that does what a test tells it. */
import { threadId } from 'node:worker_threads'
import { SkaldError, type ErrorCode } from '../../runtime/errors.ts'
import { serveTasks } from '../../runtime/worker-host.ts'

interface Order {
  readonly echo?: unknown
  readonly fail?: ErrorCode | null
  readonly thread?: boolean
  readonly exhaust?: boolean
  readonly untilCancelled?: boolean
}

serveTasks((task, signal) => {
  const order = task as Order
  if (order.fail !== undefined) throw order.fail === null ? new Error('told to fail') : new SkaldError(order.fail, 'told to fail')
  if (order.thread) return { value: threadId }
  if (order.exhaust) {
    const held: string[][] = []
    for (;;) held.push(Array.from({ length: 10_000 }, (_, i) => `${i}`.repeat(10)))
  }
  while (order.untilCancelled) signal.check()
  return { value: order.echo }
})
