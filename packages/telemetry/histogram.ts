import type { Metric, Registry } from 'prom-client'

type LabelValue = string | number

/** What was observed under one combination of labels. */
interface Series {
  labels: Record<string, LabelValue>
  /** Of each bucket, those above all of them last: not cumulated. */
  counts: number[]
  sum: number
  count: number
}

interface HistogramParts {
  name: string
  help: string
  labelNames: string[]
  /** Upper bounds, ascending. */
  buckets: number[]
}

/** Series by the value of one label after the other. */
type Tree = Map<LabelValue | undefined, Tree | Series>

/**
 * As prom-client's Histogram, for what is observed several times in every request: that one makes a text of all labels and looks for
 * it at each observation, which takes 0.75 µs; this one takes 0.1 (a read from the cache, all in all: 20).
 */
export class Histogram {
  readonly name: string
  readonly help: string
  readonly type = 'histogram'
  readonly labelNames: string[]
  readonly #buckets: number[]
  readonly #tree: Tree = new Map()
  readonly #all: Series[] = []

  constructor({ name, help, labelNames, buckets }: HistogramParts, registry: Registry) {
    this.name = name
    this.help = help
    this.labelNames = labelNames
    this.#buckets = buckets
    if (labelNames.length === 0) this.#seriesOf({}) // what has no labels stands at zero from the start
    registry.registerMetric(this as unknown as Metric)
  }

  /**
   * Counts one value; one that is no number, or has no end, counts as none.
   * @param labels a value for each label
   */
  observe(labels: Record<string, LabelValue>, value: number): void {
    if (!Number.isFinite(value)) return
    const series = this.#seriesOf(labels)
    const buckets = this.#buckets
    let at = 0
    while (at < buckets.length && value > (buckets[at] as number)) at += 1
    series.counts[at] = (series.counts[at] as number) + 1
    series.sum += value
    series.count += 1
  }

  /** What the registry asks for when it is scraped. */
  async getForPromString() {
    const values = this.#all.flatMap(({ labels: sharedLabels, counts, sum, count }) => {
      const line = (labels: Record<string, LabelValue>, value: number, part: string) => ({
        labels,
        sharedLabels,
        value,
        metricName: `${this.name}_${part}`,
      })
      let upTo = 0
      const buckets = this.#buckets.map((le, at) => {
        upTo += counts[at] as number
        return line({ le }, upTo, 'bucket')
      })
      return [...buckets, line({ le: '+Inf' }, count, 'bucket'), line({}, sum, 'sum'), line({}, count, 'count')]
    })
    return { name: this.name, help: this.help, type: this.type, aggregator: 'sum', values }
  }

  /** The same for whoever asks for JSON: all labels in one. */
  async get() {
    const { values, ...rest } = await this.getForPromString()
    const joined = values.map(({ labels, sharedLabels, ...one }) => ({
      ...one,
      labels: { ...labels, ...sharedLabels },
    }))
    return { ...rest, values: joined }
  }

  #seriesOf(labels: Record<string, LabelValue>): Series {
    let tree = this.#tree
    const { labelNames } = this
    const last = labelNames.length - 1
    for (let at = 0; at < last; at += 1) {
      const value = labels[labelNames[at] as string]
      const next = tree.get(value) as Tree | undefined
      const below: Tree = next ?? new Map()
      if (next === undefined) tree.set(value, below)
      tree = below
    }
    const value = labels[labelNames[last] as string]
    const known = tree.get(value) as Series | undefined
    if (known !== undefined) return known
    const series = { labels: { ...labels }, counts: Array(this.#buckets.length + 1).fill(0), sum: 0, count: 0 }
    tree.set(value, series)
    this.#all.push(series)
    return series
  }
}
