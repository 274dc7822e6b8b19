/**
 * Looks through a piece of text for what level detection asks of every line, sixteen bytes at a time: where the first three letters of a level word
 * stand, and which bytes are equals signs. Used by `level-lines.ts` alone, which judges what is found.
 *
 * The words are found as Hyperscan's "Teddy" finds literals: each word has a bit, two small tables for each of the three letters give the words that have
 * such a half byte there, and what is left of their conjunction begins with the three letters of some word.
 */
import { type Code, i32, ifThen, instantiate, type Local, PAGE_BYTES, storePositions, v128, WasmFunction, whileDo } from '../wasm/assembler.ts'

/** Bytes that one run may look at. They and the working space stay in the second-level cache. */
export const LEVEL_TEXT_BYTES_MAX = 128 << 10
/** Vectors read up to this far behind the text. */
const MARGIN = 64
const EQUALS_AT = LEVEL_TEXT_BYTES_MAX + MARGIN
const STARTS_AT = EQUALS_AT + (LEVEL_TEXT_BYTES_MAX >>> 3) + MARGIN
const MEMORY_PAGES = Math.ceil((STARTS_AT + 4 * (LEVEL_TEXT_BYTES_MAX + MARGIN)) / PAGE_BYTES)

/** Each has a bit in the tables. `warning` begins as `warn` does, `error` as `err`. */
const PREFIXES = ['tra', 'deb', 'fat', 'cri', 'err', 'war', 'inf']

export interface LevelProbe {
  /** The text goes here, before `run`. */
  readonly text: Buffer
  /** After `run`: the positions at which a prefix stands, ascending; what lies behind the text may give some too. */
  readonly starts: Uint32Array
  /** After `run`: a bit a byte, lowest first, set for `=`. */
  readonly equals: Uint32Array
  /** Returns how many `starts` there are. */
  run(lengthBytes: number): number
}

const sixteen = (byte: number): Code => v128.splat8(i32.const(byte))

/** For each half byte the words that have it as the given half of their letter. */
function table(letter: number, half: (byte: number) => number): number[] {
  const words = new Array<number>(16).fill(0)
  for (const [word, prefix] of PREFIXES.entries()) words[half(prefix.charCodeAt(letter))]! |= 1 << word
  return words
}

function find(): WasmFunction {
  const f = new WasmFunction('run', 1, 'i32')
  const [length] = f.parameters as [Local]
  const [at, out, mask] = [f.local('i32'), f.local('i32'), f.local('i32')]
  const [letters, words] = [f.local('v128'), f.local('v128')]
  const tables = [0, 1, 2].map((letter) => [table(letter, (byte) => byte & 15), table(letter, (byte) => byte >>> 4)].map((bytes) => ({ bytes, local: f.local('v128') })))
  /** The words whose `letter`-th letter, in either case, stands that far behind each place. */
  const wordsBy = (letter: number): Code => {
    const [low, high] = tables[letter]!
    return [
      ...letters.set(v128.or(v128.load(at, letter), sixteen(0x20))),
      ...v128.and(v128.swizzle(low!.local, v128.and(letters, sixteen(15))), v128.swizzle(high!.local, v128.shrU8(letters, i32.const(4)))),
    ]
  }
  return f.body(
    ...tables.flat().map(({ bytes, local }) => local.set(v128.const(bytes))),
    out.set(i32.const(STARTS_AT)),
    whileDo(
      i32.ltU(at, length),
      i32.store16(i32.shrU(at, i32.const(3)), v128.bitmask8(v128.eq8(v128.load(at), sixteen(0x3d))), EQUALS_AT),
      words.set(wordsBy(0)),
      words.set(v128.and(wordsBy(1), words)),
      words.set(v128.and(wordsBy(2), words)),
      ifThen(
        v128.anyTrue(words),
        mask.set(i32.xor(v128.bitmask8(v128.eq8(words, sixteen(0))), i32.const(0xffff))),
        storePositions(mask, at, out),
      ),
      at.set(i32.add(at, i32.const(16))),
    ),
    i32.shrU(i32.sub(out, i32.const(STARTS_AT)), i32.const(2)),
  )
}

let instance: LevelProbe | null = null

/** One a thread: the memory is its working space. */
export function levelProbe(): LevelProbe {
  if (instance === null) {
    const { memory, run } = instantiate<Pick<LevelProbe, 'run'>>([find()], MEMORY_PAGES)
    instance = {
      text: Buffer.from(memory.buffer, 0, LEVEL_TEXT_BYTES_MAX),
      equals: new Uint32Array(memory.buffer, EQUALS_AT, LEVEL_TEXT_BYTES_MAX >>> 5),
      starts: new Uint32Array(memory.buffer, STARTS_AT, LEVEL_TEXT_BYTES_MAX),
      run,
    }
  }
  return instance
}
