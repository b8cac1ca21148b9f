import type { estypes } from '@elastic/elasticsearch'
import { bucketsMax, type Counted, containsPattern, type Facet } from '@ordermill/model'
import { compile } from './compile.ts'

type Aggregation = estypes.AggregationsAggregationContainer
type Answered = Record<string, unknown>

/** Facets as Elasticsearch counts them: each, how many records have a value, and how many have none. */
export function compileFacets(facets: Facet[]): Record<string, Aggregation> {
  return Object.fromEntries(
    facets.flatMap((facet, at): [string, Aggregation][] => [
      [`facet${at}`, aggregationOf(facet)],
      ...(facet.kind === 'values'
        ? []
        : [[`present${at}`, { value_count: { field: facet.field } }] as [string, Aggregation]]),
      [`absent${at}`, { missing: { field: facet.field } }],
    ]),
  )
}

function aggregationOf(facet: Facet): Aggregation {
  const { field } = facet
  switch (facet.kind) {
    case 'values':
      return {
        terms: {
          field,
          size: facet.size,
          shard_size: shardSize(facet.size),
          order: [{ _count: 'desc' }, { _key: 'asc' }],
          ...(facet.contains === undefined ? {} : { include: `.*${containsPattern(facet.contains)}.*` }),
        },
      }
    case 'ranges': {
      const filters = facet.ranges.map(({ name: _, ...bounds }) => compile({ kind: 'range', field, ...bounds }))
      return { filters: { filters } }
    }
    case 'interval':
      return histogram({ date_histogram: { field, calendar_interval: facet.interval, order: 'desc' } })
    case 'step':
      return histogram({ histogram: { field, interval: facet.step, order: 'asc' } })
  }
}

/** One shard counts every value. Of several each tells so many, and a value that is rare on all but one may be missed. */
const shardSize = (size: number): number => 10 * size + 1_000

/** A composite is made of no more buckets than are asked for; the plain histograms fail when there are too many. */
const histogram = (key: estypes.AggregationsCompositeAggregationSource): Aggregation => ({
  composite: { size: bucketsMax, sources: [{ key }] },
})

interface AnsweredBucket {
  key: unknown
  doc_count: number
}

/** What Elasticsearch counted. */
export function readFacetCounts(facets: Facet[], answered: Answered): Counted[] {
  return facets.map((facet, at) => {
    const { buckets, sum_other_doc_count: others = 0 } = answered[`facet${at}`] as {
      buckets: AnsweredBucket[]
      sum_other_doc_count?: number
    }
    const present =
      facet.kind === 'values'
        ? others + buckets.reduce((sum, { doc_count }) => sum + doc_count, 0)
        : (answered[`present${at}`] as { value: number }).value
    const { doc_count: absent } = answered[`absent${at}`] as { doc_count: number }
    const counted = buckets.map(({ key, doc_count: count }, number) => ({ key: keyOf(facet, key, number), count }))
    return { buckets: facet.kind === 'interval' ? counted.reverse() : counted, present, absent }
  })
}

function keyOf({ kind }: Facet, key: unknown, number: number): string | number {
  if (kind === 'ranges') return number
  if (kind === 'values') return String(key)
  const start = Number((key as { key: number }).key)
  return kind === 'interval' ? new Date(start).toISOString() : start
}
