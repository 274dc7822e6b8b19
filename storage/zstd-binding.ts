/**
 * The binding behind node's zstd streams, which takes memory that is there already. The public synchronous calls make a coder and ask for new memory each time, which costs readers a quarter of a
 * search through all lines, and threads that encode a collection of their whole heap again and again (docs/performance.md). No other file knows its shape; where a release of node has none of
 * this shape, callers use the public call.
 */

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

/** After a failure it takes nothing more. */
export interface ZstdCoder {
  readonly binding: Binding
  /** After a write: bytes left of the output, bytes left of the input. */
  readonly left: Uint32Array
  failure: string | null
}

/** The stream has output of its own, which is not used: as little as it may be. */
export const LEAST_CHUNK_BYTES = 64

/**
 * What zstd writes behind a frame that fills the output to the last byte: node, and whoever calls the binding, sees full output and asks for more, so that it begins anew.
 */
export const EMPTY_FRAME = Buffer.from('28b52ffd2000010000', 'hex')

/** null: this release of node has none. */
export function zstdCoder(stream: unknown): ZstdCoder | null {
  const { _handle: binding, _writeState: left } = stream as StreamInside
  if (!isBinding(binding) || !(left instanceof Uint32Array)) return null
  const coder: ZstdCoder = { binding, left, failure: null }
  // oxlint-disable-next-line unicorn/prefer-add-event-listener
  binding.onerror = (message) => {
    coder.failure = message
  }
  return coder
}

const isBinding = (binding: Partial<Binding> | undefined): binding is Binding => typeof binding?.reset === 'function' && typeof binding.writeSync === 'function'
