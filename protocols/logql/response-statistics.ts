/** The `stats` object of a query's answer (Loki 3.7's fields). Grafana and logcli read the summary; fields without a counterpart here are 0. Pure. */

export interface QueryStatistics {
  readonly execSeconds: number
  readonly queueSeconds: number
  readonly bytesProcessed: number
  readonly linesProcessed: number
  readonly metadataBytesProcessed: number
  /** Lines that all filters let pass. */
  readonly linesPassed: number
  readonly entriesReturned: number
  readonly subqueries: number
  readonly splits: number
  readonly shards: number
  /** Of the partitions' heads. */
  readonly ingester: StoreStatistics & { readonly reached: number }
  /** Of segments. */
  readonly store: StoreStatistics
}

export interface StoreStatistics {
  readonly chunksReferenced: number
  readonly chunksRead: number
  readonly bytesProcessed: number
  readonly linesProcessed: number
  readonly linesPassed: number
  readonly compressedBytes: number
}

const NO_STORE: StoreStatistics = { chunksReferenced: 0, chunksRead: 0, bytesProcessed: 0, linesProcessed: 0, linesPassed: 0, compressedBytes: 0 }

export const NO_STATISTICS: QueryStatistics = {
  execSeconds: 0, queueSeconds: 0, bytesProcessed: 0, linesProcessed: 0, metadataBytesProcessed: 0, linesPassed: 0, entriesReturned: 0,
  subqueries: 0, splits: 0, shards: 0, ingester: { ...NO_STORE, reached: 0 }, store: NO_STORE,
}

const perSecond = (amount: number, seconds: number): number => (seconds > 0 ? Math.trunc(amount / seconds) : 0)

export function statisticsJson(s: QueryStatistics): object {
  return {
    summary: {
      bytesProcessedPerSecond: perSecond(s.bytesProcessed, s.execSeconds),
      linesProcessedPerSecond: perSecond(s.linesProcessed, s.execSeconds),
      totalBytesProcessed: s.bytesProcessed,
      totalLinesProcessed: s.linesProcessed,
      execTime: s.execSeconds,
      queueTime: s.queueSeconds,
      subqueries: s.subqueries,
      totalEntriesReturned: s.entriesReturned,
      splits: s.splits,
      shards: s.shards,
      totalPostFilterLines: s.linesPassed,
      totalStructuredMetadataBytesProcessed: s.metadataBytesProcessed,
    },
    querier: { store: storeJson(s.store), querierExecTime: 0 },
    ingester: {
      totalReached: s.ingester.reached,
      totalChunksMatched: s.ingester.chunksReferenced,
      totalBatches: s.ingester.reached,
      totalLinesSent: s.ingester.linesPassed,
      store: storeJson(s.ingester),
    },
    cache: Object.fromEntries(CACHES.map((name) => [name, NO_CACHE])),
    index: { totalChunks: s.store.chunksReferenced, postFilterChunks: s.store.chunksRead, shardsDuration: 0, usedBloomFilters: false, totalStreams: 0, chunkRefsLookupTime: 0, bloomFilterTime: 0 },
  }
}

function storeJson(store: StoreStatistics): object {
  return {
    totalChunksRef: store.chunksReferenced,
    totalChunksDownloaded: store.chunksRead,
    chunksDownloadTime: 0,
    queryReferencedStructuredMetadata: false,
    queryUsedV2Engine: false,
    chunk: {
      headChunkBytes: 0,
      headChunkLines: 0,
      decompressedBytes: store.bytesProcessed,
      decompressedLines: store.linesProcessed,
      compressedBytes: store.compressedBytes,
      totalDuplicates: 0,
      postFilterLines: store.linesPassed,
      headChunkStructuredMetadataBytes: 0,
      decompressedStructuredMetadataBytes: 0,
    },
    chunkRefsFetchTime: 0,
    congestionControlLatency: 0,
    pipelineWrapperFilteredLines: 0,
  }
}

const CACHES = ['chunk', 'index', 'result', 'statsResult', 'volumeResult', 'seriesResult', 'labelResult', 'instantMetricResult'] as const
const NO_CACHE = { entriesFound: 0, entriesRequested: 0, entriesStored: 0, bytesReceived: 0, bytesSent: 0, requests: 0, downloadTime: 0, queryLengthServed: 0 }
