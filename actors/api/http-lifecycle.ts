/** Taking a node out over HTTP, by the paths that Loki's operators' scripts call: hand over and end now, or flush everything when it is ended later. */
import type { HttpRequest, HttpResponse, HttpRoute } from '../../runtime/http-server.ts'
import type { Cluster } from '../cluster/cluster.ts'

export interface LifecycleParts {
  readonly cluster: Cluster
  /** Stores everything of this node's partitions in segments. */
  readonly flush: () => Promise<void>
  /** Ends the process in order; absent where the node is part of another program. */
  readonly terminate: (() => void) | undefined
}

export interface Lifecycle {
  readonly routes: HttpRoute[]
  /** The last flush, if it was asked for beforehand. */
  beforeStop(): Promise<void>
}

const DRAIN_MS_MAX = 10_000

export function makeLifecycle({ cluster, flush, terminate }: LifecycleParts): Lifecycle {
  let isPrepared = false
  let isStopping = false

  const shutdown = async ({ query }: HttpRequest): Promise<HttpResponse> => {
    if (isStopping) return { status: 503, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: 'Ingester is stopping or already stopped.\n' }
    isStopping = true
    try {
      if (query.get('flush') !== 'false') await flush()
    } catch (error) {
      // It has not begun to stop: whoever asked may ask again, or do without the flush.
      isStopping = false
      throw error
    }
    await cluster.drain(DRAIN_MS_MAX)
    if (query.get('terminate') !== 'false') terminate?.()
    return { status: 204 }
  }
  const prepare = (isWanted: boolean): HttpResponse => {
    isPrepared = isWanted
    return { status: 204 }
  }
  return {
    routes: [
      { method: ['GET', 'POST'], path: '/ingester/shutdown', handle: shutdown },
      { method: 'GET', path: '/ingester/prepare_shutdown', handle: () => ({ status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: isPrepared ? 'set' : 'unset' }) },
      { method: 'POST', path: '/ingester/prepare_shutdown', handle: () => prepare(true) },
      { method: 'DELETE', path: '/ingester/prepare_shutdown', handle: () => prepare(false) },
    ],
    beforeStop: () => (isPrepared && !isStopping ? flush() : Promise.resolve()),
  }
}
