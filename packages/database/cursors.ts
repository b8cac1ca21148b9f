import type { Collection } from '@ordermill/model'
import type { Session } from './database.ts'

/** How far each follower has come. Keyed by the index's UUID, so that a new index starts from 0. */
export interface Cursors {
  /** Where the follower of this index stands; makes the cursor if there is none. */
  open(index: { uuid: string; name: string }): Promise<number>
  /** Moves from `from` to `to`; false if somebody else moved it meanwhile. */
  move(uuid: string, from: number, to: number): Promise<boolean>
  /** Records documents that the engine will never take. */
  reject(uuid: string, rejects: { id: string; change_seq: number; reason: string }[]): Promise<void>
}

export function createCursors(session: Session): Cursors {
  return {
    async open({ uuid, name }) {
      const [row] = await session.query<{ change_seq: number }>({
        text: `INSERT INTO search_cursors (index_uuid, index_name) VALUES ($1, $2)
          ON CONFLICT (index_uuid) DO UPDATE SET index_name = excluded.index_name RETURNING change_seq`,
        values: [uuid, name],
      })
      return row?.change_seq ?? 0
    },
    async move(uuid, from, to) {
      const rows = await session.query({
        name: 'cursor-move',
        text: 'UPDATE search_cursors SET change_seq = $3, updated_at = now() WHERE index_uuid = $1 AND change_seq = $2 RETURNING 1',
        values: [uuid, from, to],
      })
      return rows.length === 1
    },
    async reject(uuid, rejects) {
      await session.query({
        text: `INSERT INTO search_rejects (index_uuid, id, change_seq, reason)
          SELECT $1, r.id, r.change_seq, r.reason FROM jsonb_to_recordset($2::jsonb) AS r(id uuid, change_seq bigint, reason text)
          ON CONFLICT (index_uuid, id) DO UPDATE SET change_seq = excluded.change_seq, reason = excluded.reason, rejected_at = now()`,
        values: [uuid, JSON.stringify(rejects)],
      })
    },
  }
}

/** How far the index of a collection is behind its table: changes at most, and the age of the oldest that it lacks. */
export async function indexLag(
  session: Session,
  collection: string,
  alias: string,
): Promise<{ changes: number; seconds: number }> {
  const [row] = await session.query<{ changes: number; seconds: number }>({
    name: `${collection}-lag`,
    text: `WITH cursor AS (SELECT coalesce(max(change_seq), 0) AS at FROM search_cursors
        WHERE updated_at = (SELECT max(updated_at) FROM search_cursors WHERE index_name LIKE $1 || '-%'))
      SELECT (SELECT coalesce(max(change_seq), 0) FROM ${collection}) - at AS changes,
        coalesce((SELECT extract(epoch FROM now() - t.updated_at) FROM ${collection} t
          WHERE t.change_seq > at ORDER BY t.change_seq LIMIT 1), 0)::float8 AS seconds FROM cursor`,
    values: [alias],
  })
  return { changes: Math.max(0, row?.changes ?? 0), seconds: Math.max(0, row?.seconds ?? 0) }
}

/** The key and name of the cursor of what others were told of a collection. No namespace begins with a bracket. */
export const changesCursor = (c: Collection): string => `(changes)${c.name}`

/** SQL that sets this cursor where the table is being made, so that others are told of everything in it. */
export const changesCursorSql = (c: Collection): string =>
  `-- Of what comes from here on, others are told.
INSERT INTO search_cursors (index_uuid, index_name) VALUES ('${changesCursor(c)}', '${changesCursor(c)}') ON CONFLICT DO NOTHING;
`

/**
 * Makes the cursor where there is none, and gives its name. It starts at the last change: a table that stood long before anybody
 * could listen is not told from its first change on.
 */
export async function openChangesCursor(session: Session, c: Collection): Promise<string> {
  const name = changesCursor(c)
  await session.query({
    name: `${c.name}-changes-cursor`,
    text: `INSERT INTO search_cursors (index_uuid, index_name, change_seq)
      SELECT $1, $1, coalesce(max(change_seq), 0) FROM ${c.name} ON CONFLICT DO NOTHING`,
    values: [name],
  })
  return name
}
