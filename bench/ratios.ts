import { type Bar, figure, type Ratio, type RowResult } from './results.ts'
import { ratioOf } from './statistics.ts'

interface RatioSpec {
  name: string
  of: string
  to: string
  figure: string
  better: Ratio['better']
}

const rate = (name: string, of: string, to: string): RatioSpec => ({ name, of, to, figure: 'rate', better: 'higher' })

/** CPU seconds an order: somebody else's work on the machine hardly touches it. */
const cost = (name: string, of: string, to: string): RatioSpec => ({ name, of, to, figure: 'cpu.sum', better: 'lower' })

/** What is divided by what. */
const specs: RatioSpec[] = [
  rate('accept ÷ floor', 'accept/ordermill', 'accept/floor'),
  { ...rate('accept p99 ÷ floor p99', 'accept/ordermill', 'accept/floor'), figure: 'p99_ms', better: 'lower' },
  cost('CPU of accept ÷ floor', 'accept/ordermill', 'accept/floor'),
  rate('accept ÷ its cache and publisher alone', 'accept/ordermill', 'accept/core'),
  rate('accept with Idempotency-Key ÷ without', 'accept/keyed', 'accept/ordermill'),
  rate('two API processes ÷ one', 'accept/two', 'accept/ordermill'),
  cost('CPU of two API processes ÷ one', 'accept/two', 'accept/ordermill'),
  rate('accept ÷ one INSERT a request', 'accept/ordermill', 'accept/insert'),
  rate('accept ÷ BullMQ', 'accept/ordermill', 'accept/bullmq'),
  rate('accept ÷ pg-boss', 'accept/ordermill', 'accept/pg-boss'),
  rate('accept ÷ unconfirmed publish', 'accept/ordermill', 'accept/unconfirmed'),
  rate('drain ÷ floor', 'drain/ordermill', 'drain/floor'),
  cost('CPU of drain ÷ floor', 'drain/ordermill', 'drain/floor'),
  rate('drain with search ÷ one by one', 'drain/searching', 'drain/one-by-one'),
  rate('drain ÷ BullMQ', 'drain/ordermill', 'drain/bullmq'),
  rate('drain ÷ pg-boss', 'drain/ordermill', 'drain/pg-boss'),
  rate('bulks of 1,000 ÷ bulks of one', 'bulk/1000', 'bulk/1'),
  rate('catching up ÷ floor', 'whole/catch-up', 'whole/index'),
  rate('whole way ÷ ceiling', 'whole/ordermill', 'whole/ceiling'),
  rate('whole way ÷ one by one', 'whole/ordermill', 'drain/one-by-one'),
  rate('GET hit ÷ floor', 'read/hit', 'read/floor'),
  rate('GET 304 ÷ hit', 'read/not-modified', 'read/hit'),
  rate('GET miss ÷ hit', 'read/miss', 'read/hit'),
  rate('search ÷ straight', 'search/elasticsearch', 'search/straight'),
  cost('CPU of an order, a hundred times as many ÷ few', 'growth/large', 'growth/small'),
  { ...cost('CPU of a read, a hundred times as many ÷ few', 'growth/large', 'growth/small'), figure: 'read_cpu' },
]

/** The ratios for which both rows exist. */
export function ratiosOf(rows: RowResult[]): Ratio[] {
  return specs.flatMap(({ name, of, to, figure: what, better }) => {
    const [one, other] = [figure(rows, of, what), figure(rows, to, what)]
    if (one === undefined || other === undefined) return []
    const { median, spread } = ratioOf(one, other)
    return [{ name, value: median, spread, better }]
  })
}

/** The cases whose rows these ratios are of, by name. */
export const casesOf = (names: string[]): string[] => [
  ...new Set(
    specs
      .filter(({ name }) => names.includes(name))
      .flatMap(({ of, to }) => [of, to].map((row) => row.slice(0, row.indexOf('/')))),
  ),
]

type Limit = { at_least: number } | { at_most: number }

const ratioBars: [name: string, limit: Limit][] = [
  ['accept ÷ floor', { at_least: 0.85 }],
  ['accept p99 ÷ floor p99', { at_most: 1.3 }],
  ['accept ÷ one INSERT a request', { at_least: 1 }],
  ['accept ÷ BullMQ', { at_least: 1 }],
  ['accept ÷ pg-boss', { at_least: 1 }],
  ['drain ÷ floor', { at_least: 0.7 }],
  ['drain with search ÷ one by one', { at_least: 15 }],
  ['whole way ÷ ceiling', { at_least: 0.6 }],
  ['whole way ÷ one by one', { at_least: 10 }],
  ['GET hit ÷ floor', { at_least: 0.9 }],
  ['search ÷ straight', { at_least: 0.75 }],
  ['CPU of an order, a hundred times as many ÷ few', { at_most: 1.3 }],
  ['CPU of a read, a hundred times as many ÷ few', { at_most: 1.3 }],
]
const figureBars: [name: string, row: string, figure: string, limit: Limit][] = [
  ['seconds for 100,000 queued orders', 'drain/ordermill', 'seconds_per_100k', { at_most: 15 }],
  ['accept to persisted p99, ms', 'latency/ordermill', 'persisted_p99_ms', { at_most: 100 }],
  ['orders a second to a new index', 'reindex/ordermill', 'rate', { at_least: 20_000 }],
  ['search by Elasticsearch p99, ms', 'search/elasticsearch', 'p99_ms', { at_most: 100 }],
  ['search by Postgres, p95 of the slowest, ms', 'search/postgres', 'worst_p95_ms', { at_most: 300 }],
  ['search by Postgres, the slowest of all, ms', 'search/postgres', 'slowest_ms', { at_most: 2_000 }],
  ['accept to searchable p99, ms', 'latency/ordermill', 'searchable_p99_ms', { at_most: 1_500 }],
]

/** The bars for which there are figures: a bar is never bent, and one that fails is told as it is. */
export function barsOf(rows: RowResult[], ratios: Ratio[]): Bar[] {
  const fromRatios = ratioBars.flatMap(([name, limit]) => {
    const value = ratios.find((ratio) => ratio.name === name)?.value
    return value === undefined ? [] : [bar(name, value, limit)]
  })
  const fromFigures = figureBars.flatMap(([name, row, what, limit]) => {
    const value = figure(rows, row, what)?.median
    return value === undefined ? [] : [bar(name, value, limit)]
  })
  // Memory is bounded in every case and every round: the highest counts.
  const memory = (['api', 'worker'] as const).flatMap((service) => {
    const values = rows.flatMap((row) => (row.kind === 'product' ? (row.metrics[`rss.${service}`]?.values ?? []) : []))
    return values.length === 0
      ? []
      : [bar(`resident memory of the ${service}, MB`, Math.max(...values), { at_most: 200 })]
  })
  return [...fromRatios, ...fromFigures, ...memory]
}

function bar(name: string, value: number, limit: Limit): Bar {
  const holds = 'at_least' in limit ? value >= limit.at_least : value <= limit.at_most
  return { name, value, ...limit, holds }
}
