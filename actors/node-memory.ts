/**
 * The node's memory, all of it under one budget (W4): heads, mailboxes, encoders and queries are counted where they are held; what scan threads hold
 * in caches is counted in ledgers, read here a few times a second. When memory is short, caches get less.
 */
import type { Clock } from '../runtime/clock.ts'
import type { Metrics } from '../runtime/metrics.ts'
import { MEMORY_LEVELS, MEMORY_PARTS, MemoryBudget, type MemoryLevel } from '../storage/memory-budget.ts'
import { SharedLedger } from '../storage/shared-ledger.ts'
import { SlabPool } from '../storage/slab-pool.ts'

export interface NodeMemory {
  readonly budget: MemoryBudget
  readonly slabs: SlabPool
  /** For the caches of a scan thread that starts: counts from nothing, whatever its predecessor held. */
  cacheLedger(thread: number): SharedLedger
  /** A cache of this thread that has its own bound. */
  countCache(bytes: () => number): void
  close(): void
}

export interface NodeMemoryOptions {
  readonly budgetBytes: number
  /** Of the caches of all scan threads together. */
  readonly cacheBytes: number
  readonly threads: number
  readonly clock: Clock
  readonly metrics: Metrics
}

const SYNC_MS = 200
/** What a busy node uses again and again; an idle one gives back nothing smaller. */
const SLAB_POOL_SHARE = 0.5
/** Of what another thread has; for one beyond their number, which reads little. */
const EXTRA_THREAD_SHARE = 0.25
/** What is left to caches at each level. */
const CACHE_SHARE: Readonly<Record<MemoryLevel, number>> = { ok: 1, flush: 0.5, stop: 0.25, refuse: 0 }

export function openNodeMemory({ budgetBytes, cacheBytes, threads, clock, metrics }: NodeMemoryOptions): NodeMemory {
  const budget = new MemoryBudget(budgetBytes)
  /** By thread; threads start when they are first needed. */
  const ledgers = new Map<number, SharedLedger>()
  const own: Array<() => number> = []
  const limit = (ledger: SharedLedger, thread: number): void => {
    ledger.limitBytes = (cacheBytes / threads) * CACHE_SHARE[budget.level()] * (thread < threads ? 1 : EXTRA_THREAD_SHARE)
  }
  budget.onLevel(() => ledgers.forEach(limit))
  const caches = budget.account('caches')
  const sync = (): void => {
    const held = [...[...ledgers.values()].map((ledger) => ledger.usedBytes), ...own.map((bytes) => bytes())]
    caches.set(held.reduce((sum, bytes) => sum + bytes, 0))
    timer = clock.after(SYNC_MS, sync)
  }
  let timer = clock.after(SYNC_MS, sync)
  showMemory(metrics, budget)
  return {
    budget,
    slabs: new SlabPool(budgetBytes * SLAB_POOL_SHARE),
    cacheLedger(thread) {
      const ledger = new SharedLedger()
      ledgers.set(thread, ledger)
      limit(ledger, thread)
      return ledger
    },
    countCache: (bytes) => void own.push(bytes),
    close: () => timer.cancel(),
  }
}

function showMemory(metrics: Metrics, budget: MemoryBudget): void {
  metrics.gaugeFrom('skald_memory_budget_bytes', 'Bytes that this node may hold (memory.budget).', () => budget.bytesMax)
  metrics.gaugeFrom('skald_memory_level', `How short memory is: ${MEMORY_LEVELS.map((level, i) => `${i} ${level}`).join(', ')}.`, () => MEMORY_LEVELS.indexOf(budget.level()))
  for (const part of MEMORY_PARTS) metrics.gaugeFrom(`skald_memory_${part}_bytes`, `Bytes held by ${part}.`, () => budget.usedBytes(part))
}
