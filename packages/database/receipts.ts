import type { Collection } from '@ordermill/model'
import type { Session } from './database.ts'
import type { ParkedState } from './ledger.ts'

/** What Postgres knows of a record: the version that stands, and those that were parked, newest first. */
export interface StoredReceipt {
  standing: { version: number; deleted: boolean; change_seq: number } | undefined
  parked: { version: number | null; state: ParkedState; code: string; reason: string; parked_at: string }[]
}

/** How many parked versions are told of. */
const parkedMax = 20

/** @throws Unavailable when Postgres does not answer */
export async function readReceipt(session: Session, c: Collection, id: string): Promise<StoredReceipt> {
  const [standing, parked] = await Promise.all([
    session.query<{ version: number; deleted: boolean; change_seq: number }>({
      name: `${c.name}-receipt`,
      text: `SELECT version, deleted_at IS NOT NULL AS deleted, change_seq FROM ${c.name} WHERE id = $1`,
      values: [id],
    }),
    session.query<StoredReceipt['parked'][number]>({
      name: 'parked-of-record',
      text: `SELECT version, state, code, reason, iso(last_parked_at) AS parked_at FROM parked
        WHERE id = $1 AND collection = $2 ORDER BY version DESC NULLS LAST, n DESC LIMIT $3`,
      values: [id, c.name, parkedMax],
    }),
  ])
  return { standing: standing[0], parked }
}
