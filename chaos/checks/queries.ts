import { orders } from '@ordermill/model'
import type pg from 'pg'
import { recordSql } from '../../packages/database/columns.ts'
import type { Document, ParkedRow, Stored } from './evidence.ts'

/** All versions of the records that changed after this change: those that stand, and those before them. */
export async function persisted(pool: pg.Pool, after: number): Promise<Stored[]> {
  const { rows } = await pool.query<Omit<Stored, 'change_seq'> & { change_seq: string | null }>(
    `SELECT t.id, t.version, t.hash, t.parent, t.change_seq, ${recordSql(orders, 't')} AS record
       FROM orders t WHERE change_seq > $1
     UNION ALL SELECT h.id, h.version, h.hash, h.parent, NULL, h.body
       FROM orders_history h JOIN orders t ON t.id = h.id WHERE t.change_seq > $1
     UNION ALL SELECT h.id, h.version, h.hash, h.parent, NULL, h.body
       FROM orders_history h WHERE NOT EXISTS (SELECT FROM orders t WHERE t.id = h.id)`,
    [after],
  )
  return rows.map((row) => ({ ...row, change_seq: row.change_seq === null ? null : Number(row.change_seq) }))
}

/** What was set aside since row `after` of the ledger, but for what was discarded. */
export async function parked(pool: pg.Pool, after: number): Promise<ParkedRow[]> {
  const { rows } = await pool.query<ParkedRow & { n: string; body: Buffer }>(
    `SELECT n, id, version, hash, code, reason, state, body, headers ->> 'parent' AS parent
     FROM parked WHERE state <> 'DISCARDED' AND n > $1 ORDER BY n`,
    [after],
  )
  return rows.map(({ n, body, ...row }) => ({ ...row, n: Number(n), body: (body as Buffer).toString() }))
}

/** Every row as search should have it. */
export async function rowsAsDocuments(pool: pg.Pool): Promise<Document[]> {
  const { rows } = await pool.query<Document & { change_seq: string }>(
    `SELECT t.id, t.change_seq, ${recordSql(orders, 't')} AS record FROM orders t ORDER BY t.id`,
  )
  return rows.map(({ id, change_seq, record }) => ({ id, change_seq: Number(change_seq), record }))
}

/** Rows of the view that a recount has not, and the other way round. */
export async function viewDifferences(pool: pg.Pool): Promise<number> {
  const columns = 'sale_date, currency, total_revenue, orders, units'
  const recount = `SELECT (placed_at AT TIME ZONE 'UTC')::date AS sale_date, currency, sum(amount) AS total_revenue,
      count(*) AS orders, sum(quantity)::bigint AS units
    FROM orders WHERE deleted_at IS NULL AND status <> 'cancelled' GROUP BY 1, 2`
  const view = `SELECT ${columns} FROM daily_sales_mv`
  const { rows } = await pool.query<{ n: string }>(
    `SELECT count(*) AS n FROM (((${view}) EXCEPT (${recount})) UNION ALL ((${recount}) EXCEPT (${view}))) AS d`,
  )
  return Number(rows[0]?.n ?? Number.NaN)
}
