/**
 * Randomness under a seed: the same seed gives the same simulation. The generator is sfc32 (Chris Doty-Humphrey, PractRand), seeded by
 * splitmix32; it is not for secrets.
 */
import type { Random } from './random.ts'

export class SeededRandom implements Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: number) {
    const mix = splitmix32(seed)
    this.#a = mix()
    this.#b = mix()
    this.#c = mix()
    for (let i = 0; i < 12; i++) this.#next32()
  }

  next(): number {
    return this.#next32() / 2 ** 32
  }

  hex(bytes: number): string {
    let text = ''
    while (text.length < bytes * 2) text += this.#next32().toString(16).padStart(8, '0')
    return text.slice(0, bytes * 2)
  }

  /** Uniform in [0, below), for choices in tests. */
  below(below: number): number {
    return Math.floor(this.next() * below)
  }

  /** A generator of its own for a part of the simulation, so that adding a draw in one part does not change another. */
  fork(): SeededRandom {
    return new SeededRandom(this.#next32())
  }

  #next32(): number {
    const t = (((this.#a + this.#b) | 0) + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + t) | 0
    return t >>> 0
  }
}

function splitmix32(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x9e3779b9) | 0
    let z = state ^ (state >>> 16)
    z = Math.imul(z, 0x21f0aaad)
    z ^= z >>> 15
    z = Math.imul(z, 0x735a2d97)
    return (z ^ (z >>> 15)) | 0
  }
}
