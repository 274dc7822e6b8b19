/**
 * The inner loop of filter building in WebAssembly: marks what belongs to runs sixteen bytes at a time, walks the runs by bits, and sets the bits of the
 * grams of those that were not seen shortly before. The same grams as `filter-grams.ts`, which says what they are; a test holds the two together. Used
 * by `filter-build.ts` alone.
 */
import { branchIf, call, type Code, fillMemory, i32, i64, ifThen, instantiate, type Local, loop, PAGE_BYTES, v128, WasmFunction, type WasmMemory, whileDo } from '../protocols/wasm/assembler.ts'
import { FOLD, GRAM_FACTORS, ID_GRAM, WORD_GRAM, WORD_HASHES } from './filter-grams.ts'
import { FILTER_BITS_LOG2_MAX, FILTER_PAGE_BITS, FILTER_PAGES } from './segment-format.ts'

/** Runs seen lately, by place: position and length. They are compared byte by byte: a mistaken "seen" would be a false negative. */
const SEEN_LOG2 = 12
const BITS_AT = 8 << SEEN_LOG2
/** Room between the parts: vectors are read from one byte before what they are about to 64 behind it. */
const MARGIN = 64
const ENDS_AT = BITS_AT + (1 << (FILTER_BITS_LOG2_MAX - 3))

/** Bits of a 64-bit look at the marks that count, whatever bit of a byte it begins at. */
const LOOK_BITS = 56
/** Up to here a look shows whether a run is WORD_GRAM long. */
const LOOK_STEP = LOOK_BITS - WORD_GRAM + 1

/** `fold` works on vectors: slices are at least this long. */
export const FOLD_SLICE_BYTES_MIN = 16

interface Functions {
  classify(lines: number, length: number, runs: number, letters: number): void
  /** Rows end at the u32 that begin at ENDS_AT; returns how many bits became set. */
  addRows(rowCount: number, lines: number, runs: number, letters: number, sliceBytes: number): number
  /** Lays slices of `before` bytes onto ones of `after`, both multiples of 16. */
  fold(before: number, after: number): void
}

/** Its place in the module, for calls. */
const ADD_RUN = 1

const sixteen = (byte: number): Code => v128.splat8(i32.const(byte))
const step = (counter: Local, by: number): Code => counter.set(i32.add(counter, i32.const(by)))

/** One bit a byte: whether it belongs to a run, and whether it does and is no digit or dot. */
function classify(): WasmFunction {
  const f = new WasmFunction('classify', 4, null)
  const [lines, length, runs, letters] = f.parameters as [Local, Local, Local, Local]
  const at = f.local('i32')
  const bytes = f.local('v128')
  const letter = f.local('v128')
  const isDigit = (of: Code): Code => v128.ltU8(v128.sub8(of, sixteen(0x30)), sixteen(10))
  const here = i32.add(lines, at)
  const lower = v128.or(bytes, sixteen(0x20))
  const before = v128.load(i32.sub(here, i32.const(1)))
  const dotBetweenDigits = v128.and(v128.and(v128.eq8(bytes, sixteen(0x2e)), isDigit(before)), isDigit(v128.load(here, 1)))
  const mark = (where: Code, of: Code): Code => i32.store16(i32.add(where, i32.shrU(at, i32.const(3))), v128.bitmask8(of))
  return f.body(
    whileDo(
      i32.ltU(at, length),
      bytes.set(v128.load(here)),
      letter.set(v128.or(v128.ltU8(v128.sub8(lower, sixteen(0x61)), sixteen(26)), v128.ltS8(bytes, sixteen(0)))),
      mark(letters, letter),
      mark(runs, v128.or(v128.or(letter, isDigit(bytes)), dotBetweenDigits)),
      step(at, 16),
    ),
  )
}

/** Spreads what was multiplied together over 32 bits. */
const spread = (hash: Local): Code => [
  ...hash.set(i32.mul(i32.xor(hash, i32.shrU(hash, i32.const(15))), i32.const(GRAM_FACTORS.spread))),
  ...hash.set(i32.xor(hash, i32.shrU(hash, i32.const(13)))),
]

/** Sets the bit of `hash` and counts it in `fresh` when it was not set before. */
function setBit(hash: Local, sliceBytes: Local, fresh: Local, at: Local, old: Local): Code {
  const page = i32.mul(i32.shrU(hash, i32.const(32 - FILTER_PAGE_BITS)), sliceBytes)
  const bit = i32.and(hash, i32.const(7))
  return [
    ...at.set(i32.add(page, i32.and(i32.shrU(hash, i32.const(3)), i32.sub(sliceBytes, i32.const(1))))),
    ...old.set(i32.load8(at, BITS_AT)),
    ...i32.store8(at, i32.or(old, i32.shl(i32.const(1), bit)), BITS_AT),
    ...fresh.set(i32.add(fresh, i32.and(i32.xor(i32.shrU(old, bit), i32.const(1)), i32.const(1)))),
  ]
}

/** Up to LOOK_BITS marks from `position` on, no more than there are up to `to`. */
function look(into: Local, marks: Code, position: Code, to: Code, left: Local): Code {
  const address = i32.add(marks, i32.shrU(position, i32.const(3)))
  return [
    ...left.set(i32.sub(to, position)),
    ...left.set(i32.select(left, i32.const(LOOK_BITS), i32.ltU(left, i32.const(LOOK_BITS)))),
    ...into.set(i64.and(
      i64.shrU(i64.load(address), i64.fromI32(i32.and(position, i32.const(7)))),
      i64.sub(i64.shl(i64.const(1), i64.fromI32(left)), i64.const(1)),
    )),
  ]
}

/** Places of a look from which WORD_GRAM marks in a row are set. */
const fourInARow = (marks: Local): Code =>
  i64.and(i64.and(marks, i64.shrU(marks, i64.const(1))), i64.and(i64.shrU(marks, i64.const(2)), i64.shrU(marks, i64.const(3))))
const withoutLowest = (bits: Local): Code => bits.set(i64.and(bits, i64.sub(bits, i64.const(1))))

/** Sets the bits of the grams of the run at positions `[from, to)`. */
function addRun(): WasmFunction {
  const f = new WasmFunction('addRun', 5, 'i32')
  const [from, to, lines, letters, sliceBytes] = f.parameters as [Local, Local, Local, Local, Local]
  const [at, last, hash, fresh, left] = [f.local('i32'), f.local('i32'), f.local('i32'), f.local('i32'), f.local('i32')]
  const [marks, starts] = [f.local('i64'), f.local('i64')]
  const four = (address: Code): Code => i32.or(i32.load(address), i32.const(FOLD))
  const set = setBit(hash, sliceBytes, fresh, f.local('i32'), f.local('i32'))
  const idGrams = [
    at.set(i32.add(lines, from)),
    last.set(i32.add(lines, to)),
    whileDo(
      i32.leU(i32.add(at, i32.const(ID_GRAM)), last),
      hash.set(i32.xor(i32.mul(four(at), i32.const(GRAM_FACTORS.idFour)), i32.mul(i32.or(i32.load16(at, 4), i32.const(FOLD & 0xffff)), i32.const(GRAM_FACTORS.idTwo)))),
      spread(hash), set,
      step(at, 1),
    ),
  ]
  const wordGrams = [
    at.set(from),
    whileDo(
      i32.leU(i32.add(at, i32.const(WORD_GRAM)), to),
      look(marks, letters, at, to, left),
      starts.set(fourInARow(marks)),
      whileDo(
        i32.eqz(i64.eqz(starts)),
        hash.set(i32.mul(i32.xor(four(i32.add(i32.add(lines, at), i32.fromI64(i64.ctz(starts)))), i32.const(GRAM_FACTORS.wordSeed)), i32.const(GRAM_FACTORS.word))),
        spread(hash), set,
        ...Array.from({ length: WORD_HASHES - 1 }, () => [hash.set(i32.mul(hash, i32.const(GRAM_FACTORS.wordNext))), spread(hash), set]).flat(),
        withoutLowest(starts),
      ),
      step(at, LOOK_STEP),
    ),
  ]
  return f.body(...idGrams, ...wordGrams, fresh)
}

function addRows(): WasmFunction {
  const f = new WasmFunction('addRows', 5, 'i32')
  const [rowCount, lines, runs, letters, sliceBytes] = f.parameters as [Local, Local, Local, Local, Local]
  const local = (): Local => f.local('i32')
  const [row, rowTo, at, to, left, from, length, fresh] = [local(), local(), local(), local(), local(), local(), local(), local()]
  const [slot, other, first, compared, equal] = [local(), local(), local(), local(), local()]
  const [marks, starts, start] = [f.local('i64'), f.local('i64'), f.local('i64')]

  // A dot at a row's edge stands between digits of two rows, if at all.
  const isDot = (position: Code): Code => i32.eq(i32.load8(i32.add(lines, position)), i32.const(0x2e))
  const trimDots = [ifThen(isDot(i32.sub(to, i32.const(1))), step(to, -1)), ifThen(isDot(at), step(at, 1))]

  // A run that reaches the end of the look is the last in it, and may go on behind it.
  const onesFrom = (bits: Code): Code => i32.fromI64(i64.ctz(i64.xor(bits, i64.const(-1))))
  const lengthOfRun = [
    length.set(onesFrom(i64.shrU(marks, start))),
    ifThen(
      i32.eq(i32.add(i32.fromI64(start), length), i32.const(LOOK_BITS)),
      loop(
        look(marks, runs, i32.add(from, length), to, left),
        left.set(onesFrom(marks)),
        length.set(i32.add(length, left)),
        branchIf(0, i32.eq(left, i32.const(LOOK_BITS))),
      ),
    ),
  ]

  const run = i32.add(lines, from)
  const hash = i32.mul(
    i32.xor(i32.xor(first, i32.mul(i32.load(i32.sub(i32.add(run, length), i32.const(4))), i32.const(GRAM_FACTORS.idFour))), length),
    i32.const(GRAM_FACTORS.word),
  )
  const sameBytes = v128.bitmask8(v128.eq8(v128.load(i32.add(run, compared)), v128.load(i32.add(other, compared))))
  const findSeen = [
    first.set(i32.load(run)),
    slot.set(i32.shl(i32.shrU(hash, i32.const(32 - SEEN_LOG2)), i32.const(3))),
    equal.set(i32.const(0)),
    ifThen(
      i32.eq(i32.load(slot, 4), length),
      other.set(i32.load(slot)),
      compared.set(i32.const(0)),
      loop(
        left.set(i32.ctz(i32.xor(sameBytes, i32.const(-1)))),
        equal.set(i32.geU(i32.add(compared, left), length)),
        step(compared, 16),
        branchIf(0, i32.and(i32.eq(left, i32.const(16)), i32.eqz(equal))),
      ),
    ),
  ]
  const remember = [i32.store(slot, run), i32.store(slot, length, 4)]

  const oneRun = [
    start.set(i64.ctz(starts)),
    from.set(i32.add(at, i32.fromI64(start))),
    ...lengthOfRun,
    ...findSeen,
    ifThen(
      i32.eqz(equal),
      ...remember,
      fresh.set(i32.add(fresh, call(ADD_RUN, from, i32.add(from, length), lines, letters, sliceBytes))),
    ),
    withoutLowest(starts),
  ]

  // `at` is never inside a run of WORD_GRAM or more: such a run begins where a look shows its first marks, or else the step stops before it.
  const oneLook = [
    look(marks, runs, at, to, left),
    starts.set(i64.and(fourInARow(marks), i64.xor(i64.shl(marks, i64.const(1)), i64.const(-1)))),
    from.set(at),
    length.set(i32.const(0)),
    whileDo(i32.eqz(i64.eqz(starts)), ...oneRun),
    step(at, LOOK_STEP),
    from.set(i32.add(from, length)),
    at.set(i32.select(from, at, i32.gtU(from, at))),
  ]

  return f.body(
    fillMemory(i32.const(0), i32.const(0), i32.const(BITS_AT)),
    whileDo(
      i32.ltU(row, rowCount),
      at.set(rowTo),
      rowTo.set(i32.load(i32.shl(row, i32.const(2)), ENDS_AT)),
      to.set(rowTo),
      ifThen(i32.geU(i32.sub(to, at), i32.const(WORD_GRAM)), ...trimDots, whileDo(i32.leU(i32.add(at, i32.const(WORD_GRAM)), to), ...oneLook)),
      step(row, 1),
    ),
    fresh,
  )
}

/** In place: no slice is written before it was read. */
function fold(): WasmFunction {
  const f = new WasmFunction('fold', 2, null)
  const [before, after] = f.parameters as [Local, Local]
  const local = (): Local => f.local('i32')
  const [page, at, k] = [local(), local(), local()]
  const bits = f.local('v128')
  const from = i32.add(i32.mul(page, before), at)
  return f.body(
    whileDo(
      i32.ltU(page, i32.const(FILTER_PAGES)),
      at.set(i32.const(0)),
      whileDo(
        i32.ltU(at, after),
        bits.set(v128.load(from, BITS_AT)),
        k.set(after),
        whileDo(i32.ltU(k, before), bits.set(v128.or(bits, v128.load(i32.add(from, k), BITS_AT))), k.set(i32.add(k, after))),
        v128.store(i32.add(i32.mul(page, after), at), bits, BITS_AT),
        step(at, 16),
      ),
      step(page, 1),
    ),
  )
}

/** The kernel with its memory: bits of a filter under way, and whatever block is added to it. */
export class FilterKernel {
  readonly #functions: Functions & { readonly memory: WasmMemory }
  bits: Uint8Array = new Uint8Array(0)

  constructor() {
    this.#functions = instantiate<Functions>([classify(), addRun(), addRows(), fold()], pagesFor(ENDS_AT))
    this.#reserve(ENDS_AT)
  }

  /** Bytes of memory that it holds; they are never given back. */
  get heldBytes(): number {
    return this.#functions.memory.buffer.byteLength
  }

  /** Adds the grams of a block's lines to `bits`; returns how many became set. */
  addLines(lines: Uint8Array, lengths: Uint32Array, sliceBytes: number): number {
    const rows = lengths.length
    const { length } = lines
    const marksBytes = (length >>> 3) + MARGIN
    const runsAt = ENDS_AT + 4 * rows + MARGIN
    const lettersAt = runsAt + marksBytes
    const linesAt = lettersAt + marksBytes
    this.#reserve(linesAt + length + 2 * MARGIN)
    const memory = new Uint8Array(this.#functions.memory.buffer)
    memory.set(lines, linesAt)
    // What lies around the lines must belong to no run.
    memory.fill(0, linesAt - 1, linesAt)
    memory.fill(0, linesAt + length, linesAt + length + 2 * MARGIN)
    const ends = new Uint32Array(memory.buffer, ENDS_AT, rows)
    let end = 0
    for (let row = 0; row < rows; row++) ends[row] = end += lengths[row]!
    this.#functions.classify(linesAt, length + MARGIN - 1, runsAt, lettersAt)
    return this.#functions.addRows(rows, linesAt, runsAt, lettersAt, sliceBytes)
  }

  fold(before: number, after: number): void {
    this.#functions.fold(before, after)
  }

  #reserve(bytes: number): void {
    const { memory } = this.#functions
    const missing = bytes - memory.buffer.byteLength
    if (missing > 0) memory.grow(pagesFor(missing))
    if (this.bits.buffer !== memory.buffer) this.bits = new Uint8Array(memory.buffer, BITS_AT, 1 << (FILTER_BITS_LOG2_MAX - 3))
  }
}

const pagesFor = (bytes: number): number => Math.ceil(bytes / PAGE_BYTES)
