import { type Collection, changedFields, type StoredRecord, type Version } from '@ordermill/model'

/** One version of a record: when it was made, and what it changed. */
export interface HistoryEntry {
  version: number
  at: string
  status: string
  deleted: boolean
  /** Accepted, and not yet known to be in Postgres. */
  dirty: boolean
  changes: { field: string; from: string | number | null; to: string | number | null }[]
}

/** The history of a record, oldest first: what Postgres has, and the cached version where that is newer. */
export function historyOf(c: Collection, persisted: StoredRecord[], cached: Version | undefined): HistoryEntry[] {
  const last = persisted.at(-1)?.version ?? 0
  const newer = cached !== undefined && cached.version > last ? [JSON.parse(cached.text) as StoredRecord] : []
  const all = [...persisted, ...newer]
  return all.map((record, at) => {
    const before = all[at - 1]
    return {
      version: record.version,
      at: record.updated_at,
      status: record.status,
      deleted: record.deleted_at !== undefined,
      dirty: record.version > last,
      changes: changedFields(c, before, record).map((field) => ({
        field,
        from: before?.[field] ?? null,
        to: record[field] ?? null,
      })),
    }
  })
}
