/** Numbers that look random and follow from a seed alone. */
export interface Random {
  /** At least 0, below 1. */
  float(): number
  /** A whole number from 0, below `limit`. */
  below(limit: number): number
  between(low: number, high: number): number
  chance(probability: number): boolean
  pick<T>(list: readonly [T, ...T[]]): T
}

/** The same in any order. */
export function shuffled<T>(all: readonly T[], random: Pick<Random, 'below'>): T[] {
  const found: T[] = []
  for (const one of all) found.splice(random.below(found.length + 1), 0, one)
  return found
}

/** sfc32 (PractRand, Chris Doty-Humphrey), filled from the seed by splitmix32. */
export function createRandom(seed: number): Random {
  let state = seed | 0
  const split = () => {
    state = (state + 0x9e3779b9) | 0
    let z = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
    return z ^ (z >>> 15)
  }
  let [a, b, c, d] = [split(), split(), split(), 1]
  const next = () => {
    const t = (((a + b) | 0) + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + t) | 0
    return t >>> 0
  }
  for (let i = 0; i < 12; i += 1) next()
  const float = () => next() / 2 ** 32
  const below = (limit: number) => Math.floor(float() * limit)
  return {
    float,
    below,
    between: (low, high) => low + float() * (high - low),
    chance: (probability) => float() < probability,
    pick: (list) => list[below(list.length)] ?? list[0],
  }
}
