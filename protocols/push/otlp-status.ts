/** The body of a refused OTLP push: a protobuf `google.rpc.Status` that has nothing but its message (field 2), as Loki sends it. */
import { ByteSink } from './encode-protobuf.ts'

export function encodeRpcStatus(message: string): Buffer {
  const bytes = Buffer.from(message)
  const sink = new ByteSink(bytes.length + 8)
  sink.field(0x12, bytes, 0, bytes.length)
  return sink.view()
}
