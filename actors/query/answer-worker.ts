/** Entry of the answer thread: parses long queries, merges, evaluates and encodes what is large. Started by `answer-work.ts`. */
import { serveTasks } from '../../runtime/worker-host.ts'
import { freeBuffer } from '../../runtime/free-buffer.ts'
import { type AnswerTask, partialsOf, runAnswerTask, transfersOf } from './answer-tasks.ts'

serveTasks(async (message, signal) => {
  const task = message as AnswerTask
  const value = await runAnswerTask(task, signal)
  // They were this thread's own; what was made of them has memory of its own.
  partialsOf(task).forEach(freeBuffer)
  return { value, transfer: transfersOf(value) }
})
