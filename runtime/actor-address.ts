/**
 * Addresses: NATS subjects of the form `skald.v1.actor.<node>.<id>.<id>…`, ids encoded as subject tokens. An `AddressRef` finds the actor of
 * this node anew whenever the one it knew has ended, so it stays good over passivation and re-creation.
 */
import type { AnsweringRef } from './actor-ask.ts'
import type { WatchableRef } from './actor-cell.ts'
import { goneReason } from './actor-cell.ts'
import type { ActorHost, Cell } from './actor-host.ts'
import type { ActorRef, Address, Delivery, ExitReason, TellOptions } from './actor.ts'
import type { SkaldError } from './errors.ts'
import { nameOfToken } from './subject.ts'

/** `skald.v1.actor` and the node come before the path. */
const PREFIX_TOKENS = ['skald', 'v1', 'actor']

export interface ParsedAddress {
  readonly node: string
  readonly path: ReadonlyArray<string>
}

/** Throws on anything that is not an actor's address. */
export function parseAddress(address: string): ParsedAddress {
  const tokens = address.split('.')
  const [node, ...path] = tokens.slice(PREFIX_TOKENS.length)
  if (node === undefined || path.length === 0 || !PREFIX_TOKENS.every((token, i) => tokens[i] === token)) throw new Error(`not an actor's address: ${address}`)
  return { node: nameOfToken(node), path: path.map(nameOfToken) }
}

export class AddressRef<M> implements ActorRef<M>, WatchableRef, AnsweringRef<M> {
  readonly address: Address
  readonly #host: ActorHost
  readonly #find: () => Cell<never> | undefined
  #known: Cell<M> | undefined

  constructor(host: ActorHost, address: string, find: () => Cell<never> | undefined) {
    this.address = address as Address
    this.#host = host
    this.#find = find
  }

  tell(message: M, options?: TellOptions): Delivery {
    const cell = this.#cell()
    if (cell !== undefined) return cell.tell(message, options)
    this.#host.counters.deadLetters++
    return 'dead'
  }

  watchEnd(notify: (reason: ExitReason) => void): () => void {
    const cell = this.#cell()
    if (cell !== undefined) return cell.watchEnd(notify)
    notify(goneReason(this.address))
    return () => undefined
  }

  awaitAnswer(message: M, fail: (error: SkaldError) => void): () => void {
    return this.#cell()?.awaitAnswer(message, fail) ?? (() => undefined)
  }

  #cell(): Cell<M> | undefined {
    if (this.#known?.isDead !== false) this.#known = this.#find() as Cell<M> | undefined
    return this.#known
  }
}
