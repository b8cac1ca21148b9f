import { orders } from '@ordermill/model'
import { floorNames } from '../stores.ts'

const columns = ['id', 'version', 'status', ...orders.fieldNames, 'created_at', 'updated_at']

/** One statement for a batch: $1 is a JSON array of records. */
export const upsertBatch = `INSERT INTO ${floorNames.table} (${columns.join()}) SELECT ${columns.map((name) => `r.${name}`).join()}
  FROM jsonb_populate_recordset(null::${floorNames.table}, $1::jsonb) AS r
  ON CONFLICT (id) DO UPDATE SET ${columns.map((name) => `${name} = excluded.${name}`).join()}`

/** One statement for a record. */
export const insertOne = `INSERT INTO ${floorNames.table} (${columns.join()}) VALUES (${columns.map((_, at) => `$${at + 1}`).join()})`
export const valuesOf = (order: Record<string, unknown>): unknown[] => columns.map((name) => order[name] ?? null)
