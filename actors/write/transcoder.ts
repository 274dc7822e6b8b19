/**
 * Where pushes in other forms than Loki's protobuf are written as that: small ones where they arrive, large ones in a thread of their own, which starts with the first such push.
 * 4 MB of JSON would hold up the event loop for 40 ms, as much OTLP for longer. Used by the push gateway.
 */
import { WorkerPool } from '../../runtime/worker-pool.ts'
import { transcode, type Transcoding } from '../../protocols/push/transcode.ts'
import { ownBuffers } from '../segments/encoded-partial.ts'

export interface Transcoder {
  /** The push as a `PushRequest`. Its body may be gone afterwards. Rejects what decoding throws, `over_memory` when the thread died over it. */
  run(task: Transcoding): Promise<Buffer>
  close(): Promise<void>
}

/** Of a body: done within a few milliseconds. */
const INLINE_BYTES_MAX = 256 * 1024
/** Of a compressed one. */
const INLINE_COMPRESSED_BYTES_MAX = INLINE_BYTES_MAX / 8
/** Its heap has grown to what the largest push took. */
const IDLE_MS_MAX = 5_000
const PLAIN: ReadonlySet<string | undefined> = new Set([undefined, '', 'snappy'])

/** All on the caller's thread: simulator, small tests. */
export const inlineTranscoder: Transcoder = { run: async (task) => transcode(task), close: async () => undefined }

export function makeThreadedTranscoder({ heapMbMax, onCrash }: { readonly heapMbMax: number; readonly onCrash: (error: Error) => void }): Transcoder {
  const pool = new WorkerPool({ script: new URL('./transcode-worker.ts', import.meta.url), threads: 1, heapMbMax, idleMsMax: IDLE_MS_MAX, onCrash })
  return {
    async run(task) {
      if (isSmall(task)) return transcode(task)
      const { buffer, byteOffset, byteLength } = await pool.run<Uint8Array>(task, { transfer: ownBuffers([task.content.body]) })
      return Buffer.from(buffer, byteOffset, byteLength)
    },
    close: () => pool.close(),
  }
}

const isSmall = ({ content: { body, contentEncoding } }: Transcoding): boolean => body.length <= (PLAIN.has(contentEncoding) ? INLINE_BYTES_MAX : INLINE_COMPRESSED_BYTES_MAX)
