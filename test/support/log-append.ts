/** Puts a record into a node's log past everything that a node does: as one with a fault would, or a second time. */
import { SystemRandom } from '../../runtime/random-system.ts'
import { connectTransport } from '../../runtime/transport-nats.ts'
import { walSubject } from '../../storage/wal-jetstream-stream.ts'
import { query } from './node.ts'

const REQUEST_MS = 10_000

/** Returns its sequence. */
export async function appendToLog(url: string, record: Buffer): Promise<number> {
  // A node is ready while its partition starts; it answers when the log is there.
  await query(url, '{app="none"}')
  const { nats } = (await (await fetch(`${url}/status`)).json()) as { nats: { url: string } }
  const transport = await connectTransport({ servers: nats.url, name: 'test', random: new SystemRandom() })
  const { data } = await transport.request(walSubject(0), record, { timeoutMs: REQUEST_MS })
  await transport.close()
  return (JSON.parse(data.toString()) as { seq: number }).seq
}
