import { hash } from 'node:crypto'

/** Namespace of the ids that are made from a key (UUIDv5, RFC 9562 section 5.5). Never change it: retries would create twice. */
const namespace = Buffer.from('5f0a3c1e8f5b5d0e9c672f1f7b6f2a11', 'hex')
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** A new id: UUIDv7, so that ids sort by time of creation. */
export const newId: () => string = createIds()

/** The id of what `caller` creates with this Idempotency-Key: the same for every retry. */
export const keyedId = (collection: string, caller: string, key: string): string =>
  named(JSON.stringify([collection, caller, key]))

/** The id of member `index` (0-based) of a bulk. */
export const memberId = (bulkId: string, index: number): string => named(JSON.stringify([bulkId, index]))

/** Whether this is an id as Ordermill writes it: a UUID in lower case. */
export const isId = (text: string): boolean => uuid.test(text)

/**
 * Gives UUIDv7s, each above the one before: within a millisecond, or where the clock stands still, twelve bits count (RFC 9562 section
 * 6.2, method 1), from a random number of eleven on. The random bytes are those of Node's UUIDv4, which fetches them in bulk: v7 of
 * uuid fetches them one id at a time, and was 4 % of what accepting an order costs the API.
 */
function createIds(): () => string {
  let last_ms = 0
  let count = 0
  return () => {
    const random = crypto.randomUUID()
    const now = Date.now()
    if (now > last_ms || count === 0xfff) {
      last_ms = Math.max(now, last_ms + 1)
      count = Number.parseInt(random.slice(0, 3), 16) >> 1
    } else count += 1
    const time = last_ms.toString(16).padStart(12, '0')
    return `${time.slice(0, 8)}-${time.slice(8)}-7${count.toString(16).padStart(3, '0')}-${random.slice(19)}`
  }
}

/** A UUIDv5 in our namespace. With the hash in one call it costs a quarter of v5 of uuid, and every keyed write needs one. */
function named(name: string): string {
  const sha1 = hash('sha1', Buffer.concat([namespace, Buffer.from(name)]), 'hex')
  const variant = '89ab'[Number.parseInt(sha1.charAt(16), 16) & 3]
  return `${sha1.slice(0, 8)}-${sha1.slice(8, 12)}-5${sha1.slice(13, 16)}-${variant}${sha1.slice(17, 20)}-${sha1.slice(20, 32)}`
}
