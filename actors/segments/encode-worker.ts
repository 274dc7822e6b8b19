/** Entry of the encoding thread: cuts in (slabs by shared memory), segment objects out. Started by `segment-work-threads.ts`. */
import { serveTasks } from '../../runtime/worker-host.ts'
import { runEncode, type EncodeWorkerTask } from './segment-tasks.ts'

serveTasks((message) => {
  const encoded = runEncode((message as EncodeWorkerTask).task)
  const { bytes } = encoded
  // A buffer of its own can be handed over without a copy.
  const own = bytes.byteOffset === 0 && bytes.buffer.byteLength === bytes.length && bytes.buffer instanceof ArrayBuffer
  return { value: encoded, transfer: own ? [bytes.buffer as ArrayBuffer] : [] }
})
