import { type Collection, Doubtful, gathered, Unavailable, type Version } from '@ordermill/model'
import type { QueryResultRow } from 'pg'
import { commented } from './comment.ts'
import type { Session } from './database.ts'
import { rowTypes, selectList, versionOf } from './rows.ts'

/** A row in the order of its change. */
export interface Change extends Version {
  change_seq: number
}

/** The change that a row is, read as for `versionOf`. */
export const changeOf = (c: Collection, row: QueryResultRow): Change =>
  Object.assign(versionOf(c, row), { change_seq: Number(row['change_seq']) })

/** Reads one collection from Postgres. Every method throws Unavailable when it does not answer. */
export interface RecordReader {
  /**
   * The version that stands, tombstones included. The correlation id is of the request that asks; what is asked without one in one
   * turn of the event loop is one statement.
   */
  read(id: string, correlationId?: string): Promise<Version | undefined>
  /** Those that stand, in the order asked for. */
  readMany(ids: string[], correlationId?: string): Promise<(Version | undefined)[]>
  /** Which of these versions are persisted: they stand, or were superseded. */
  persisted(versions: { id: string; version: number }[]): Promise<{ id: string; version: number; hash: string }[]>
  /** Up to `limit` rows whose change number is above `after`, in order. */
  changesAfter(after: number, limit: number): Promise<Change[]>
  /** The highest change number that is visible; 0 for an empty table. */
  lastChange(): Promise<number>
}

/** Nothing that another statement would do better. */
const isPlainlyUnavailable = (thrown: unknown) => thrown instanceof Unavailable && !(thrown instanceof Doubtful)

export function createReader(session: Session, c: Collection): RecordReader {
  const list = selectList(c)
  const readMany: RecordReader['readMany'] = async (ids, correlationId) => {
    // Row by row: prepared while the table is empty, `= ANY` would be planned as a sequential scan, and stay it until Postgres analyzes.
    const row = `SELECT ${list} FROM ${c.name} WHERE id = asked.id LIMIT 1`
    const text = `SELECT found.* FROM unnest($1::uuid[]) AS asked(id) CROSS JOIN LATERAL (${row}) AS found`
    const statement = { name: `${c.name}-read`, text, values: [ids], types: rowTypes }
    const rows = await session.query(commented(statement, correlationId))
    const found = new Map(rows.map((row) => [String(row['id']), versionOf(c, row)]))
    return ids.map((id) => found.get(id))
  }
  const readAlone = async (id: string, correlationId?: string) => (await readMany([id], correlationId))[0]
  const readOne = gathered(
    async (all: { id: string }[]) => {
      const ids = all.map(({ id }) => id)
      try {
        return await readMany(ids)
      } catch (thrown) {
        if (ids.length === 1 || isPlainlyUnavailable(thrown)) throw thrown
        return ids.map((id) => readAlone(id)) // a row that cannot be read is the trouble of who asked for it
      }
    },
    (all) => [all],
  )
  return {
    read: async (id, correlationId) =>
      await (correlationId === undefined ? readOne({ id }) : readAlone(id, correlationId)),
    readMany,
    async persisted(versions) {
      return await session.query<{ id: string; version: number; hash: string }>({
        name: `${c.name}-persisted`,
        text: `WITH asked AS (SELECT * FROM unnest($1::uuid[], $2::int[]) AS a(id, version))
          SELECT t.id, t.version, t.hash FROM ${c.name} t JOIN asked a ON a.id = t.id AND a.version = t.version
          UNION ALL SELECT h.id, h.version, h.hash FROM ${c.name}_history h JOIN asked a ON a.id = h.id AND a.version = h.version`,
        values: [versions.map(({ id }) => id), versions.map(({ version }) => version)],
      })
    },
    async changesAfter(after, limit) {
      const rows = await session.query({
        name: `${c.name}-changes`,
        text: `SELECT change_seq, ${list} FROM ${c.name} WHERE change_seq > $1 ORDER BY change_seq LIMIT $2`,
        values: [after, limit],
        types: rowTypes,
      })
      return rows.map((row) => changeOf(c, row))
    },
    async lastChange() {
      const [row] = await session.query<{ last: number }>({
        name: `${c.name}-last-change`,
        text: `SELECT coalesce(max(change_seq), 0) AS last FROM ${c.name}`,
      })
      return row?.last ?? 0
    },
  }
}
