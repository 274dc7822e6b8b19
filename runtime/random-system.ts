/** Randomness for real nodes: jitter from the engine's generator, ids from the operating system's. */
import { randomBytes } from 'node:crypto'
import type { Random } from './random.ts'

export class SystemRandom implements Random {
  next(): number {
    return Math.random()
  }

  hex(bytes: number): string {
    return randomBytes(bytes).toString('hex')
  }
}
