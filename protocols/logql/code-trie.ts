/**
 * Rows of small codes to small integers, code by code: the numbers of nodes of a trie, in order of first sight. How label sets and combinations of values are told apart without
 * making strings. Used by `label-ids.ts` and `scan-json.ts`; hot.
 */

/** Codes below are places in arrays. Of others a node may have few, which arrays would fill with holes. */
const DENSE_CODES = 64
/** More than any code. */
const CODES = 2 ** 26

export class CodeTrie {
  readonly #dense: Array<Int32Array | undefined> = []
  readonly #sparse = new Map<number, number>()
  #nodes = 1

  /** Nodes there are; the root is 0. */
  get size(): number {
    return this.#nodes
  }

  child(node: number, code: number): number {
    if (code >= DENSE_CODES) return this.#sparseChild(node * CODES + code)
    let row = this.#dense[node]
    if (row === undefined || code >= row.length) row = this.#grow(node, row, code)
    const known = row[code]!
    return known === 0 ? (row[code] = this.#nodes++) : known
  }

  #sparseChild(key: number): number {
    let node = this.#sparse.get(key)
    if (node === undefined) this.#sparse.set(key, (node = this.#nodes++))
    return node
  }

  #grow(node: number, row: Int32Array | undefined, code: number): Int32Array {
    const grown = new Int32Array(Math.max(8, (row?.length ?? 0) * 2, code + 1))
    if (row !== undefined) grown.set(row)
    return (this.#dense[node] = grown)
  }
}
