/**
 * A watch on a JetStream KV bucket by asking again and again: the stand-in for `nats-kv-watch.ts` while no consumer can be made, because the leader who would make it is being elected.
 * Any copy of the bucket answers (batched direct gets, server 2.11 and newer), so it may be a moment behind. After some seconds it reports itself lost, and the next opening is a
 * consumer again.
 */
import type { JetStreamManager, StoredMsg } from '@nats-io/jetstream'
import type { Timer } from './clock.ts'
import type { OpenWatch, WatchSink } from './kv-watch.ts'
import { isDeletion, type KvSource } from './nats-kv-watch.ts'

const POLL_MS = 300
const POLLS_MAX = 10
const ANSWER_MS = 1_000

/** Rejects when no copy answers. */
export async function openKvPoll(source: KvSource, manager: JetStreamManager, sink: WatchSink): Promise<OpenWatch> {
  let timer: Timer | undefined
  let isClosed = false
  const poll = async (pollsLeft: number): Promise<void> => {
    const messages = await lastOfEach(source, manager)
    if (isClosed) return
    for (const message of messages) take(source, message, sink)
    sink.current()
    timer = source.clock.after(POLL_MS, () => (pollsLeft === 0 ? sink.lost() : void poll(pollsLeft - 1).catch(() => (isClosed ? undefined : sink.lost()))))
  }
  await poll(POLLS_MAX)
  return {
    close: () => {
      isClosed = true
      timer?.cancel()
    },
  }
}

function take({ bucket, prefix }: KvSource, message: StoredMsg, sink: WatchSink): void {
  const key = message.subject.slice(`$KV.${bucket}.`.length)
  if (!key.startsWith(prefix)) return
  if (isDeletion(message.header)) return sink.delete(key, message.seq)
  const value = Buffer.from(message.data.buffer as ArrayBuffer, message.data.byteOffset, message.data.byteLength)
  sink.put({ key, value, revision: message.seq, createdMs: message.time.getTime() })
}

/** The client's own time-out lets a lost answer pass for the end of it. */
function lastOfEach({ bucket, filter, clock }: KvSource, manager: JetStreamManager): Promise<StoredMsg[]> {
  return new Promise((resolve, reject) => {
    const messages: StoredMsg[] = []
    const late = clock.after(ANSWER_MS, () => reject(new Error(`no copy of bucket ${bucket} answers`)))
    const read = async (): Promise<void> => {
      for await (const message of await manager.direct.getLastMessagesFor(`KV_${bucket}`, { multi_last: [`$KV.${bucket}.${filter}`] })) messages.push(message)
    }
    read().then(
      () => resolve(messages),
      (error: unknown) => reject(error),
    ).finally(() => late.cancel())
  })
}
