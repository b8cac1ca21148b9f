import type { Ratio } from './results.ts'

/** A ratio may be this much worse than it was. */
const allowed = 0.2

export interface Comparison {
  name: string
  before: number
  now: number
  /** How good it is now as a share of before, whichever way is better: 1 is the same. */
  change: number
  fails: boolean
}

/** Each ratio that both runs have. What is missing now is no comparison: a run of one case is compared by that case. */
export function compareRatios(before: Ratio[], now: Ratio[]): Comparison[] {
  return now.flatMap(({ name, value, better }) => {
    const old = before.find((ratio) => ratio.name === name)
    if (old === undefined) return []
    const change = better === 'higher' ? value / old.value : old.value / value
    return [{ name, before: old.value, now: value, change, fails: !(change >= 1 - allowed) }]
  })
}

/** The names of those that fail. */
export const worseIn = (found: Comparison[]): string[] => found.filter(({ fails }) => fails).map(({ name }) => name)

/** Of each ratio the worst that these runs found: what is a fifth worse than that is no accident of one run, or of one machine. */
export function worstOf(runs: Ratio[][]): Ratio[] {
  const worst = new Map<string, Ratio>()
  for (const ratio of runs.flat()) {
    const before = worst.get(ratio.name)
    const isWorse =
      before === undefined || (ratio.better === 'higher' ? ratio.value < before.value : ratio.value > before.value)
    if (isWorse) worst.set(ratio.name, ratio)
  }
  return [...worst.values()]
}

/** The ratios of a saved run: the file's last line that is not empty, or the whole file, is its JSON. @throws Error if not */
export function readSaved(text: string): Ratio[] {
  const lines = text.trim().split('\n')
  for (const candidate of [lines.at(-1) ?? '', text]) {
    try {
      const found: unknown = JSON.parse(candidate)
      if (isSaved(found)) return found.ratios
    } catch {
      // the next candidate, or the error below
    }
  }
  throw new Error('not a saved run: its last line must be what --json prints')
}

const isSaved = (value: unknown): value is { ratios: Ratio[] } =>
  value !== null &&
  typeof value === 'object' &&
  'ratios' in value &&
  Array.isArray(value.ratios) &&
  value.ratios.every((ratio: Partial<Ratio>) => typeof ratio.name === 'string' && typeof ratio.value === 'number')
