/** Entry of the thread that writes large pushes as protobuf. Started by `transcoder.ts`. */
import { serveTasks } from '../../runtime/worker-host.ts'
import { transcode, type Transcoding } from '../../protocols/push/transcode.ts'

serveTasks((task) => {
  const message = transcode(task as Transcoding)
  // The encoder's own, and no part of a pool: handed over without a copy.
  return { value: message, transfer: [message.buffer as ArrayBuffer] }
})
