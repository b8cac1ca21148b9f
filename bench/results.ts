import { type Summary, summary } from './statistics.ts'

/** One measurement: figures by name. `rate` is orders (or reads) a second; `cpu.api` CPU seconds per 1,000; `rss.api` MB. */
export type Sample = Record<string, number>

/** What a row is to the comparison. */
export type Kind = 'product' | 'floor' | 'alternative' | 'limit'

/** A row of the table: every figure with its median and spread over the rounds. */
export interface RowResult {
  /** `<case>/<row>` */
  id: string
  title: string
  kind: Kind
  metrics: Record<string, Summary>
}

/** How many of each figure there are, and where they came from. */
export interface Machine {
  at: string
  cpus: number
  cpu_model: string
  memory_gb: number
  platform: string
  node: string
  /** Load average of the last minute at the start and at the end: above the number of cores somebody else works here too. */
  load_before: number
  load_after: number
}

/** A figure that is compared from run to run. */
export interface Ratio {
  name: string
  value: number
  spread: number
  better: 'higher' | 'lower'
}

export interface Bar {
  name: string
  value: number
  at_least?: number
  at_most?: number
  holds: boolean
}

/** What one run found. */
export interface Results {
  machine: Machine
  settings: Record<string, number>
  rows: RowResult[]
  ratios: Ratio[]
  bars: Bar[]
  /** What was left out, and why. */
  notes: string[]
}

/** The row of these samples. A figure that only some rounds have is that of those. */
export function rowOf(id: string, { title, kind }: { title: string; kind: Kind }, samples: Sample[]): RowResult {
  const names = [...new Set(samples.flatMap((sample) => Object.keys(sample)))]
  const valuesOf = (name: string) => samples.flatMap((sample) => sample[name] ?? [])
  return { id, title, kind, metrics: Object.fromEntries(names.map((name) => [name, summary(valuesOf(name))])) }
}

/** A figure of a row: `accept/floor` and `rate`. */
export const figure = (rows: RowResult[], id: string, name: string): Summary | undefined =>
  rows.find((row) => row.id === id)?.metrics[name]
