import type { Collection } from '@ordermill/model'
import type { Database, Session } from './database.ts'
import { type Change, changeOf } from './reader.ts'
import { rowTypes, selectList } from './rows.ts'

/** The rows of a collection in order of their ids, tombstones included. Every method throws Unavailable when Postgres does not answer. */
export interface RowsInOrder {
  /** Up to `limit` rows with ids above `after`; from the first one if absent. */
  after(after: string | undefined, limit: number): Promise<Change[]>
  /** Those of these that there are. */
  read(ids: string[]): Promise<Change[]>
}

export function createRowsInOrder(session: Session, c: Collection): RowsInOrder {
  const list = `change_seq, ${selectList(c)}`
  const changes = (rows: Record<string, unknown>[]): Change[] => rows.map((row) => changeOf(c, row))
  return {
    async after(after, limit) {
      const [from, values] = after === undefined ? ['', []] : ['WHERE id > $2', [after]]
      const text = `SELECT ${list} FROM ${c.name} ${from} ORDER BY id LIMIT $1`
      return changes(await session.query({ text, values: [limit, ...values], types: rowTypes }))
    },
    async read(ids) {
      const text = `SELECT ${list} FROM ${c.name} WHERE id = ANY($1::uuid[])`
      return ids.length === 0
        ? []
        : changes(await session.query({ name: `${c.name}-in-order-read`, text, values: [ids], types: rowTypes }))
    },
  }
}

/**
 * Gives rows that still stand at these changes a new change number, so that whoever follows the table comes by them again. Versions and
 * history stay as they are. Where `above` is given, the new numbers are above it. Gives how many rows it were.
 */
export async function renumber(
  database: Pick<Database, 'transaction'>,
  c: Collection,
  rows: { id: string; change_seq: number }[],
  above = 0,
): Promise<number> {
  if (rows.length === 0) return 0
  return await database.transaction(async (session) => {
    // The lock that every writer takes: numbers become visible in order.
    await session.query({
      text: `SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '.${c.name}', 0))`,
    })
    await session.query({
      text: `SELECT setval('${c.name}_change_seq', $1) FROM ${c.name}_change_seq WHERE last_value < $1`,
      values: [above],
    })
    const numbered = await session.query({
      text: `UPDATE ${c.name} t SET change_seq = nextval('${c.name}_change_seq')
        FROM unnest($1::uuid[], $2::bigint[]) AS r(id, change_seq) WHERE t.id = r.id AND t.change_seq = r.change_seq RETURNING 1`,
      values: [rows.map(({ id }) => id), rows.map(({ change_seq }) => change_seq)],
    })
    return numbered.length
  })
}

/** Which of these documents the engine will never take, and at which change of their rows. */
export async function readRejects(
  session: Session,
  index_uuid: string,
  ids: string[],
): Promise<{ id: string; change_seq: number }[]> {
  if (ids.length === 0) return []
  return await session.query<{ id: string; change_seq: number }>({
    name: 'search-rejects',
    text: 'SELECT id, change_seq FROM search_rejects WHERE index_uuid = $1 AND id = ANY($2::uuid[])',
    values: [index_uuid, ids],
  })
}
