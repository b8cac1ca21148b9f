import { type Collection, type Condition, type Found, foundMax, type Query, type SortValue } from '@ordermill/model'
import { sqlComment } from './comment.ts'
import type { Database, Session } from './database.ts'
import { type FacetRow, facetsSql, readFacetRows } from './facets-sql.ts'
import { conditionSql, orderSql, type Scope, scopeOf } from './query-sql.ts'
import { rankedLeaves, rewrite, waysOf } from './query-tree.ts'
import { rankedSql } from './ranking-sql.ts'
import { searchTable, wordsTable } from './search-tables.ts'
import { type Expansions, expand } from './text-sql.ts'

interface Searching {
  timeout_ms: number
  correlationId?: string
  /** Whether to read the records themselves where no text is asked for: newer than what is searched, and slower. */
  newest?: boolean
}

interface Hit {
  id: string
  score: number
  sort: SortValue[]
}

/**
 * Answers a query from Postgres alone, with the same records in the same order as the search engine.
 * @throws Unavailable if a statement of it takes longer than `timeout_ms`: Postgres stops it
 */
export async function searchRecords(
  database: Database,
  c: Collection,
  query: Query,
  { timeout_ms, correlationId, newest = false }: Searching,
): Promise<Found> {
  const table = newest && !asksTexts(query.where) ? c.name : searchTable(c)
  const source = `${table} t WHERE t.deleted_at IS NULL`
  // What is compiled takes longer than what it would save; a page that is in memory costs the same wherever it is.
  const begin = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = ${Math.ceil(timeout_ms)}; SET LOCAL jit = off; SET LOCAL random_page_cost = 1.1; SET LOCAL work_mem = '32MB'${sqlComment(correlationId)}`
  return await database.transaction(
    async (session) => {
      const expansions = await expand(session, wordsTable(c), query.where)
      const where = await withoutStrangers(session, c, query.where, source)
      const { sort, facets } = query
      const page = statement(c, expansions, (scope) =>
        sort.length === 0 ? rankedPage(scope, query, where, source) : sortedPage(scope, { ...query, where }, source),
      )
      const hits = query.size === 0 ? [] : await session.query<Hit>(page)
      const counted = await session.query<FacetRow>(
        statement(c, expansions, (scope) =>
          facets === undefined
            ? countSql(scope, where, source, query.exact === true ? undefined : foundMax)
            : facetsSql(scope, facets, matchingSql(scope, where, source)),
        ),
      )
      const found = counted[0]?.found ?? 0
      return {
        hits: hits.map(({ id, score, sort: values }) => ({
          id,
          score: sort.length === 0 ? score : null,
          sort: values,
        })),
        total:
          query.exact === true || found <= foundMax
            ? { value: found, relation: 'eq' }
            : { value: foundMax, relation: 'gte' },
        ...(facets && { facets: readFacetRows(facets, counted) }),
      }
    },
    { begin },
  )
}

/** Whether a query asks for texts: those are not kept with the records. */
export function asksTexts(condition: Condition): boolean {
  let asks = false
  rewrite(condition, (leaf) => {
    asks ||= leaf.kind === 'text'
    return leaf
  })
  return asks
}

/** Leaves out whole values that no record has: what somebody types into one box is compared with every keyword, almost always in vain. */
async function withoutStrangers(session: Session, c: Collection, where: Condition, source: string): Promise<Condition> {
  const { boosted } = rankedLeaves(where)
  if (boosted.length === 0) return where
  const probe = statement(
    c,
    () => undefined,
    (scope) => {
      const each = boosted.map((one, at) => `EXISTS (SELECT FROM ${source} AND ${conditionSql(scope, one)}) AS e${at}`)
      return `SELECT ${each.join(', ')}`
    },
  )
  const [row] = await session.query<Record<string, boolean>>(probe)
  const strange = new Set(boosted.filter((_, at) => row?.[`e${at}`] === false))
  return rewrite(where, (leaf) => (leaf.kind === 'equal' && strange.has(leaf) ? false : leaf))
}

function statement(c: Collection, expansions: Expansions, sqlOf: (scope: Scope) => string) {
  const values: unknown[] = []
  return { text: sqlOf(scopeOf(c, expansions, (value) => `$${values.push(value)}`)), values }
}

function rankedPage(scope: Scope, query: Query, condition: Condition, source: string): string {
  const { where: asked, from, size, after } = query
  const { bind } = scope
  const start = after === undefined ? from : 0
  const best = rankedSql({ scope, from: source, condition, asked, count: start + size, after })
  return `SELECT id, score, jsonb_build_array(score, id) AS sort FROM (${best}) found ORDER BY score DESC, id LIMIT ${bind(size)} OFFSET ${bind(start)}`
}

function sortedPage(scope: Scope, query: Query, source: string): string {
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

/** Counted up to `most`, and whether there is one more. */
function countSql(scope: Scope, where: Condition, source: string, most: number | undefined): string {
  const limit = most === undefined ? '' : ` LIMIT ${most + 1}`
  const each = waysOf(where).map((way) => `(SELECT 1 FROM ${source} AND ${conditionSql(scope, way)}${limit})`)
  return `SELECT count(*) AS found FROM (SELECT 1 FROM (${each.join(' UNION ALL ') || 'SELECT 1 WHERE false'}) s${limit}) s`
}

/** All rows that match, each once, as `t`. */
const matchingSql = (scope: Scope, where: Condition, source: string): string => {
  const each = waysOf(where).map((way) => `SELECT t.* FROM ${source} AND ${conditionSql(scope, way)}`)
  return `(${each.join(' UNION ALL ') || `SELECT t.* FROM ${source} AND false`}) t`
}
