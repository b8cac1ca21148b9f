import { orders } from './collections/orders.ts'
import { newId } from './ids.ts'
import { readCreate, readPatch } from './input.ts'
import { parseRecord } from './parse.ts'
import { type Base, firstVersion, type KeyUse, nextVersion, tombstone, type Version } from './version.ts'

/** Orders for tests, made the way the API makes them. */

interface Making {
  id?: string
  /** RFC 3339 in UTC. */
  now?: string
  key?: Omit<KeyUse, 'version'>
}

/** The first version of an order. */
export function firstOrder(
  body: Record<string, unknown> = {},
  { id = newId(), now = clock(), key }: Making = {},
): Base {
  const content = readCreate(orders, { product_name: 'Cakestand', amount: 12.75, ...body }, now)
  return base(firstVersion(orders, { id, content, now, ...(key === undefined ? {} : { key }) }))
}

/** The version after `before`. @throws Error if nothing would change */
export function nextOrder(before: Base, patch: Record<string, unknown>, { now = clock(), key }: Making = {}): Base {
  const change = { ...readPatch(orders, patch, before.record), now, ...(key === undefined ? {} : { key }) }
  const version = nextVersion(orders, before, change)
  if (version === undefined) throw new Error('nothing would change')
  return base(version)
}

/** The tombstone after `before`. */
export const deletedOrder = (before: Base, { now = clock(), key }: Making = {}): Base =>
  base(tombstone(orders, before, now, key))

/** Versions of one order, oldest first: its quantity is 1, 2, 3 … */
export function orderChain(id = newId()): [Base, Base, Base, Base] {
  const first = firstOrder({ quantity: 1 }, { id })
  const second = nextOrder(first, { quantity: 2 })
  const third = nextOrder(second, { quantity: 3 })
  return [first, second, third, nextOrder(third, { quantity: 4 })]
}

const base = (version: Version): Base => ({ ...version, record: parseRecord(orders, version.text) })
const clock = () => new Date().toISOString()
