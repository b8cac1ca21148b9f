import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { environment } from '@ordermill/config'
import { firstVersion, newId, orders, readCreate, toError, type Version } from '@ordermill/model'

/**
 * Bodies of real orders, those that are accepted: of the file online_retail.orders.ndjson in the folder that ORDERS_DATA names,
 * else the hundred lines kept here. UCI Machine Learning Repository, "Online Retail", D. Chen 2015, CC BY 4.0; a sample, one line
 * of a purchase each, in the shape that POST /api/orders takes.
 */
export function orderBodies(): string[] {
  const given = environment()['ORDERS_DATA']
  const file = given === undefined ? '' : join(given, 'online_retail.orders.ndjson')
  const path = existsSync(file) ? file : join(import.meta.dirname, 'orders.ndjson')
  const bodies = readFileSync(path, 'utf8').split('\n').filter(isAccepted)
  if (bodies.length === 0) throw new Error(`${path} holds no order that would be accepted`)
  return bodies
}

function isAccepted(line: string): boolean {
  try {
    readCreate(orders, JSON.parse(line), new Date(0).toISOString())
    return true
  } catch (thrown) {
    toError(thrown) // a line that must be refused, or an empty one
    return false
  }
}

/** First versions of orders, made as the API makes them; the bodies in turn. */
export function* versionsOf(bodies: string[], count: number): Generator<Version> {
  const parsed = bodies.map((body) => JSON.parse(body) as unknown)
  for (let at = 0; at < count; at += 1) {
    const now = new Date().toISOString()
    const content = readCreate(orders, parsed[at % parsed.length], now)
    yield firstVersion(orders, { id: newId(), content, now })
  }
}

/** The same, so many at a time. */
export function* pagesOf<T>(all: Iterable<T>, size: number): Generator<T[]> {
  let page: T[] = []
  for (const one of all) {
    if (page.push(one) < size) continue
    yield page
    page = []
  }
  if (page.length > 0) yield page
}
