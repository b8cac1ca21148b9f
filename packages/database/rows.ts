import { type Collection, type KeyUse, recordText, type Version } from '@ordermill/model'
import { type QueryResultRow, types } from 'pg'
import { columnsOf } from './columns.ts'
import { parsers, type Statement } from './database.ts'

/** The columns of a collection, as a select list. */
export const selectList = (c: Collection): string =>
  columnsOf(c)
    .map(({ name }) => name)
    .join(', ')

const timestamptz = 1184

/** Of statements whose rows become versions: times are RFC 3339 texts, and no Date is made between. */
export const rowTypes = {
  getTypeParser: (oid, format) => (oid === timestamptz ? timeOf : parsers.getTypeParser(oid, format)),
} as NonNullable<Statement['types']>

/** A time as Postgres prints it in UTC (`2026-11-21 20:01:46.123+00`), as RFC 3339 to the millisecond. */
export function timeOf(text: string): string {
  const isPlain = text.length >= 22 && text.charAt(10) === ' ' && text.charAt(4) === '-' && text.endsWith('+00')
  if (!isPlain) return (types.getTypeParser(timestamptz)(text) as Date).toISOString()
  const millis = text.slice(20, -3).slice(0, 3).padEnd(3, '0')
  return `${text.slice(0, 10)}T${text.slice(11, 19)}.${millis}Z`
}

/** The version that a row holds, read with `rowTypes`: its text is the same, to the last byte, as the API printed it. */
export function versionOf(c: Collection, row: QueryResultRow): Version {
  const { id, version, hash, parent, status, created_at, updated_at, deleted_at, keys } = row
  const record: Record<string, string | number | null> = { id, version, status, created_at, updated_at, deleted_at }
  for (const name of c.fieldNames) {
    const value = row[name]
    record[name] = c.fields[name]?.kind === 'money' && value !== null ? Number(value) : value
  }
  return {
    id,
    version,
    hash,
    parent,
    deleted: deleted_at !== null,
    keys: Array.isArray(keys) ? (keys as KeyUse[]) : [],
    text: recordText(c, record),
  }
}
