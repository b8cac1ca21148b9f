import { type Collection, type KeyUse, recordText, type Version } from '@ordermill/model'
import type { QueryResultRow } from 'pg'
import { columnsOf } from './columns.ts'

/** The columns of a collection, as a select list. */
export const selectList = (c: Collection): string =>
  columnsOf(c)
    .map(({ name }) => name)
    .join(', ')

/** The version that a row holds: its text is the same, to the last byte, as the API printed it. */
export function versionOf(c: Collection, row: QueryResultRow): Version {
  const record: Record<string, string | number | null> = {}
  for (const [name, value] of Object.entries(row)) {
    const plain: unknown = value instanceof Date ? value.toISOString() : value
    record[name] =
      c.fields[name]?.kind === 'money' && plain !== null ? Number(plain) : (plain as string | number | null)
  }
  const keys: unknown = row['keys']
  return {
    id: String(row['id']),
    version: Number(row['version']),
    hash: String(row['hash']),
    parent: row['parent'] === null ? null : String(row['parent']),
    deleted: row['deleted_at'] !== null,
    keys: Array.isArray(keys) ? (keys as KeyUse[]) : [],
    text: recordText(c, record),
  }
}
