/**
 * A very small WebAssembly assembler: instructions are functions over their operands, as in the text format, and give the bytes of the code. For the few
 * inner loops that need vector instructions or 64-bit integers, which JavaScript has not, so that the project needs no other compiler. It checks nothing:
 * the platform's own validation does, when a module is made. Opcodes: https://webassembly.github.io/spec/core/binary/instructions.html
 */

/** Bytes of an expression or of statements. */
export type Code = ReadonlyArray<number>

export const PAGE_BYTES = 65_536

function leb(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return [...bytes, rest]
    bytes.push((rest & 0x7f) | 0x80)
  }
}

/** Signed, for constants. */
function sleb(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value | 0; ; rest >>= 7) {
    if (rest >= -64 && rest < 64) return [...bytes, rest & 0x7f]
    bytes.push((rest & 0x7f) | 0x80)
  }
}

type Operator = (...operands: ReadonlyArray<Code>) => Code
const op = (...opcode: ReadonlyArray<number>): Operator => (...operands) => [...operands.flat(), ...opcode]
/** At an address plus a constant. No alignment is promised. */
const load = (...opcode: ReadonlyArray<number>) => (address: Code, offset = 0): Code => [...address, ...opcode, 0, ...leb(offset)]
const store = (...opcode: ReadonlyArray<number>) => (address: Code, value: Code, offset = 0): Code => [...address, ...value, ...opcode, 0, ...leb(offset)]
const SIMD = 0xfd
const simd = (opcode: number): Operator => op(SIMD, ...leb(opcode))

export const i32 = {
  const: (value: number): Code => [0x41, ...sleb(value)],
  load: load(0x28), load8: load(0x2d), load16: load(0x2f), store: store(0x36), store8: store(0x3a), store16: store(0x3b),
  eqz: op(0x45), eq: op(0x46), ne: op(0x47), ltU: op(0x49), gtU: op(0x4b), leU: op(0x4d), geU: op(0x4f), geS: op(0x4e), gtS: op(0x4a),
  ctz: op(0x68), add: op(0x6a), sub: op(0x6b), mul: op(0x6c), and: op(0x71), or: op(0x72), xor: op(0x73), shl: op(0x74), shrU: op(0x76),
  fromI64: op(0xa7), select: op(0x1b),
}

export const i64 = {
  const: (value: number): Code => [0x42, ...sleb(value)],
  load: load(0x29), store: store(0x37),
  eqz: op(0x50), ctz: op(0x7a), sub: op(0x7d), and: op(0x83), xor: op(0x85), shl: op(0x86), shrU: op(0x88),
  fromI32: op(0xad),
}

export const v128 = {
  load: load(SIMD, 0x00), store: store(SIMD, 0x0b),
  /** Sixteen times the low byte of an i32. */
  splat8: simd(0x0f),
  const: (bytes: ReadonlyArray<number>): Code => [SIMD, 0x0c, ...bytes],
  swizzle: simd(0x0e), eq8: simd(0x23), ltS8: simd(0x25), ltU8: simd(0x26), and: simd(0x4e), or: simd(0x50), bitmask8: simd(0x64), anyTrue: simd(0x53),
  shrU8: simd(0x6d), sub8: simd(0x71),
}

const VOID = 0x40
export const block = (...body: ReadonlyArray<Code>): Code => [0x02, VOID, ...body.flat(), 0x0b]
export const loop = (...body: ReadonlyArray<Code>): Code => [0x03, VOID, ...body.flat(), 0x0b]
/** Out of the `depth`-th enclosing block, or to the start of that loop; 0: the innermost. An `ifThen` counts as a block. */
export const branch = (depth: number): Code => [0x0c, ...leb(depth)]
export const branchIf = (depth: number, condition: Code): Code => [...condition, 0x0d, ...leb(depth)]
export const ifThen = (condition: Code, ...body: ReadonlyArray<Code>): Code => [...condition, 0x04, VOID, ...body.flat(), 0x0b]
/** Depth 0 in the body goes on with the next round, depth 1 leaves. */
export const whileDo = (condition: Code, ...body: ReadonlyArray<Code>): Code => block(loop(branchIf(1, i32.eqz(condition)), ...body, branch(0)))

/** Writes `at` plus the number of each bit of `mask`, ascending, to where `out` points, four bytes each, and moves `out` on. `mask` is 0 afterwards. */
export const storePositions = (mask: Local, at: Local, out: Local): Code =>
  whileDo(mask, i32.store(out, i32.add(at, i32.ctz(mask))), out.set(i32.add(out, i32.const(4))), mask.set(i32.and(mask, i32.sub(mask, i32.const(1)))))
export const call = (index: number, ...operands: ReadonlyArray<Code>): Code => [...operands.flat(), 0x10, ...leb(index)]
export const fillMemory = (address: Code, value: Code, length: Code): Code => [...address, ...value, ...length, 0xfc, 0x0b, 0]

const TYPES = { i32: 0x7f, i64: 0x7e, v128: 0x7b } as const
type ValueType = keyof typeof TYPES

/** A parameter or local: itself is the code that reads it. */
export type Local = Code & { readonly set: (value: Code) => Code }

function local(index: number): Local {
  return Object.assign([0x20, ...leb(index)], { set: (value: Code): Code => [...value, 0x21, ...leb(index)] })
}

/** A function under the name by which it is exported; its parameters are i32. */
export class WasmFunction {
  readonly name: string
  readonly result: 'i32' | null
  readonly parameters: ReadonlyArray<Local>
  readonly #locals: ValueType[] = []
  #body: Code = []

  constructor(name: string, parameterCount: number, result: 'i32' | null) {
    this.name = name
    this.result = result
    this.parameters = Array.from({ length: parameterCount }, (_, i) => local(i))
  }

  local(type: ValueType): Local {
    return local(this.parameters.length + this.#locals.push(type) - 1)
  }

  body(...code: ReadonlyArray<Code>): this {
    this.#body = code.flat()
    return this
  }

  get type(): Code {
    return [0x60, ...leb(this.parameters.length), ...this.parameters.map(() => TYPES.i32), ...(this.result === null ? [0] : [1, TYPES[this.result]])]
  }

  get code(): Code {
    const body = [...leb(this.#locals.length), ...this.#locals.flatMap((type) => [1, TYPES[type]]), ...this.#body, 0x0b]
    return [...leb(body.length), ...body]
  }
}

const section = (id: number, count: number, content: Code): Code => {
  const body = [...leb(count), ...content]
  return [id, ...leb(body.length), ...body]
}
const text = (value: string): Code => [...leb(value.length), ...Buffer.from(value)]

/** What is used of the platform's WebAssembly; the compiler's standard library knows it only in browsers. */
interface Platform {
  readonly WebAssembly: {
    readonly Module: new (code: Uint8Array) => object
    readonly Instance: new (module: object) => { readonly exports: Record<string, unknown> }
  }
}

export interface WasmMemory {
  readonly buffer: ArrayBuffer
  grow(pages: number): number
}

/** Functions call each other by their places in the list. `Functions` names what they are to the caller. */
export function instantiate<Functions>(functions: ReadonlyArray<WasmFunction>, memoryPages: number): Functions & { readonly memory: WasmMemory } {
  const count = functions.length
  const code = Uint8Array.from([
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00,
    ...section(1, count, functions.flatMap((f) => f.type)),
    ...section(3, count, functions.flatMap((_, i) => leb(i))),
    ...section(5, 1, [0, ...leb(memoryPages)]),
    ...section(7, count + 1, [...text('memory'), 2, 0, ...functions.flatMap((f, i) => [...text(f.name), 0, ...leb(i)])]),
    ...section(10, count, functions.flatMap((f) => f.code)),
  ])
  const { WebAssembly } = globalThis as unknown as Platform
  return new WebAssembly.Instance(new WebAssembly.Module(code)).exports as unknown as Functions & { readonly memory: WasmMemory }
}
