import type { Collection, StoredRecord } from '@ordermill/model'
import type { Session } from './database.ts'

/** The versions before given ones, newest first, without a gap, no more than `depth` of each: by id. Superseded in a batch or not. */
export async function readPast(
  session: Session,
  c: Collection,
  versions: { id: string; version: number }[],
  depth: number,
): Promise<Map<string, StoredRecord[]>> {
  const past = new Map<string, StoredRecord[]>()
  const later = versions.filter(({ version }) => version > 1)
  if (later.length === 0) return past
  const rows = await session.query<{ id: string; body: StoredRecord }>({
    name: `${c.name}-past-of`,
    text: `SELECT h.id, h.body FROM unnest($1::uuid[], $2::int[]) AS a(id, version)
      JOIN ${c.name}_history h ON h.id = a.id AND h.version < a.version AND h.version >= a.version - $3::int
      ORDER BY h.id, h.version DESC`,
    values: [later.map(({ id }) => id), later.map(({ version }) => version), depth],
  })
  const next = new Map(later.map(({ id, version }) => [id, version - 1]))
  for (const { id, body } of rows) {
    if (next.get(id) !== body.version) continue // what lies behind a gap says nothing of what came after
    next.set(id, body.version - 1)
    past.set(id, [...(past.get(id) ?? []), body])
  }
  return past
}
