/**
 * The inner loop of the byte scanner in WebAssembly: sixteen positions at a time, which two bytes at a fixed distance stand there. JavaScript has no vector
 * instructions, and `Buffer.indexOf` slows down to a fifth when a needle begins with a frequent letter. Assembled here, instruction by instruction, so
 * that the project needs no other compiler. Used by `byte-scanner.ts` alone.
 */

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
const PAGE_BYTES = 65_536
/** Room after the last position for the gap and for reading sixteen bytes at once. */
const HITS_AT = PROBE_POSITIONS_MAX + PAGE_BYTES
const PAGES = (HITS_AT + PROBE_POSITIONS_MAX * 4) / PAGE_BYTES + 1

const I32 = 0x7f
const V128 = 0x7b
const VOID = 0x40
const SIMD = 0xfd

// Parameters, then locals.
const END = 0
const GAP = 1
const BYTE0 = 2
const BYTE1 = 3
const FOLD0 = 4
const FOLD1 = 5
const AT = 6
const OUT = 7
const MASK = 8
const BYTE0_ALL = 9
const BYTE1_ALL = 10
const FOLD0_ALL = 11
const FOLD1_ALL = 12

const leb = (value: number): number[] => {
  const bytes: number[] = []
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return [...bytes, rest]
    bytes.push((rest & 0x7f) | 0x80)
  }
}
/** Signed, for constants. */
const sleb = (value: number): number[] => {
  const bytes: number[] = []
  for (let rest = value; ; rest >>= 7) {
    if (rest >= -64 && rest < 64) return [...bytes, rest & 0x7f]
    bytes.push((rest & 0x7f) | 0x80)
  }
}
const get = (local: number): number[] => [0x20, local]
const set = (local: number): number[] => [0x21, local]
const constant = (value: number): number[] => [0x41, ...sleb(value)]
const ADD = [0x6a]
const SUB = [0x6b]
const AND = [0x71]
const CTZ = [0x68]
const SHIFT_RIGHT = [0x76]
const AT_LEAST = [0x4f]
const STORE = [0x36, 2, 0]
const BLOCK = [0x02, VOID]
const LOOP = [0x03, VOID]
const END_BLOCK = [0x0b]
const branch = (depth: number): number[] => [0x0c, depth]
const branchIf = (depth: number): number[] => [0x0d, depth]
const LOAD_16 = [SIMD, 0x00, 0, 0]
const SPLAT = [SIMD, 0x0f]
const EQUAL_16 = [SIMD, 0x23]
const AND_16 = [SIMD, 0x4e]
const OR_16 = [SIMD, 0x50]
const BITMASK = [SIMD, 0x64]

const splat = (from: number, to: number): number[] => [...get(from), ...SPLAT, ...set(to)]
const CODE = [
  ...splat(BYTE0, BYTE0_ALL), ...splat(BYTE1, BYTE1_ALL), ...splat(FOLD0, FOLD0_ALL), ...splat(FOLD1, FOLD1_ALL),
  ...constant(HITS_AT), ...set(OUT),
  ...BLOCK,
  ...LOOP,
  ...get(AT), ...get(END), ...AT_LEAST, ...branchIf(1),
  ...get(AT), ...LOAD_16, ...get(FOLD0_ALL), ...OR_16, ...get(BYTE0_ALL), ...EQUAL_16,
  ...get(AT), ...get(GAP), ...ADD, ...LOAD_16, ...get(FOLD1_ALL), ...OR_16, ...get(BYTE1_ALL), ...EQUAL_16,
  ...AND_16, ...BITMASK, ...set(MASK),
  ...BLOCK,
  ...LOOP,
  ...get(MASK), 0x45, ...branchIf(1),
  ...get(OUT), ...get(AT), ...get(MASK), ...CTZ, ...ADD, ...STORE,
  ...get(OUT), ...constant(4), ...ADD, ...set(OUT),
  ...get(MASK), ...get(MASK), ...constant(1), ...SUB, ...AND, ...set(MASK),
  ...branch(0),
  ...END_BLOCK,
  ...END_BLOCK,
  ...get(AT), ...constant(16), ...ADD, ...set(AT),
  ...branch(0),
  ...END_BLOCK,
  ...END_BLOCK,
  ...get(OUT), ...constant(HITS_AT), ...SUB, ...constant(2), ...SHIFT_RIGHT,
  ...END_BLOCK,
]

const section = (id: number, bytes: ReadonlyArray<number>): number[] => [id, ...leb(bytes.length), ...bytes]
const text = (value: string): number[] => [value.length, ...Buffer.from(value)]
const LOCALS = [2, 3, I32, 4, V128]
const BODY = [...LOCALS, ...CODE]
const MODULE = Uint8Array.from([
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00,
  ...section(1, [1, 0x60, 6, I32, I32, I32, I32, I32, I32, 1, I32]),
  ...section(3, [1, 0]),
  ...section(5, [1, 0, ...leb(PAGES)]),
  ...section(7, [2, ...text('memory'), 2, 0, ...text('run'), 0, 0]),
  ...section(10, [1, ...leb(BODY.length), ...BODY]),
])

/** What is used of the platform's WebAssembly; the compiler's standard library knows it only in browsers. */
interface Platform {
  readonly WebAssembly: {
    readonly Module: new (code: Uint8Array) => object
    readonly Instance: new (module: object) => { readonly exports: { readonly memory: { readonly buffer: ArrayBuffer }; readonly run: Probe['run'] } }
  }
}

let instance: Probe | null = null

/** One a thread: the memory is its working space. */
export function probe(): Probe {
  if (instance === null) {
    const { WebAssembly } = globalThis as unknown as Platform
    const { memory, run } = new WebAssembly.Instance(new WebAssembly.Module(MODULE)).exports
    instance = { memory: Buffer.from(memory.buffer, 0, HITS_AT), hits: new Uint32Array(memory.buffer, HITS_AT, PROBE_POSITIONS_MAX + 16), run }
  }
  return instance
}
