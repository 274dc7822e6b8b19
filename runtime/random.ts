/** The randomness port: seeded in simulations, the system's elsewhere. */

export interface Random {
  /** Uniform in [0, 1). */
  next(): number
  /** Lower-case hexadecimal, for ids. */
  hex(bytes: number): string
}
