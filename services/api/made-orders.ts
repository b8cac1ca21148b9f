import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createReader, createTable, createTextIndex, type Database } from '@ordermill/database'
import { orders, type StoredRecord } from '@ordermill/model'
import { deletedOrder, firstOrder } from '@ordermill/model/testing'
import { createIndexWriter, type EngineClient, type IndexDefinition } from '@ordermill/search'
import fc from 'fast-check'

interface Source {
  /** Where real orders may be: ORDERS_DATA. */
  folder: string | undefined
  seed: number
}
interface Stores {
  database: Database
  engine: EngineClient
  definition: IndexDefinition
}

/** Real orders where there are some, else what is as like them as a hundred real ones allow. */
export function realOrders(count: number, { folder, seed }: Source): Record<string, unknown>[] {
  const file = `${folder ?? ''}/online_retail.orders.ndjson`
  if (!existsSync(file)) return likeReal(linesOf(join(import.meta.dirname, '../../bench/orders.ndjson')), count, seed)
  return linesOf(file, count)
}
function linesOf(file: string, count?: number): Record<string, unknown>[] {
  return readFileSync(file, 'utf8').split('\n').slice(0, count).flatMap(parsed)
}
function parsed(line: string): Record<string, unknown>[] {
  try {
    return [JSON.parse(line) as Record<string, unknown>]
  } catch {
    return []
  }
}

/**
 * Orders whose names begin as one of these and end as another. As in names of products no word comes twice: to Postgres that says
 * no more than once, to Elasticsearch more, and names that do it often measure nothing else.
 */
function likeReal(few: Record<string, unknown>[], count: number, seed: number): Record<string, unknown>[] {
  const one = fc.constantFrom(...few)
  const order = fc.tuple(one, one, fc.integer({ min: 1, max: 3 })).map(([first, second, words]) => {
    const begin = wordsOf(first).slice(0, words)
    const end = wordsOf(second).slice(words)
    return { ...first, product_name: [...new Set([...begin, ...end])].join(' ') }
  })
  return fc.sample(order, { seed, numRuns: count })
}
const wordsOf = ({ product_name }: Record<string, unknown>) => String(product_name).split(' ')

/** Orders whose names share words, repeat them, and are written in many ways. */
export function madeOrders(count: number, { seed }: Pick<Source, 'seed'>): Record<string, unknown>[] {
  const word = fc.constantFrom(
    ..."RED RED Lantern LANTERN lanterns lantem set SET/3 T-LIGHT holder café Café CAFE Straße strasse Łódź 3 33 a of the x1 naïve ëa CHILDREN'S чай ЧАЙ чайник 茶道具 😀 Ω".split(
      ' ',
    ),
  )
  const order = fc.record({
    product_name: fc
      .array(word, { minLength: 1, maxLength: 7 })
      .chain((all) => fc.constantFrom(' ', '  ', ', ', '-', '/').map((between) => all.join(between))),
    amount: fc.integer({ min: 0, max: 3_000 }).map((cents) => cents / 100),
    quantity: fc.integer({ min: 1, max: 5 }),
    currency: fc.constantFrom('GBP', 'USD', 'EUR'),
    customer_id: fc.constantFrom('17850', 'a', 'B', 'é', '😀', 'zz', null),
    placed_at: fc.constantFrom(
      '2011-01-01T00:00:00Z',
      '2010-12-01T08:26:00Z',
      '0001-01-01T00:00:00Z',
      '9999-12-31T23:59:59.999Z',
    ),
  })
  return fc.sample(order, { seed, numRuns: count })
}

/** Persists, and feeds both indices as the followers do. Some are deleted again. */
export async function loadOrders(
  bodies: Record<string, unknown>[],
  { database, engine, definition }: Stores,
): Promise<StoredRecord[]> {
  const table = createTable(database, orders)
  const whenever = new AbortController().signal
  const made = bodies.flatMap((body) => {
    try {
      return [firstOrder(body)]
    } catch {
      return [] // some of the real ones are not valid
    }
  })
  const gone = made.filter((_, at) => at % 50 === 0)
  await table.apply(
    made.map((one) => [one]),
    whenever,
  )
  await table.apply(
    gone.map((one) => [deletedOrder(one)]),
    whenever,
  )
  const changes = await createReader(database, orders).changesAfter(0, 100_000)
  const writer = createIndexWriter(engine, definition)
  await writer.ensure()
  const results = await writer.write(changes)
  if (results.some(({ outcome }) => outcome !== 'done')) throw new Error('not all were indexed')
  await createTextIndex(database, orders).write(changes)
  await engine.indices.refresh({ index: definition.alias })
  return made.filter((one) => !gone.includes(one)).map(({ record }) => record)
}
