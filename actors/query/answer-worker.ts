/** Entry of the answer thread: parses long queries, merges, evaluates and encodes what is large. Started by `answer-work.ts`. */
import { serveTasks } from '../../runtime/worker-host.ts'
import { type AnswerTask, runAnswerTask, transfersOf } from './answer-tasks.ts'

serveTasks(async (task, signal) => {
  const value = await runAnswerTask(task as AnswerTask, signal)
  return { value, transfer: transfersOf(value) }
})
