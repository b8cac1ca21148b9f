import type { Session } from './database.ts'

/** Why a member of a bulk could not be taken: its place (0-based) and the reason. */
export interface MemberError {
  index: number
  code: string
  detail: string
}

/** What became of a bulk. */
export interface Bulk {
  id: string
  /** Of the request that made it: the same key with another body is refused by it. */
  fingerprint: string
  outcome: 'committed' | 'rolled_back'
  members: number
  errors: MemberError[] | null
}

export async function readBulk(session: Session, id: string): Promise<Bulk | undefined> {
  const [bulk] = await session.query<Bulk>({
    name: 'bulk-read',
    text: 'SELECT id, fingerprint, outcome, members, errors FROM bulks WHERE id = $1',
    values: [id],
  })
  return bulk
}

/** Stores the outcome of a bulk, once: false if it has one already. */
export async function storeBulk(
  session: Session,
  { id, fingerprint, outcome, members, errors }: Bulk,
): Promise<boolean> {
  const rows = await session.query({
    name: 'bulk-store',
    text: `INSERT INTO bulks (id, fingerprint, outcome, members, errors) VALUES ($1, $2, $3, $4, $5)
      ON CONFLICT (id) DO NOTHING RETURNING 1`,
    values: [id, fingerprint, outcome, members, errors === null ? null : JSON.stringify(errors)],
  })
  return rows.length === 1
}
