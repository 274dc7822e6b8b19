/**
 * The inner loop of the byte scanner in WebAssembly: sixteen positions at a time, which two bytes at a fixed distance stand there. JavaScript has no vector
 * instructions, and `Buffer.indexOf` slows down to a fifth when a needle begins with a frequent letter. Used by `byte-scanner.ts` alone.
 */
import { type Code, i32, instantiate, type Local, PAGE_BYTES, storePositions, v128, WasmFunction, whileDo } from '../wasm/assembler.ts'

export interface Probe {
  readonly memory: Buffer
  readonly hits: Uint32Array
  /**
   * Positions `i` of `memory` in `[0, end)`, and up to 15 more, with `(memory[i] | fold0) === byte0` and `(memory[i + gap] | fold1) === byte1` are written
   * to `hits`, ascending; returns how many.
   */
  run(end: number, gap: number, byte0: number, byte1: number, fold0: number, fold1: number): number
}

/** Positions that one run may look at. */
export const PROBE_POSITIONS_MAX = 256 * 1024
/** Largest distance of the two bytes. */
export const PROBE_GAP_MAX = 255
/** Room after the last position for the gap and for reading sixteen bytes at once. */
const HITS_AT = PROBE_POSITIONS_MAX + PAGE_BYTES
const PAGES = (HITS_AT + PROBE_POSITIONS_MAX * 4) / PAGE_BYTES + 1

function probeFunction(): WasmFunction {
  const f = new WasmFunction('run', 6, 'i32')
  const [end, gap, byte0, byte1, fold0, fold1] = f.parameters as [Local, Local, Local, Local, Local, Local]
  const [at, out, mask] = [f.local('i32'), f.local('i32'), f.local('i32')]
  const vectors = [byte0, byte1, fold0, fold1].map((byte) => ({ byte, vector: f.local('v128') }))
  const [wanted0, wanted1, foldAll0, foldAll1] = vectors.map(({ vector }) => vector) as [Local, Local, Local, Local]
  const stands = (address: Code, fold: Local, wanted: Local): Code => v128.eq8(v128.or(v128.load(address), fold), wanted)
  return f.body(
    ...vectors.map(({ byte, vector }) => vector.set(v128.splat8(byte))),
    out.set(i32.const(HITS_AT)),
    whileDo(
      i32.ltU(at, end),
      mask.set(v128.bitmask8(v128.and(stands(at, foldAll0, wanted0), stands(i32.add(at, gap), foldAll1, wanted1)))),
      storePositions(mask, at, out),
      at.set(i32.add(at, i32.const(16))),
    ),
    i32.shrU(i32.sub(out, i32.const(HITS_AT)), i32.const(2)),
  )
}

let instance: Probe | null = null

/** One a thread: the memory is its working space. */
export function probe(): Probe {
  if (instance === null) {
    const { memory, run } = instantiate<Pick<Probe, 'run'>>([probeFunction()], PAGES)
    instance = { memory: Buffer.from(memory.buffer, 0, HITS_AT), hits: new Uint32Array(memory.buffer, HITS_AT, PROBE_POSITIONS_MAX + 16), run }
  }
  return instance
}
