import { type Condition, foundMax, type Query, type SortValue } from '@ordermill/model'
import { conditionSql, orderSql, type Scope } from './query-sql.ts'
import { waysOf } from './query-tree.ts'
import { rankedSql } from './ranking-sql.ts'

/** One hit, as a statement gives it. */
export interface Hit {
  id: string
  score: number
  sort: SortValue[]
}

/** A page of the best. */
export function rankedPage(scope: Scope, query: Query, condition: Condition, source: string): string {
  const { where: asked, from, size, after } = query
  const { bind } = scope
  const start = after === undefined ? from : 0
  const best = rankedSql({ scope, from: source, condition, asked, count: start + size, after })
  return `SELECT id, score, jsonb_build_array(score, id) AS sort FROM (${best}) found ORDER BY score DESC, id LIMIT ${bind(size)} OFFSET ${bind(start)}`
}

/** A page in the order of fields. */
export function sortedPage(scope: Scope, query: Query, source: string): string {
  const ways = waysOf(query.where)
  if (ways.length === 0) return "SELECT NULL::uuid AS id, '[]'::jsonb AS sort WHERE false"
  const { bind } = scope
  const { order, values, after } = orderSql(query, scope)
  const start = query.after === undefined ? query.from : 0
  const each = ways.map(
    (way) => `(SELECT t.* FROM ${source} AND ${conditionSql(scope, way)}${after === undefined ? '' : ` AND ${after}`}
      ORDER BY ${order} LIMIT ${bind(start + query.size)})`,
  )
  return `SELECT t.id, ${values} AS sort FROM (${each.join(' UNION ALL ')}) t
    ORDER BY ${order} LIMIT ${bind(query.size)} OFFSET ${bind(start)}`
}

/** What matches, counted up to one more than `foundMax`, and a page of it if there are no more than that. */
export interface Few {
  found: number
  hits: Hit[] | null
}

/**
 * Rows that match are counted up to a limit whatever is asked, so those are kept: where it is not reached they are all there are, and
 * are sorted here. Only what more rows match is looked for in the order of an index: there it is met soon, few rows in a million are not.
 */
export function fewSql(scope: Scope, query: Query, source: string): string {
  const { bind } = scope
  const { order, values, after } = orderSql(query, scope)
  const keys = [...new Set([...query.sort.map(({ field }) => field), 'id'])].map((field) => `t.${field}`).join(', ')
  const limit = `LIMIT ${foundMax + 1}`
  const each = waysOf(query.where).map(
    (way) => `(SELECT ${keys} FROM ${source} AND ${conditionSql(scope, way)} ${limit})`,
  )
  const rows = each.join(' UNION ALL ') || `SELECT ${keys} FROM ${source} AND false`
  const page = `SELECT t.id, ${values} AS sort FROM few t WHERE ${after ?? 'true'}
    ORDER BY ${order} LIMIT ${bind(query.size)} OFFSET ${bind(query.after === undefined ? query.from : 0)}`
  return `WITH few AS MATERIALIZED (SELECT * FROM (${rows}) t ${limit})
    SELECT found, CASE WHEN found <= ${foundMax} THEN
      (SELECT coalesce(jsonb_agg(jsonb_build_object('id', p.id, 'sort', p.sort)), '[]') FROM (${page}) p) END AS hits
    FROM (SELECT count(*) AS found FROM few) n`
}

/** Counted up to `most`, and whether there is one more. */
export function countSql(scope: Scope, where: Condition, source: string, most: number | undefined): string {
  const limit = most === undefined ? '' : ` LIMIT ${most + 1}`
  const each = waysOf(where).map((way) => `(SELECT 1 FROM ${source} AND ${conditionSql(scope, way)}${limit})`)
  return `SELECT count(*) AS found FROM (SELECT 1 FROM (${each.join(' UNION ALL ') || 'SELECT 1 WHERE false'}) s${limit}) s`
}

/** All rows that match, each once, as `t`. */
export const matchingSql = (scope: Scope, where: Condition, source: string): string => {
  const each = waysOf(where).map((way) => `SELECT t.* FROM ${source} AND ${conditionSql(scope, way)}`)
  return `(${each.join(' UNION ALL ') || `SELECT t.* FROM ${source} AND false`}) t`
}
