/**
 * zstd decompression into memory that is there already, for readers of blocks. `zlib.zstdDecompressSync` makes a decoder and asks the system for new memory each time, whose
 * pages cost a quarter of a search through all lines (docs/performance.md). So this calls the binding behind node's own synchronous call. No other file knows of it, and
 * where a release of node has none of this shape the public call is used.
 */
import zlib from 'node:zlib'

/** What node 24 has behind its zlib streams. */
interface Binding {
  onerror: (message: string) => void
  reset(): void
  writeSync(flush: number, from: Uint8Array, fromAt: number, fromBytes: number, into: Uint8Array, intoAt: number, intoBytes: number): void
}

interface StreamInside {
  readonly _handle?: Partial<Binding>
  /** After a write: bytes left of the output, bytes left of the input. */
  readonly _writeState?: Uint32Array
}

interface Decoder {
  readonly binding: Binding
  readonly left: Uint32Array
  failure: string | null
}

/** The stream has output of its own, which is not used. */
const LEAST_CHUNK_BYTES = 64

/** One a thread. null: this node has none; undefined: not known yet, or the last one failed and takes nothing more. */
let decoder: Decoder | null | undefined

function openDecoder(): Decoder | null {
  const { _handle: binding, _writeState: left } = zlib.createZstdDecompress({ chunkSize: LEAST_CHUNK_BYTES }) as unknown as StreamInside
  if (!isBinding(binding) || !(left instanceof Uint32Array)) return null
  const opened: Decoder = { binding, left, failure: null }
  // oxlint-disable-next-line unicorn/prefer-add-event-listener
  binding.onerror = (message) => {
    opened.failure = message
  }
  return opened
}

const isBinding = (binding: Partial<Binding> | undefined): binding is Binding => typeof binding?.reset === 'function' && typeof binding.writeSync === 'function'

/** Decompresses one frame to the front of `into`: how many bytes it has; null: this release of node cannot. Throws what is wrong with the frame. */
export function decompressZstdInto(stored: Uint8Array, into: Uint8Array): number | null {
  if (decoder === undefined) decoder = openDecoder()
  if (decoder === null) return null
  const { binding, left } = decoder
  binding.reset()
  binding.writeSync(zlib.constants.ZSTD_e_end, stored, 0, stored.length, into, 0, into.length)
  const { failure } = decoder
  if (failure === null && left[1] === 0) return into.length - left[0]!
  decoder = undefined
  throw new Error(failure ?? 'has more than the expected bytes')
}
