import { toError } from '@ordermill/model'
import type { Database } from './database.ts'

/** A materialized view, and the collection whose changes it shows. */
export interface View {
  name: string
  source: string
}
export const dailySales: View = { name: 'daily_sales_mv', source: 'orders' }

/**
 * What a refresh did. `as_of` (RFC 3339) was read before it started: everything persisted by then is in the view. From then on
 * `duration_ms` runs, by the same clock: no two refreshes of a view overlap on record.
 */
export interface Refresh {
  outcome: 'refreshed' | 'unchanged' | 'busy'
  as_of: string | undefined
  duration_ms: number
}

/** A refresh may take longer than any other statement, but not forever. */
const refreshMax_ms = 10 * 60_000

/**
 * Refreshes a view without blocking its readers. Only one refresh runs at a time: a second gets `busy`. With `force` it runs
 * though nothing changed. Every run but a busy one is on record.
 * @throws Unavailable
 */
export async function refreshView(database: Database, view: View, { force = false } = {}): Promise<Refresh> {
  const started = performance.now()
  try {
    return await database.transaction(async (session) => {
      await session.query({ text: `SET LOCAL statement_timeout = ${refreshMax_ms}` })
      await session.query({ text: `SET LOCAL idle_in_transaction_session_timeout = ${refreshMax_ms}` })
      const [lock] = await session.query<{ got: boolean }>({
        text: `SELECT pg_try_advisory_xact_lock(hashtextextended(current_schema() || '.' || $1, 1)) AS got`,
        values: [view.name],
      })
      if (lock?.got !== true) return { outcome: 'busy', as_of: undefined, duration_ms: performance.now() - started }
      const [before] = await session.query<{ as_of: Date; change_seq: number; known: number | null }>({
        // When the statement came: before its snapshot, so that nothing persisted by then is missing from it.
        text: `SELECT statement_timestamp() AS as_of, (SELECT coalesce(max(change_seq), 0) FROM ${view.source}) AS change_seq,
          (SELECT change_seq FROM view_refreshes WHERE view = $1 AND outcome <> 'failed' ORDER BY id DESC LIMIT 1) AS known`,
        values: [view.name],
      })
      if (before === undefined) throw new Error('a select without rows')
      const outcome = !force && before.known === before.change_seq ? 'unchanged' : 'refreshed'
      const text = `REFRESH MATERIALIZED VIEW CONCURRENTLY ${view.name}`
      if (outcome === 'refreshed') await session.query({ text, wait_ms: refreshMax_ms })
      const [done] = await session.query<{ duration_ms: number }>({
        text: `INSERT INTO view_refreshes (view, outcome, as_of, change_seq, duration_ms)
          VALUES ($1, $2, $3, $4, extract(epoch FROM clock_timestamp() - $3::timestamptz) * 1000) RETURNING duration_ms`,
        values: [view.name, outcome, before.as_of, before.change_seq],
      })
      return { outcome, as_of: before.as_of.toISOString(), duration_ms: done?.duration_ms ?? 0 }
    })
  } catch (thrown) {
    const { message } = toError(thrown)
    await database
      .query({
        text: `INSERT INTO view_refreshes (view, outcome, as_of, change_seq, duration_ms, error) VALUES ($1, 'failed', now(), 0, $2, $3)`,
        values: [view.name, performance.now() - started, message],
      })
      .catch(() => undefined) // the first error is the one to tell
    throw thrown
  }
}

/** When the view was last known to be right (RFC 3339), and by which clock now is; undefined if it never was refreshed. */
export async function lastRefresh(
  database: Database,
  view: View,
): Promise<{ as_of: string; age_ms: number } | undefined> {
  const [row] = await database.query<{ as_of: Date; age_ms: number }>({
    name: 'last-refresh',
    text: `SELECT as_of, (extract(epoch FROM now() - as_of) * 1000)::float8 AS age_ms FROM view_refreshes WHERE view = $1 AND outcome <> 'failed' ORDER BY id DESC LIMIT 1`,
    values: [view.name],
  })
  return row === undefined ? undefined : { as_of: row.as_of.toISOString(), age_ms: row.age_ms }
}

/** Sales by UTC day and currency as JSON text: sums leave Postgres as it prints them, never as floats. */
export async function readSales(
  database: Database,
  { from, to, currency }: { from: string; to: string; currency?: string | undefined },
): Promise<{ json: string; as_of: string | undefined }> {
  const [row] = await database.query<{ json: string; as_of: Date | null }>({
    name: 'sales',
    text: `SELECT coalesce((SELECT json_agg(json_build_object('date', sale_date, 'currency', currency,
        'total_revenue', trim_scale(total_revenue), 'orders', orders, 'units', units) ORDER BY sale_date DESC, currency)
        FROM daily_sales_mv WHERE sale_date BETWEEN $1::date AND $2::date AND ($3::text IS NULL OR currency = $3)), '[]')::text AS json,
      (SELECT as_of FROM view_refreshes WHERE view = 'daily_sales_mv' AND outcome <> 'failed' ORDER BY id DESC LIMIT 1) AS as_of`,
    values: [from, to, currency ?? null],
  })
  return { json: row?.json ?? '[]', as_of: row?.as_of?.toISOString() }
}
