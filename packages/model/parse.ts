import type { Collection, StoredRecord } from './collection.ts'
import { BadData, toError } from './errors.ts'

/**
 * Reads the JSON text of a record as a message or a cache entry carries it.
 * A field that was added since, and is optional or has a default, may be absent.
 * @throws BadData if it is not JSON, or not a record of this collection: `unreadable`, with where and why.
 */
export function parseRecord(c: Collection, text: string): StoredRecord {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new BadData('unreadable', `the body is not JSON: ${toError(cause).message}`, { cause })
  }
  if (c.stored.checker.Check(value)) return value as StoredRecord
  const [first] = c.stored.checker.Errors(value)
  throw new BadData('unreadable', `not a record of ${c.name}: ${first?.instancePath ?? ''} ${first?.message ?? ''}`)
}
