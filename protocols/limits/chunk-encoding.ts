/** Loki's names of chunk encodings, and what of Skald's they stand for. Read by the configuration, the limits and whoever cuts. */

/** What blocks can be compressed with: `storage/column-codec.ts`. */
export type BlockEncoding = 'none' | 'snappy' | 'gzip' | 'lz4' | 'zstd'

const ENCODINGS = { none: 'none', gzip: 'gzip', 'lz4-64k': 'lz4', snappy: 'snappy', 'lz4-256k': 'lz4', 'lz4-1M': 'lz4', lz4: 'lz4', flate: 'gzip', zstd: 'zstd' } as const satisfies Record<string, BlockEncoding>

export type ChunkEncodingName = keyof typeof ENCODINGS

export const CHUNK_ENCODING_NAMES = Object.keys(ENCODINGS) as ReadonlyArray<ChunkEncodingName>

/** `own` is a tenant's, '' when it has none. */
export const blockEncoding = (own: ChunkEncodingName | '', byDefault: ChunkEncodingName): BlockEncoding => ENCODINGS[own === '' ? byDefault : own]
