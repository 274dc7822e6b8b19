import { describe, expect, it } from 'vitest'
import { shareWithin, volumeIntervals, volumeSeriesSteps, volumesOf, type VolumeQuestion, type VolumeSeries } from '../../../actors/query/volume.ts'
import { parseMatchers } from '../../../protocols/logql/parser.ts'
import type { Labels } from '../../../protocols/model.ts'
import type { SeriesFacts } from '../../../storage/segment-select.ts'

function facts(labels: Labels, lineBytes: number, receivedMinMs = 0, receivedMaxMs = 0): SeriesFacts {
  return { labels, lineBytes, receivedMinMs, receivedMaxMs, minNs: 0n, maxNs: 0n, rowCount: 1, chunkCount: 1 }
}

function question(query: string, more: Partial<VolumeQuestion> = {}): VolumeQuestion {
  return { matchers: parseMatchers(query), targetLabels: [], aggregateBy: 'series', limit: 100, ...more }
}

const STREAMS = [
  facts([['app', 'a'], ['pod', '1']], 10),
  facts([['app', 'a'], ['pod', '2']], 20),
  facts([['app', 'b'], ['pod', '1']], 30),
  facts([['app', 'c']], 30),
]

describe('volumes', () => {
  it('go by the labels of the query, largest first, then by labels', () => {
    expect(volumesOf(STREAMS, question('{app=~".+"}'))).toEqual([
      { labels: [['app', 'a']], bytes: 30 },
      { labels: [['app', 'b']], bytes: 30 },
      { labels: [['app', 'c']], bytes: 30 },
    ])
    expect(volumesOf(STREAMS, question('{app=~".+", pod=~".*"}')).map(({ bytes }) => bytes)).toEqual([30, 30, 20, 10])
  })

  it('go by all labels when the query names none', () => {
    expect(volumesOf(STREAMS, question('{}'))).toHaveLength(4)
  })

  it('leave out streams without a target label', () => {
    expect(volumesOf(STREAMS, question('{app=~".+"}', { targetLabels: ['pod'] }))).toEqual([{ labels: [['pod', '1']], bytes: 40 }, { labels: [['pod', '2']], bytes: 20 }])
  })

  it('by labels: one a name, without its values', () => {
    expect(volumesOf(STREAMS, question('{}', { aggregateBy: 'labels' }))).toEqual([{ labels: [['app', '']], bytes: 90 }, { labels: [['pod', '']], bytes: 60 }])
  })

  it('are no more than asked for', () => {
    expect(volumesOf(STREAMS, question('{}', { limit: 2 })).map(({ bytes }) => bytes)).toEqual([30, 30])
  })
})

describe('volumes of a range', () => {
  it('end their intervals at multiples of the step, and the last at the end', () => {
    expect(volumeIntervals(105_000_000n, 130_000_000n, 10_000_000n)).toEqual([{ fromMs: 105, toMs: 110 }, { fromMs: 110, toMs: 120 }, { fromMs: 120, toMs: 130 }])
    expect(volumeIntervals(105_000_000n, 105_000_000n, 10_000_000n)).toEqual([])
  })

  it('spread a stream evenly over the time it was received in, nothing lost', () => {
    const stream = { receivedMinMs: 0, receivedMaxMs: 100 }
    const intervals = volumeIntervals(0n, 200_000_000n, 30_000_000n)
    const shares = intervals.map((interval) => shareWithin(stream, interval))
    expect(shares.slice(0, 3)).toEqual([0.3, 0.3, 0.3])
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1)
  })

  it('put what came at one moment into one interval', () => {
    const moment = { receivedMinMs: 30, receivedMaxMs: 30 }
    expect(volumeIntervals(0n, 90_000_000n, 30_000_000n).map((interval) => shareWithin(moment, interval))).toEqual([0, 1, 0])
  })

  it('count what was received in each interval, the largest of each', () => {
    const streams = [facts([['app', 'a'], ['pod', '1']], 90, 0, 90), facts([['app', 'a'], ['pod', '2']], 10, 35, 35), facts([['app', 'b']], 25, 70, 70)]
    const seriesOf = (more: Partial<VolumeQuestion>): VolumeSeries[] => {
      const steps = volumeSeriesSteps(streams, question('{app=~".+"}', more), volumeIntervals(0n, 90_000_000n, 30_000_000n))
      for (let step = steps.next(); ; step = steps.next()) if (step.done === true) return step.value
    }
    expect(seriesOf({})).toEqual([{ labels: [['app', 'a']], values: [[0, 30], [1, 40], [2, 30]] }, { labels: [['app', 'b']], values: [[2, 25]] }])
    expect(seriesOf({ limit: 1 })).toEqual([{ labels: [['app', 'a']], values: [[0, 30], [1, 40], [2, 30]] }])
  })
})
