import type { Collection } from '@ordermill/model'
import type { Database, Session } from './database.ts'

/** What a follower feeds: the key and name of its cursor, and what it is for. */
export interface Followed {
  /** Names the cursor: a new index has another one, and starts from 0. */
  uuid: string
  name: string
  /** What it serves searches for; undefined where nobody asks by it, or another index serves. */
  alias?: string | undefined
  /** By which definition it is fed. */
  definition?: string | undefined
  /** What it does not have of that definition. */
  differs?: string[] | undefined
  /** The cursor where it begins if it has none yet; else at 0. */
  from?: string | undefined
}

/** Where a follower stands: up to where it has fed, and up to where searches find everything. */
export interface Place {
  change_seq: number
  refreshed_seq: number
}

/** How far each follower has come. What has a token is fenced: nothing happens once somebody opened the cursor with a greater one. */
export interface Cursors {
  /** Where the follower stands; makes the cursor if there is none. Undefined if the token is an older one, or the index is paused. */
  open(index: Followed, token: number): Promise<Place | undefined>
  /** The change that everything was written up to; 0 if nobody follows. */
  passed(uuid: string): Promise<number>
  /** Moves from `from` to `to`; false if somebody else may do so now, or did. */
  move(uuid: string, from: number, to: number, token: number): Promise<boolean>
  /** Says that searches find everything up to there, and tells who listens. */
  refreshed(uuid: string, to: number, token: number): Promise<void>
}

/** Where is told how far searches go: `<alias> <change_seq>`. */
export const refreshedChannel = 'ordermill_refreshed'

export function createCursors(database: Pick<Database, 'query' | 'transaction'>): Cursors {
  return {
    async open(index, token) {
      const { uuid, name, alias, definition, differs = [], from } = index
      const values = [uuid, name, token, alias ?? null, differs]
      const [standing] = await database.query<Place>({
        name: 'cursor-open',
        text: `UPDATE search_cursors SET token = $3, differs = $5 WHERE index_uuid = $1 AND index_name = $2 AND token <= $3 AND ${isOpen}
          AND ($4::text IS NULL OR (role = 'serving' AND alias = $4)) RETURNING change_seq, refreshed_seq`,
        values,
      })
      if (standing !== undefined) return standing
      return await database.transaction(async (session) => {
        const [place] = await session.query<Place>({
          text: `INSERT INTO search_cursors AS c (index_uuid, index_name, token, alias, differs, definition, change_seq)
            VALUES ($1, $2, $3, $4, $5, $6, coalesce((SELECT change_seq FROM search_cursors WHERE index_uuid = $7), 0))
            ON CONFLICT (index_uuid) DO UPDATE SET index_name = excluded.index_name, token = excluded.token, differs = excluded.differs,
              alias = coalesce(excluded.alias, c.alias), definition = coalesce(excluded.definition, c.definition)
            WHERE c.token <= excluded.token AND (c.paused_until IS NULL OR c.paused_until <= now())
            RETURNING change_seq, refreshed_seq`,
          values: [...values, definition ?? null, from ?? null],
        })
        if (place !== undefined && alias !== undefined) await serve(session, uuid, alias)
        return place
      })
    },
    async passed(uuid) {
      const text = 'SELECT change_seq FROM search_cursors WHERE index_uuid = $1'
      const [row] = await database.query<{ change_seq: number }>({ name: 'cursor-passed', text, values: [uuid] })
      return row?.change_seq ?? 0
    },
    async move(uuid, from, to, token) {
      const rows = await database.query({
        name: 'cursor-move',
        text: `UPDATE search_cursors SET change_seq = $3, updated_at = now()
          WHERE index_uuid = $1 AND change_seq = $2 AND token = $4 AND ${isOpen} RETURNING 1`,
        values: [uuid, from, to, token],
      })
      return rows.length === 1
    },
    async refreshed(uuid, to, token) {
      await database.query({
        name: 'cursor-refreshed',
        text: `WITH said AS (UPDATE search_cursors SET refreshed_seq = $2
            WHERE index_uuid = $1 AND refreshed_seq < $2 AND token = $3 RETURNING alias, role)
          SELECT pg_notify('${refreshedChannel}', alias || ' ' || $2::text) FROM said WHERE role = 'serving'`,
        values: [uuid, to, token],
      })
    },
  }
}

const isOpen = '(paused_until IS NULL OR paused_until <= now())'

/** This index serves from now on. What served before is kept if it was replaced by one that was fed beside it, else it is gone. */
export async function serve(session: Session, uuid: string, alias: string): Promise<void> {
  const before = await session.query<{ index_uuid: string; role: string | null }>({
    text: `UPDATE search_cursors SET role =
        (SELECT 'kept' FROM search_cursors b WHERE b.index_uuid = $1 AND b.role IN ('building', 'kept'))
      WHERE alias = $2 AND role = 'serving' AND index_uuid <> $1 RETURNING index_uuid, role`,
    values: [uuid, alias],
  })
  await session.query({
    text: `UPDATE search_cursors SET role = 'serving', alias = $2, job = NULL WHERE index_uuid = $1`,
    values: [uuid, alias],
  })
  const gone = before.filter(({ role }) => role === null).map(({ index_uuid }) => index_uuid)
  if (gone.length > 0)
    await session.query({ text: 'DELETE FROM search_rejects WHERE index_uuid = ANY($1)', values: [gone] })
}

/** How far the index that serves searches of an alias is behind its table: changes at most, and the age of the oldest that it lacks. */
export async function indexLag(
  session: Session,
  collection: string,
  alias: string,
): Promise<{ changes: number; seconds: number }> {
  const [row] = await session.query<{ changes: number; seconds: number }>({
    name: `${collection}-lag`,
    text: `WITH cursor AS (SELECT coalesce(max(change_seq), 0) AS at FROM search_cursors WHERE alias = $1 AND role = 'serving')
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
