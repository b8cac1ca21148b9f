import {
  type Collection,
  type Found,
  foundMax,
  type Query,
  type QueryField,
  queryFields,
  type SortValue,
} from '@ordermill/model'
import { sqlComment } from './comment.ts'
import type { Database } from './database.ts'
import { compileOrder, compileWhere } from './query-sql.ts'
import { textsTable } from './texts.ts'

/**
 * Answers a query from Postgres alone, with the same records in the same order as the search engine.
 * @throws Unavailable if that takes longer than `timeout_ms`: Postgres stops it
 */
export async function searchRecords(
  database: Database,
  c: Collection,
  query: Query,
  { timeout_ms, correlationId }: { timeout_ms: number; correlationId?: string },
): Promise<Found> {
  const fields = queryFields(c)
  const scored = query.sort.length === 0
  const hits = statementOf(c, fields, query, scored, ({ from, score, bind }) => {
    const { order, values, after } = compileOrder(query, fields, bind)
    const rows = `SELECT t.*, ${score} AS score FROM ${from}${after === undefined ? '' : ` AND ${after}`}`
    const start = query.after === undefined ? ` OFFSET ${bind(query.from)}` : ''
    return `SELECT t.id, t.score, ${values} AS sort FROM (${rows}) t ORDER BY ${order} LIMIT ${bind(query.size)}${start}`
  })
  const counting = ({ from }: Parts) => `SELECT count(*) AS found FROM (SELECT 1 FROM ${from} LIMIT ${foundMax + 1}) s`
  const count = statementOf(c, fields, query, false, counting)
  const begin = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = ${Math.ceil(timeout_ms)}${sqlComment(correlationId)}`
  return await database.transaction(
    async (session) => {
      const rows = await session.query<{ id: string; score: number; sort: SortValue[] }>(hits)
      const [counted] = await session.query<{ found: number }>(count)
      const found = counted?.found ?? 0
      return {
        hits: rows.map(({ id, score, sort }) => ({ id, score: scored ? score : null, sort })),
        total: { value: Math.min(found, foundMax), relation: found > foundMax ? 'gte' : 'eq' },
      }
    },
    { begin },
  )
}

interface Parts {
  from: string
  score: string
  bind(value: unknown): string
}

function statementOf(
  c: Collection,
  fields: Map<string, QueryField>,
  { where: condition }: Query,
  scored: boolean,
  sqlOf: (parts: Parts) => string,
) {
  const values: unknown[] = []
  const bind = (value: unknown) => `$${values.push(value)}`
  const { where, score, texts } = compileWhere(condition, fields, bind, { scored })
  const join = texts ? ` LEFT JOIN ${textsTable(c)} x ON x.id = t.id` : ''
  return { text: sqlOf({ from: `${c.name} t${join} WHERE t.deleted_at IS NULL AND ${where}`, score, bind }), values }
}
