import type { Collection, StoredRecord } from './collection.ts'

/** The fields, status included, that are not the same in two versions of a record; before the first one there is none. */
export function changedFields(c: Collection, before: StoredRecord | undefined, after: StoredRecord): string[] {
  return ['status', ...c.fieldNames].filter((name) => (before?.[name] ?? null) !== (after[name] ?? null))
}
