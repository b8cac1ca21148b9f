import {
  bucketsMax,
  type Counted,
  containsPattern,
  type Facet,
  type QueryField,
  type RangesFacet,
} from '@ordermill/model'
import type { Scope } from './query-sql.ts'
import type { Bind } from './text-sql.ts'

/** One row for each facet. */
export interface FacetRow {
  buckets: [key: string | number, count: number][]
  present: number
  absent: number
  /** Of all that match. */
  found: number
}

/**
 * SQL that counts facets over `from`, which is read once: the rows go through one hash table for each facet, and buckets are picked
 * of what that leaves. With a statement for each facet every one would look for the records again.
 */
export function facetsSql({ fields, bind }: Scope, facets: Facet[], from: string): string {
  const names = facets.map((_, at) => `f${at}`)
  const values = facets.map((facet, at) => `${valueSql(facet, fields, bind)} AS f${at}`)
  const sets = [...names, ''].map((name) => `(${name})`)
  // Two facets may be of one field: without OFFSET 0 Postgres takes them for one column, and grouping() for both.
  const grouped = `SELECT grouping(${names.join(', ')}) AS which, ${names.join(', ')}, count(*) AS count
    FROM (SELECT ${values.join(', ')} FROM ${from} OFFSET 0) v GROUP BY GROUPING SETS (${sets.join(', ')})`
  const all = 2 ** facets.length - 1
  const found = `(SELECT count FROM g WHERE which = ${all}) AS found`
  const rows = facets.map((facet, at) => {
    const which = `which = ${all - 2 ** (facets.length - 1 - at)}`
    return `SELECT ${at} AS facet, ${rowSql(facet, `f${at}`, which, bind)}, ${found}`
  })
  return `WITH g AS MATERIALIZED (${grouped}) ${rows.join(' UNION ALL ')} ORDER BY facet`
}

/** What rows are grouped by first: cheap for each of them, and exact. */
function valueSql(facet: Facet, fields: Map<string, QueryField>, bind: Bind): string {
  const value = `t.${facet.field}`
  switch (facet.kind) {
    case 'values':
      return value
    case 'ranges':
      return `width_bucket(${value}, ${bind(edgesOf(facet))}::${types[fields.get(facet.field)?.kind ?? 'text'] ?? 'text'}[])`
    case 'interval':
      return `(${value} AT TIME ZONE 'UTC')::date`
    case 'step': {
      const step = `${bind(facet.step)}::numeric`
      // div() and mod() are exact where a quotient would be rounded; div() goes toward zero.
      return `div(${value}, ${step}) - CASE WHEN ${value} < 0 AND mod(${value}, ${step}) <> 0 THEN 1 ELSE 0 END`
    }
  }
}
const types: Partial<Record<QueryField['kind'], string>> = { integer: 'integer', money: 'numeric', time: 'timestamptz' }

/** Every bound of the ranges once, in order: ranges are made of what lies between neighbouring ones. */
const edgesOf = ({ ranges }: RangesFacet): (number | string)[] =>
  [...new Set(ranges.flatMap(({ gte, lt }) => [gte ?? [], lt ?? []].flat()))].sort((a, b) => (a < b ? -1 : 1))

function rowSql(facet: Facet, name: string, which: string, bind: Bind): string {
  const like =
    facet.kind === 'values' && facet.contains !== undefined
      ? ` AND ${name} ~ ${bind(containsPattern(facet.contains))}`
      : ''
  const present = `${which} AND ${name} IS NOT NULL${like}`
  const counted = `SELECT ${keySql(facet, name)} AS key, sum(count)::bigint AS count FROM g WHERE ${present} GROUP BY 1`
  return `(SELECT coalesce(jsonb_agg(jsonb_build_array(key, count)), '[]') FROM (${counted} ${endSql(facet, name)}) b) AS buckets,
    (SELECT coalesce(sum(count), 0)::bigint FROM g WHERE ${present}) AS present,
    (SELECT coalesce(sum(count), 0)::bigint FROM g WHERE ${which} AND ${name} IS NULL) AS absent`
}

const keySql = (facet: Facet, name: string): string =>
  facet.kind === 'interval' ? `date_trunc('${facet.interval}', ${name}::timestamp)::date` : name

function endSql(facet: Facet, name: string): string {
  switch (facet.kind) {
    case 'values':
      return `ORDER BY count DESC, ${name} COLLATE "C" LIMIT ${facet.size}`
    case 'ranges':
      return ''
    case 'interval':
      return `ORDER BY key DESC LIMIT ${bucketsMax}`
    case 'step':
      return `ORDER BY key LIMIT ${bucketsMax}`
  }
}

/** What Postgres counted. */
export const readFacetRows = (facets: Facet[], rows: FacetRow[]): Counted[] =>
  facets.map((facet, at) => {
    const { buckets = [], present = 0, absent = 0 } = rows[at] ?? {}
    return { buckets: bucketsOf(facet, buckets), present, absent }
  })

function bucketsOf(facet: Facet, rows: FacetRow['buckets']): Counted['buckets'] {
  switch (facet.kind) {
    case 'values':
      return rows.map(([key, count]) => ({ key, count }))
    case 'ranges':
      return rangesOf(facet, rows)
    case 'interval':
      return rows.map(([day, count]) => ({ key: `${day}T00:00:00.000Z`, count })).reverse()
    case 'step':
      return rows.map(([number, count]) => ({ key: Number(number) * facet.step, count }))
  }
}

/** What width_bucket counts: 0 is below the first edge, 1 from it to the second. */
function rangesOf(facet: RangesFacet, rows: FacetRow['buckets']): Counted['buckets'] {
  const edges = edgesOf(facet)
  return facet.ranges.map(({ gte, lt }, key) => {
    const first = gte === undefined ? 0 : edges.indexOf(gte) + 1
    const end = lt === undefined ? edges.length + 1 : edges.indexOf(lt) + 1
    const within = rows.filter(([number]) => Number(number) >= first && Number(number) < end)
    return { key, count: within.reduce((sum, [, count]) => sum + count, 0) }
  })
}
