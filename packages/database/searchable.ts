import type { Collection } from '@ordermill/model'
import type { Session } from './database.ts'

/** What stands of a record, and whether searches of an alias find it. */
export interface Searchable {
  version: number
  change_seq: number
  /** found: at this change or a later one; rejected: the engine will not take it as it stands. */
  state: 'found' | 'not-yet' | 'rejected'
}

/** Undefined if there is no such record. @throws Unavailable when Postgres does not answer */
export async function readSearchable(
  session: Session,
  c: Collection,
  alias: string,
  id: string,
): Promise<Searchable | undefined> {
  const [row] = await session.query<Searchable>({
    name: `${c.name}-searchable`,
    text: `SELECT t.version, t.change_seq, CASE WHEN r.change_seq >= t.change_seq THEN 'rejected'
        WHEN s.refreshed_seq >= t.change_seq THEN 'found' ELSE 'not-yet' END AS state
      FROM ${c.name} t LEFT JOIN search_cursors s ON s.alias = $2 AND s.role = 'serving'
        LEFT JOIN search_rejects r ON r.index_uuid = s.index_uuid AND r.id = t.id
      WHERE t.id = $1`,
    values: [id, alias],
  })
  return row
}
