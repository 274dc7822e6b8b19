/** Whether a cut's records are still what the log holds, on a log in memory that loses some. What a node makes of the answer is in flusher.test.ts, partition.test.ts and test/integration/lost-tail.test.ts. */
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { checkLog, LogLostError, type LogRange } from '../../../actors/flush/log-check.ts'
import { SkaldError } from '../../../runtime/errors.ts'
import type { LoggedId } from '../../../storage/wal.ts'
import { MemoryWal } from '../../../storage/wal-memory.ts'

const P = 3
let wal: MemoryWal
let applied: LoggedId[]
beforeEach(async () => {
  wal = new MemoryWal()
  applied = []
  for (const id of ['a', 'b', 'c', 'd', 'e']) applied.push({ id, sequence: await append(id) })
})

const append = (id: string): Promise<number> => wal.append(P, id, Buffer.from(id), 1_000)
const check = (over: Partial<LogRange> = {}, checkpoint = 0): Promise<void> => {
  const catalog = { current: () => ({ partition: P, epoch: 1, checkpoint, segments: [] }) }
  return checkLog(wal, catalog, { partition: P, first: 1, last: applied.at(-1)?.sequence ?? 1, applied, logKeeper: null, ...over })
}

describe('a cut whose records the log holds', () => {
  it('may be stored, also a part of them, and while others come', async () => {
    await check()
    await append('f')
    await check()
    await check({ first: 1, last: 2, applied: applied.slice(0, 2) })
    await check({ first: 3, applied: applied.slice(2) }, 2)
  })

  it('may end in a hole, or be nothing else', async () => {
    await check({ last: 20 })
    await check({ first: 6, last: 20, applied: [] }, 5)
  })

  it('may have records whose ids could not be read (W5)', async () => {
    await check({ applied: applied.map(({ sequence, id }) => ({ sequence, id: sequence % 2 === 0 ? '' : id })) })
  })

  it('may have been purged by somebody, whom the catalog knows (F3)', async () => {
    await wal.purge(P, 3)
    await check()
    await wal.purge(P, 5)
    await check()
    await append('f')
    await check()
  })
})

describe('a log that one server has kept all the time', () => {
  it('is not asked, until another does or might', async () => {
    const recordIds = vi.spyOn(wal, 'recordIds')
    const logKeeper = wal.keeper()
    await check({ logKeeper })
    expect(recordIds).not.toHaveBeenCalled()
    wal.loseAfter(P, 4)
    await expect(check({ logKeeper })).rejects.toBeInstanceOf(LogLostError)
    wal.keeper = () => null
    await expect(check({ logKeeper: null })).rejects.toBeInstanceOf(LogLostError)
  })
})

describe('a cut of which the log lost records', () => {
  it('is lost when the log ends before them', async () => {
    wal.loseAfter(P, 4)
    await expect(check()).rejects.toThrow('the log of partition 3 ends at 4, before 5, which was applied from it')
  })

  it('is lost when others have their sequences, also where what came later was applied', async () => {
    wal.loseAfter(P, 3)
    await append('D')
    await append('E')
    await expect(check()).rejects.toThrow('the log of partition 3 has another record at 4 than was applied')
    applied.push({ id: 'f', sequence: await append('f') })
    await expect(check()).rejects.toBeInstanceOf(LogLostError)
    await check({ first: 6, applied: applied.slice(5) }, 5)
  })

  it('is lost when a record is where there was none', async () => {
    await expect(check({ applied: applied.filter(({ sequence }) => sequence !== 2) })).rejects.toBeInstanceOf(LogLostError)
  })

  it('takes the cuts behind it along: they would be stored without it', async () => {
    await expect(check({ first: 4, applied: applied.slice(3) }, 2)).rejects.toThrow('was not stored up to 3')
  })
})

describe('a log that cannot tell now', () => {
  it('is asked again when a copy lags behind, or nobody answers', async () => {
    const recordIds = wal.recordIds.bind(wal)
    wal.recordIds = (partition, from) => recordIds(partition, from, 4)
    await expect(check()).rejects.toMatchObject({ code: 'wal_unavailable' })
    wal.recordIds = recordIds
    wal.failing = new SkaldError('wal_unavailable', 'no leader')
    await expect(check()).rejects.toMatchObject({ code: 'wal_unavailable' })
    wal.failing = undefined
    await check()
  })
})
