/** Several measurements of one thing: the median, and how far they lie apart. */
export interface Summary {
  median: number
  /** Half the distance between the lowest and the highest, as a share of the median: 0.05 reads "± 5 %". */
  spread: number
  values: number[]
}

/** The value below which a share `q` of the sorted values lies (nearest rank); NaN if there are none. */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  const at = Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))
  return sorted[at] ?? Number.NaN
}

export function summary(values: number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b)
  const low = sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN
  const high = sorted[Math.ceil((sorted.length - 1) / 2)] ?? Number.NaN
  const median = (low + high) / 2
  const half = ((sorted.at(-1) ?? Number.NaN) - (sorted[0] ?? Number.NaN)) / 2
  return { median, spread: half === 0 ? 0 : half / Math.abs(median), values }
}

/**
 * One thing as a ratio of another. What was measured in the same rounds is divided round by round, so that whatever slows a
 * round slows both; otherwise medians are divided, and the spread is that of both.
 */
export function ratioOf(of: Summary, to: Summary): Summary {
  if (of.values.length === to.values.length && of.values.length > 1)
    return summary(of.values.map((value, at) => value / (to.values[at] ?? Number.NaN)))
  const median = of.median / to.median
  return { median, spread: Math.hypot(of.spread, to.spread), values: [median] }
}

/** Quantiles of latencies in milliseconds. */
export interface Latency {
  count: number
  p50: number
  p99: number
  p999: number
}

export function latencyOf(values: number[]): Latency {
  const sorted = Float64Array.from(values).sort()
  return {
    count: sorted.length,
    p50: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
    p999: quantile(sorted, 0.999),
  }
}
