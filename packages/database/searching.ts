import { type Collection, type Condition, type Found, foundMax, type Query, Unavailable } from '@ordermill/model'
import type { QueryResultRow } from 'pg'
import { sqlComment } from './comment.ts'
import type { Database, Session, Statement } from './database.ts'
import { type FacetRow, facetsSql, readFacetRows } from './facets-sql.ts'
import { countSql, type Few, fewSql, type Hit, matchingSql, rankedPage, sortedPage } from './pages-sql.ts'
import { conditionSql, type Scope, scopeOf } from './query-sql.ts'
import { rankedLeaves, rewrite } from './query-tree.ts'
import { searchTable, wordsTable } from './search-tables.ts'
import { type Expansions, expand } from './text-sql.ts'

interface Searching {
  timeout_ms: number
  correlationId?: string
  /** Whether to read the records themselves where no text is asked for: newer than what is searched, and slower. */
  newest?: boolean
}

/**
 * Answers a query from Postgres alone, with the same records in the same order as the search engine.
 * @throws Unavailable if it takes longer than `timeout_ms`, all its statements together: Postgres stops it
 */
export async function searchRecords(
  database: Database,
  c: Collection,
  query: Query,
  { timeout_ms, correlationId, newest = false }: Searching,
): Promise<Found> {
  const table = newest && !asksTexts(query.where) ? c.name : searchTable(c)
  const source = `${table} t WHERE t.deleted_at IS NULL`
  const deadline = performance.now() + timeout_ms
  // What is compiled takes longer than what it would save; a page that is in memory costs the same wherever it is.
  const begin = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = ${Math.ceil(timeout_ms)}; SET LOCAL jit = off; SET LOCAL random_page_cost = 1.1; SET LOCAL work_mem = '32MB'${sqlComment(correlationId)}`
  return await database.transaction(
    async (transaction) => {
      const session = within(transaction, timeout_ms, deadline)
      const expansions = await expand(session, wordsTable(c), query.where)
      const where = await withoutStrangers(session, c, query.where, source)
      const { sort, facets, size, exact = false } = query
      const say = (sqlOf: (scope: Scope) => string) => statement(c, expansions, sqlOf)
      const sorted = { ...query, where }
      const few =
        sort.length === 0 || size === 0 || facets !== undefined || exact
          ? undefined
          : (await session.query<Few>(say((scope) => fewSql(scope, sorted, source))))[0]
      const page = () =>
        say((scope) =>
          sort.length === 0 ? rankedPage(scope, query, where, source) : sortedPage(scope, sorted, source),
        )
      const hits = size === 0 ? [] : (few?.hits ?? (await session.query<Hit>(page())))
      const count = () =>
        say((scope) =>
          facets === undefined
            ? countSql(scope, where, source, exact ? undefined : foundMax)
            : facetsSql(scope, facets, matchingSql(scope, where, source)),
        )
      const counted = few === undefined ? await session.query<FacetRow>(count()) : []
      const found = few?.found ?? counted[0]?.found ?? 0
      return {
        hits: hits.map(({ id, score, sort: values }) => ({
          id,
          score: sort.length === 0 ? score : null,
          sort: values,
        })),
        total: exact || found <= foundMax ? { value: found, relation: 'eq' } : { value: foundMax, relation: 'gte' },
        ...(facets && { facets: readFacetRows(facets, counted) }),
      }
    },
    { begin },
  )
}

/** Told anew what is left once so much of the time is gone: a quick query pays for no more round trips. */
const told = 0.05

/** Gives each statement what is left until the deadline; Postgres has been told of all of it. */
function within(session: Session, timeout_ms: number, deadline: number): Session {
  let given_ms = timeout_ms
  return {
    async query<R extends QueryResultRow>(one: Statement) {
      const left_ms = Math.ceil(deadline - performance.now())
      if (left_ms <= 0) throw new Unavailable('deadline', 'The search took too long.')
      if (given_ms - left_ms > timeout_ms * told) {
        await session.query({ text: `SET LOCAL statement_timeout = ${left_ms}` })
        given_ms = left_ms
      }
      return await session.query<R>(one)
    },
  }
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
