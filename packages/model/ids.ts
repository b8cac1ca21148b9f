import { v5, v7 } from 'uuid'

/** Namespace of the ids that are made from a key (UUIDv5, RFC 9562 section 5.5). Never change it: retries would create twice. */
const namespace = '5f0a3c1e-8f5b-5d0e-9c67-2f1f7b6f2a11'
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** A new id: UUIDv7, so that ids sort by time of creation. */
export const newId = (): string => v7()

/** The id of what `caller` creates with this Idempotency-Key: the same for every retry. */
export const keyedId = (collection: string, caller: string, key: string): string =>
  v5(JSON.stringify([collection, caller, key]), namespace)

/** The id of member `index` (0-based) of a bulk. */
export const memberId = (bulkId: string, index: number): string => v5(JSON.stringify([bulkId, index]), namespace)

/** Whether this is an id as Ordermill writes it: a UUID in lower case. */
export const isId = (text: string): boolean => uuid.test(text)
