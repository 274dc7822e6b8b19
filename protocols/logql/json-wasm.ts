/**
 * The json operator's way through many lines at once, in WebAssembly: compact objects whose keys come in a known order, sixteen bytes at a time. It finds what
 * `json-quick.ts` would find in these lines, or leaves a line to it. Used by `stages/json-ahead.ts` alone.
 */
import { block, branch, branchIf, type Code, i32, i64, ifThen, instantiate, type Local, loop, PAGE_BYTES, v128, WasmFunction, whileDo } from '../wasm/assembler.ts'

/** Keys of a line that are looked at, with quotes and colon of up to TOKEN_BYTES_MAX bytes. */
export const TOKENS_MAX = 32
const TOKEN_BYTES_MAX = 32
/** Wanted keys of a line. */
export const SLOTS_MAX = 8
export const BATCH_ROWS_MAX = 512
export const BATCH_BYTES_MAX = 256 << 10

/** A token: its bytes, then its length, the wanted key's slot plus one (0: not wanted), and which of the first and second sixteen bytes are it. */
const TOKEN_STRIDE = 64
const [LENGTH_AT, SLOT_AT, MASK_AT] = [32, 36, 40]
/** A row: where it begins and ends. */
const ROWS_AT = TOKENS_MAX * TOKEN_STRIDE
/**
 * What was found of a row, in words: status and which slots are strings, one that is not used, then of each slot where its value begins (0: not found) and ends, and the first eight
 * bytes of it, in two words; those behind its end are 0, but where it has none.
 */
const FOUND_AT = ROWS_AT + BATCH_ROWS_MAX * 8
export const HEAD_WORDS = 2
export const SLOT_WORDS = 4
export const foundWords = (slots: number): number => HEAD_WORDS + SLOT_WORDS * slots
export const LINES_AT = 2 * PAGE_BYTES
const PAGES = 3 + BATCH_BYTES_MAX / PAGE_BYTES

/** Statuses: this line is for somebody else; all that is wanted was found; the object ended. */
export const LEFT = 0
export const STOPPED = 1
export const ENDED = 2
export const STRINGS_SHIFT = 8

export interface JsonKernel {
  readonly bytes: Buffer
  readonly words: Uint32Array
  /** Looks at `rowCount` rows for the keys `[0, tokenCount)`, up to the one at `stop`; what was found of a row takes so many bytes. */
  run(rowCount: number, tokenCount: number, stop: number, foundBytes: number): void
}

const sixteen = (byte: number): Code => v128.splat8(i32.const(byte))
const step = (counter: Local, by: number): Code => counter.set(i32.add(counter, i32.const(by)))

function runFunction(): WasmFunction {
  const f = new WasmFunction('run', 4, null)
  const [rowCount, tokenCount, stop, foundBytes] = f.parameters as [Local, Local, Local, Local]
  const local = (): Local => f.local('i32')
  const [row, found, at, end, k, token, from, mask, byte, slot, status, strings, place] = [local(), local(), local(), local(), local(), local(), local(), local(), local(), local(), local(), local(), local()]
  const here = f.local('v128')
  const unused = f.local('i64')
  const isByte = (char: string): Code => v128.eq8(here, sixteen(char.charCodeAt(0)))
  const code = (char: string): Code => i32.const(char.charCodeAt(0))

  /** Moves `at` to the first byte in `[at, end)` that `stops` marks, or to the end or behind it. */
  const moveTo = (stops: Code): Code =>
    block(loop(
      here.set(v128.load(at)),
      mask.set(v128.bitmask8(stops)),
      ifThen(mask, at.set(i32.add(at, i32.ctz(mask))), branch(2)),
      step(at, 16),
      branchIf(0, i32.ltU(at, end)),
    ))
  const differs = (half: number): Code => {
    const wanted = i32.load(token, MASK_AT + half * 4)
    return i32.ne(i32.and(v128.bitmask8(v128.eq8(v128.load(at, half * 16), v128.load(token, half * 16))), wanted), wanted)
  }
  /** The value's first bytes; bits of those that are not its own are shifted out. */
  const firstBytes = [
    unused.set(i64.fromI32(i32.shl(i32.sub(i32.const(8), i32.sub(at, from)), i32.const(3)))),
    ifThen(i32.gtU(i32.sub(at, from), i32.const(7)), unused.set(i64.const(0))),
    i64.store(place, i64.shrU(i64.shl(i64.load(from), unused), unused), 8),
  ]
  const keep = ifThen(
    slot,
    place.set(i32.add(found, i32.sub(i32.mul(slot, i32.const(SLOT_WORDS * 4)), i32.const((SLOT_WORDS - HEAD_WORDS) * 4)))),
    i32.store(place, from),
    i32.store(place, at, 4),
    ...firstBytes,
  )
  // Depths: the loop over keys is 0 and what leaves the line is 1; an `ifThen` around adds one.
  const leaveIf = (condition: Code, within = 0): Code => branchIf(1 + within, condition)
  const isOver = i32.geU(at, end)
  const textValue = [
    step(at, 1),
    from.set(at),
    moveTo(v128.or(isByte('"'), isByte('\\'))),
    leaveIf(isOver, 1),
    leaveIf(i32.ne(i32.load8(at), code('"')), 1),
    keep,
    ifThen(slot, strings.set(i32.or(strings, i32.shl(i32.const(1 << (STRINGS_SHIFT - 1)), slot)))),
    step(at, 1),
  ]
  const numberValue = [
    leaveIf(i32.and(i32.ne(byte, code('-')), i32.gtU(i32.sub(byte, code('0')), i32.const(9))), 1),
    moveTo(v128.or(v128.or(isByte(','), isByte('}')), v128.or(isByte(']'), v128.ltU8(here, sixteen(0x21))))),
    leaveIf(isOver, 1),
    keep,
  ]
  const oneKey = [
    leaveIf(i32.geU(k, tokenCount)),
    token.set(i32.mul(k, i32.const(TOKEN_STRIDE))),
    leaveIf(i32.geU(i32.add(at, i32.load(token, LENGTH_AT)), end)),
    leaveIf(i32.or(differs(0), differs(1))),
    at.set(i32.add(at, i32.load(token, LENGTH_AT))),
    slot.set(i32.load(token, SLOT_AT)),
    from.set(at),
    byte.set(i32.load8(at)),
    mask.set(i32.eq(byte, code('"'))),
    ifThen(mask, ...textValue),
    ifThen(i32.ne(byte, code('"')), ...numberValue),
    leaveIf(isOver),
    byte.set(i32.load8(at)),
    ifThen(i32.eq(byte, code('}')), status.set(i32.const(ENDED)), branch(2)),
    leaveIf(i32.ne(byte, code(','))),
    ifThen(i32.eq(k, stop), status.set(i32.const(STOPPED)), branch(2)),
    step(at, 1),
    step(k, 1),
    branch(0),
  ]
  return f.body(
    whileDo(
      i32.ltU(row, rowCount),
      at.set(i32.load(i32.shl(row, i32.const(3)), ROWS_AT)),
      end.set(i32.load(i32.shl(row, i32.const(3)), ROWS_AT + 4)),
      found.set(i32.add(i32.const(FOUND_AT), i32.mul(row, foundBytes))),
      place.set(i32.add(found, i32.const(HEAD_WORDS * 4))),
      whileDo(i32.ltU(place, i32.add(found, foundBytes)), v128.store(place, sixteen(0)), step(place, SLOT_WORDS * 4)),
      ...[status, strings, k].map((counter) => counter.set(i32.const(0))),
      block(
        branchIf(0, isOver),
        branchIf(0, i32.ne(i32.load8(at), code('{'))),
        step(at, 1),
        loop(...oneKey),
      ),
      i32.store(found, i32.or(status, strings)),
      step(row, 1),
    ),
  )
}

let instance: JsonKernel | null = null

/** One a thread: the memory is its working space. */
export function jsonKernel(): JsonKernel {
  if (instance === null) {
    const { memory, run } = instantiate<Pick<JsonKernel, 'run'>>([runFunction()], PAGES)
    instance = { bytes: Buffer.from(memory.buffer), words: new Uint32Array(memory.buffer), run }
  }
  return instance
}

/** The key's token at a place in the order of keys; false: it does not fit. `slot`: of a wanted key, else -1. */
export function putToken({ bytes, words }: JsonKernel, place: number, key: Uint8Array, slot: number): boolean {
  const length = key.length + 3
  if (length > TOKEN_BYTES_MAX || place >= TOKENS_MAX) return false
  const at = place * TOKEN_STRIDE
  bytes.fill(0, at, at + TOKEN_BYTES_MAX)
  bytes.set(key, at + 1)
  bytes[at] = bytes[at + length - 2] = 0x22
  bytes[at + length - 1] = 0x3a
  words[(at + LENGTH_AT) >> 2] = length
  words[(at + SLOT_AT) >> 2] = slot + 1
  words[(at + MASK_AT) >> 2] = length >= 16 ? 0xffff : (1 << length) - 1
  words[(at + MASK_AT + 4) >> 2] = length <= 16 ? 0 : 2 ** (length - 16) - 1
  return true
}

/** The lines are in the kernel's memory from LINES_AT on; positions are from there. */
export function putRow({ words }: JsonKernel, row: number, from: number, to: number): void {
  words[(ROWS_AT >> 2) + 2 * row] = LINES_AT + from
  words[(ROWS_AT >> 2) + 2 * row + 1] = LINES_AT + to
}

/** What was found of the first rows, by slots a row. */
export const foundIn = ({ words }: JsonKernel, rowCount: number, slots: number): Uint32Array => words.subarray(FOUND_AT >> 2, (FOUND_AT >> 2) + rowCount * foundWords(slots))
