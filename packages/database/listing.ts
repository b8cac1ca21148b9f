import type { Collection, StoredRecord } from '@ordermill/model'
import { sqlComment } from './comment.ts'
import type { Session } from './database.ts'
import { rowTypes, selectList, versionOf } from './rows.ts'

/** Which records a list shows. Texts compare whole; times are RFC 3339, `from` included, `to` not. */
export interface Filter {
  equal: Record<string, string | undefined>
  range: { field: string; from: string | undefined; to: string | undefined }
}

/** Where a page ended: the next one starts right after. */
export interface Position {
  created_at: string
  id: string
}

export interface Page {
  /** JSON texts of the records, newest first. */
  texts: string[]
  /** Undefined on the last page. */
  next: Position | undefined
}

/** One page of a collection as Postgres has it, newest first, by keyset: pages neither repeat nor skip. Field names must be the collection's. */
export async function listRecords(
  session: Session,
  c: Collection,
  {
    filter,
    after,
    limit,
    correlationId,
  }: { filter: Filter; after: Position | undefined; limit: number; correlationId?: string },
): Promise<Page> {
  const values: unknown[] = [limit + 1]
  const bind = (value: unknown) => `$${values.push(value)}`
  const where = ['deleted_at IS NULL']
  for (const [field, value] of Object.entries(filter.equal))
    if (value !== undefined) where.push(`${field} = ${bind(value)}`)
  const { field, from, to } = filter.range
  if (from !== undefined) where.push(`${field} >= ${bind(from)}`)
  if (to !== undefined) where.push(`${field} < ${bind(to)}`)
  if (after !== undefined)
    where.push(`(created_at, id) < (${bind(after.created_at)}::timestamptz, ${bind(after.id)}::uuid)`)
  const rows = await session.query({
    text: `SELECT ${selectList(c)} FROM ${c.name} WHERE ${where.join(' AND ')} ORDER BY created_at DESC, id DESC LIMIT $1${sqlComment(correlationId)}`,
    values,
    types: rowTypes,
  })
  const page = rows.slice(0, limit)
  const last = rows.length > limit ? page.at(-1) : undefined
  return {
    texts: page.map((row) => versionOf(c, row).text),
    next: last === undefined ? undefined : { created_at: String(last['created_at']), id: String(last['id']) },
  }
}

/** Every version of a record that Postgres has, oldest first. */
export async function readHistory(
  session: Session,
  c: Collection,
  id: string,
  correlationId?: string,
): Promise<StoredRecord[]> {
  const comment = sqlComment(correlationId)
  const [row] = await session.query({
    text: `SELECT ${selectList(c)} FROM ${c.name} WHERE id = $1${comment}`,
    values: [id],
    types: rowTypes,
  })
  const current = row === undefined ? undefined : (JSON.parse(versionOf(c, row).text) as StoredRecord)
  const past = await session.query<{ body: StoredRecord }>({
    text: `SELECT body FROM ${c.name}_history WHERE id = $1 ORDER BY version${comment}`,
    values: [id],
  })
  // What was superseded between the two reads stands in both.
  const before = past.map(({ body }) => body).filter(({ version }) => version !== current?.version)
  return [...before, ...(current === undefined ? [] : [current])].sort((one, other) => one.version - other.version)
}

/** Whether a keyed write stands in the past of a record: for keys that it no longer remembers itself. */
export async function findKeyUse(
  session: Session,
  c: Collection,
  id: string,
  key: string,
): Promise<{ fingerprint: string } | undefined> {
  const [found] = await session.query<{ fingerprint: string }>({
    name: `${c.name}-key-use`,
    text: `SELECT use->>'fingerprint' AS fingerprint FROM ${c.name}_history, jsonb_array_elements(keys) AS use
      WHERE id = $1 AND use->>'key' = $2 LIMIT 1`,
    values: [id, key],
  })
  return found
}
