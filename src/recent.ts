/**
 * What was asked for lately, within a weight. Knows nothing of what it holds.
 *
 * Two generations, as in Dominic Tarr's hashlru: what is asked for moves to the young one, and when that is full it
 * becomes the old one, which goes. So an answer costs a look into a Map, and nothing is kept in order.
 */
export class Recent<K, V> {
  readonly #most: number
  readonly #weigh: (value: V) => number
  #young = new Map<K, V>()
  #old = new Map<K, V>()
  /** Of the young ones. */
  #weight = 0

  /** @param most what all together may weigh; one alone no more than half of it. */
  constructor(most: number, weigh: (value: V) => number) {
    this.#most = most / 2
    this.#weigh = weigh
  }

  get(key: K): V | undefined {
    const young = this.#young.get(key)
    if (young !== undefined) return young
    const old = this.#old.get(key)
    if (old !== undefined) {
      this.set(key, old)
    }
    return old
  }

  set(key: K, value: V): void {
    const weight = this.#weigh(value)
    this.delete(key)
    if (weight > this.#most) return
    if (this.#weight + weight > this.#most) {
      this.#old = this.#young
      this.#young = new Map()
      this.#weight = 0
    }
    this.#young.set(key, value)
    this.#weight += weight
  }

  delete(key: K): void {
    const young = this.#young.get(key)
    if (young !== undefined) {
      this.#weight -= this.#weigh(young)
      this.#young.delete(key)
    }
    this.#old.delete(key)
  }

  clear(): void {
    this.#young.clear()
    this.#old.clear()
    this.#weight = 0
  }
}
