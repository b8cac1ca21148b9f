import type { Collection } from '@ordermill/model'
import type { Session } from './database.ts'

/** A document that the engine will not take. */
export interface Reject {
  id: string
  version: number
  change_seq: number
  reason: string
}

/** What the engine will not take, as followers keep it. */
export interface Rejects {
  /** Whether anything of this index is recorded. */
  any(uuid: string): Promise<boolean>
  /** Records these: a row each, or one attempt more on the row that there is. */
  keep(uuid: string, rejects: Reject[]): Promise<void>
  /** The index has taken these after all. */
  forget(uuid: string, ids: string[]): Promise<void>
}

export function createRejects(session: Session, c: Collection): Rejects {
  return {
    async any(uuid) {
      const text = 'SELECT FROM search_rejects WHERE index_uuid = $1 LIMIT 1'
      return (await session.query({ name: 'rejects-any', text, values: [uuid] })).length > 0
    },
    async keep(uuid, rejects) {
      await session.query({
        text: `INSERT INTO search_rejects AS s (index_uuid, collection, id, version, change_seq, reason)
          SELECT $1, $2, r.id, r.version, r.change_seq, r.reason
          FROM jsonb_to_recordset($3::jsonb) AS r(id uuid, version integer, change_seq bigint, reason text)
          ON CONFLICT (index_uuid, id) DO UPDATE SET version = excluded.version, change_seq = excluded.change_seq,
            reason = excluded.reason, rejected_at = now(), attempts = s.attempts + (s.change_seq < excluded.change_seq)::int`,
        values: [uuid, c.name, JSON.stringify(rejects)],
      })
    },
    async forget(uuid, ids) {
      const text = 'DELETE FROM search_rejects WHERE index_uuid = $1 AND id = ANY($2::uuid[])'
      await session.query({ name: 'rejects-forget', text, values: [uuid, ids] })
    },
  }
}

/** A reject as operators see it. */
export interface RejectSummary extends Reject {
  n: number
  index: string
  attempts: number
  rejected_at: string
}

/** What the engine did not take, as operators see it. Every method throws Unavailable when Postgres does not answer. */
export interface RejectsView {
  /** Newest first, those below `before`; `id`: of one record alone. */
  list(page: { limit: number; before?: number | undefined; id?: string | undefined }): Promise<RejectSummary[]>
  /** How many there are. */
  count(): Promise<number>
  /** The highest number; 0 if there is none. */
  last(): Promise<number>
}

export function createRejectsView(session: Session, c: Collection): RejectsView {
  return {
    list: ({ limit, before, id }) =>
      session.query<RejectSummary>({
        text: `SELECT r.n, r.id, r.version, r.change_seq, coalesce(c.index_name, r.index_uuid) AS index, r.reason, r.attempts,
            iso(r.rejected_at) AS rejected_at
          FROM search_rejects r LEFT JOIN search_cursors c USING (index_uuid)
          WHERE r.collection = $1 AND ($3::bigint IS NULL OR r.n < $3) AND ($4::uuid IS NULL OR r.id = $4)
          ORDER BY r.n DESC LIMIT $2`,
        values: [c.name, limit, before ?? null, id ?? null],
      }),
    async count() {
      const text = 'SELECT count(*) AS count FROM search_rejects WHERE collection = $1'
      const [row] = await session.query<{ count: number }>({ name: 'rejects-count', text, values: [c.name] })
      return row?.count ?? 0
    },
    async last() {
      const text = 'SELECT coalesce(max(n), 0) AS last FROM search_rejects WHERE collection = $1'
      const [row] = await session.query<{ last: number }>({ text, values: [c.name] })
      return row?.last ?? 0
    },
  }
}

/** Rejects up to number `upTo`, in their order, those after `after`; `id`: of one record alone. */
export async function rejectsInOrder(
  session: Session,
  c: Collection,
  { id, upTo, after, limit }: { id?: string | undefined; upTo: number; after: number; limit: number },
): Promise<{ n: number; id: string }[]> {
  return await session.query<{ n: number; id: string }>({
    text: `SELECT n, id FROM search_rejects WHERE collection = $1 AND n > $2 AND n <= $3 AND ($4::uuid IS NULL OR id = $4)
      ORDER BY n LIMIT $5`,
    values: [c.name, after, upTo, id ?? null, limit],
  })
}

/** Forgets rejects of records that are there no more. */
export async function forgetGone(session: Session, c: Collection, ids: string[]): Promise<void> {
  await session.query({
    text: `DELETE FROM search_rejects s WHERE collection = $1 AND id = ANY($2::uuid[])
      AND NOT EXISTS (SELECT FROM ${c.name} t WHERE t.id = s.id)`,
    values: [c.name, ids],
  })
}
