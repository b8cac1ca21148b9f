import { serve } from './cursors.ts'
import type { Database } from './database.ts'

/** An index of an alias, and what it is for. */
export interface SearchIndex {
  uuid: string
  name: string
  /** serving: searches ask it; building: it is on its way there; kept: it served before, and is fed on, to go back to it. */
  role: 'serving' | 'building' | 'kept'
  /** By which definition it is fed. */
  definition: string | null
  /** What it does not have of that, and only a new one can have. */
  differs: string[]
  change_seq: number
  /** The job that builds it, and how that is; null if there is none (any more). */
  job: string | null
  job_state: string | null
}

/** The indices of one alias. Every method throws Unavailable when Postgres does not answer. */
export interface SearchIndices {
  list(): Promise<SearchIndex[]>
  /** A new index is fed from now on, for this job. */
  build(index: { uuid: string; name: string; definition: string; job: string }): Promise<void>
  /** Nobody moves its cursor for so long, and whoever has not this token never again; 0 ends the pause. */
  pause(uuid: string, span_ms: number, token?: number): Promise<void>
  /** It serves from now on, and what served before is kept. Searches find everything in it up to `refreshed_seq`. */
  serve(uuid: string, refreshed_seq: number): Promise<void>
  /** Nobody follows it any more. The one that serves stays. */
  forget(uuid: string): Promise<void>
}

export function createSearchIndices(database: Database, alias: string): SearchIndices {
  return {
    list: () =>
      database.query<SearchIndex>({
        name: 'search-indices',
        text: `SELECT c.index_uuid AS uuid, c.index_name AS name, c.role, c.definition, c.differs, c.change_seq, c.job, j.state AS job_state
          FROM search_cursors c LEFT JOIN jobs j ON j.id = c.job WHERE c.alias = $1 AND c.role IS NOT NULL ORDER BY c.index_name`,
        values: [alias],
      }),
    async build({ uuid, name, definition, job }) {
      await database.query({
        text: `INSERT INTO search_cursors (index_uuid, index_name, alias, role, definition, job)
          VALUES ($1, $2, $3, 'building', $4, $5) ON CONFLICT DO NOTHING`,
        values: [uuid, name, alias, definition, job],
      })
    },
    async pause(uuid, span_ms, token = 0) {
      await database.query({
        text: `UPDATE search_cursors SET token = greatest(token, $3),
            paused_until = CASE WHEN $2::float8 > 0 THEN now() + $2 * interval '1 ms' END WHERE index_uuid = $1`,
        values: [uuid, span_ms, token],
      })
    },
    serve: (uuid, refreshed_seq) =>
      database.transaction(async (session) => {
        await serve(session, uuid, alias)
        await session.query({
          text: `UPDATE search_cursors SET paused_until = NULL,
              refreshed_seq = CASE WHEN index_uuid = $2 THEN greatest(refreshed_seq, $3) ELSE refreshed_seq END
            WHERE alias = $1`,
          values: [alias, uuid, refreshed_seq],
        })
      }),
    forget: (uuid) =>
      database.transaction(async (session) => {
        const gone = await session.query({
          text: `DELETE FROM search_cursors WHERE index_uuid = $1 AND role IS DISTINCT FROM 'serving' RETURNING 1`,
          values: [uuid],
        })
        if (gone.length > 0)
          await session.query({ text: 'DELETE FROM search_rejects WHERE index_uuid = $1', values: [uuid] })
      }),
  }
}
