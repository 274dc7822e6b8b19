/**
 * Asking: a message built around a one-shot reply, with a deadline. It fails at once when the mailbox refuses, nobody is there, or the actor
 * ends or crashes over the message; `ActorSystem.ask` and the receiving side of remote asks use it.
 */
import type { ActorRef, Reply, TellOptions } from './actor.ts'
import type { Clock } from './clock.ts'
import { SkaldError } from './errors.ts'

/** A reference that can say when an answer has become impossible. */
export interface AnsweringRef<M> {
  awaitAnswer(message: M, fail: (error: SkaldError) => void): () => void
}

/** A reference whose asks go over the network. */
export interface RemotelyAsked<M> {
  askRemotely<A>(make: (reply: Reply<A>) => M, timeoutMs: number, options?: TellOptions): Promise<A>
}

export function ask<M, A>(clock: Clock, to: ActorRef<M>, make: (reply: Reply<A>) => M, timeoutMs: number, options?: TellOptions): Promise<A> {
  if ('askRemotely' in to) return (to as ActorRef<M> & RemotelyAsked<M>).askRemotely(make, timeoutMs, options)
  return new Promise<A>((resolve, reject) => {
    let withdraw: (() => void) | undefined
    let isSettled = false
    const settle = (): boolean => {
      if (isSettled) return false
      isSettled = true
      timer.cancel()
      withdraw?.()
      return true
    }
    const timer = clock.after(timeoutMs, () => {
      if (settle()) reject(new SkaldError('query_timeout', `${to.address} did not answer within ${timeoutMs} ms`))
    })
    const reply: Reply<A> = {
      succeed: (answer) => void (settle() && resolve(answer)),
      fail: (error) => void (settle() && reject(error as Error)),
    }
    const message = make(reply)
    if (canAnswer(to)) withdraw = to.awaitAnswer(message, reply.fail)
    const delivery = to.tell(message, options)
    if (delivery === 'full') reply.fail(new SkaldError('too_many_requests', `the mailbox of ${to.address} is full`))
    if (delivery === 'dead') reply.fail(new SkaldError('not_found', `no actor at ${to.address}`))
  })
}

function canAnswer<M>(ref: ActorRef<M>): ref is ActorRef<M> & AnsweringRef<M> {
  return 'awaitAnswer' in ref
}
