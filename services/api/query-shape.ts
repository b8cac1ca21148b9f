import type { Condition, Facet, Query } from '@ordermill/model'

/** What a query is like, without anything that it looks for: safe in a log, and equal for queries that cost the same. */
export interface QueryShape {
  where: string
  sort: string[]
  from: number
  size: number
  facets?: string[]
  /** Whether it goes on after a hit, and whether all that match are counted. */
  after?: true
  exact?: true
}

export function shapeOf({ where, sort, from, size, facets, after, exact }: Query): QueryShape {
  return {
    where: shapeOfCondition(where),
    sort: sort.map(({ field, descending }) => (descending ? `-${field}` : field)),
    from,
    size,
    ...(facets === undefined ? {} : { facets: facets.map(shapeOfFacet) }),
    ...(after === undefined ? {} : { after: true }),
    ...(exact === true ? { exact: true } : {}),
  }
}

function shapeOfCondition(c: Condition): string {
  switch (c.kind) {
    case 'all':
    case 'any':
      return `${c.kind}(${c.of.map(shapeOfCondition).join(', ')})`
    case 'not':
      return `not(${shapeOfCondition(c.of)})`
    case 'text': {
      const flags = [c.any ? 'any' : '', c.fuzzy ? 'fuzzy' : '', c.slop > 0 ? 'slop' : ''].filter((flag) => flag !== '')
      return [c.how, c.field, ...flags, `${c.words.length} words`].join(' ')
    }
    case 'equal':
      return `equal ${c.field} ${c.values.length} values`
    case 'range':
      return `range ${c.field} ${(['gte', 'gt', 'lte', 'lt'] as const).filter((bound) => c[bound] !== undefined).join(' ')}`
  }
}

function shapeOfFacet(facet: Facet): string {
  switch (facet.kind) {
    case 'values':
      return `values ${facet.field} ${facet.size}${facet.contains === undefined ? '' : ' contains'}`
    case 'ranges':
      return `ranges ${facet.field} ${facet.ranges.length}`
    case 'interval':
      return `${facet.interval} ${facet.field}`
    case 'step':
      return `step ${facet.field}`
  }
}
