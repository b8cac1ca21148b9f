import { environment, readOptions } from '@ordermill/config'
import { createDatabase } from '@ordermill/database'
import { orders, type Query } from '@ordermill/model'
import { readQuery } from '@ordermill/search'
import { corner } from '@ordermill/servers/testing'
import { apiMetrics, createLogger, createRegistry } from '@ordermill/telemetry'
import t from 'tap'
import { shapeOf } from './query-shape.ts'
import { createSearch, createSearchBreaker } from './searching.ts'

const secret = 'hunter2'
const { query } = readQuery(orders, {
  where: {
    text_matches: { must: [{ filter_key: 'product_name', text_value: `${secret} lamp`, operator: 'or', fuzzy: true }] },
    keyword_match: { must: { customer_id: [secret, `${secret}0`] }, must_not: { status: 'cancelled' } },
    range_query: { must: { amount: { gte: 4711, lt: 4712 } } },
    any_of: [{ text_matches: { must: [{ filter_key: 'product_name', text_value: secret, search_type: 'prefix' }] } }],
  },
  order_by: [{ order_by: 'amount', order_direction: 'desc' }],
  facets: [
    'status',
    { field: 'amount', ranges: [{ name: secret, lt: 4711 }] },
    { field: 'placed_at', interval: 'day' },
  ],
  limit: 7,
})

t.test('the shape of a query has its fields and how they are asked for, and no value', async (t) => {
  const shape = shapeOf(query)
  t.match(shape, {
    sort: ['-amount'],
    from: 0,
    size: 7,
    facets: ['values status 10', 'ranges amount 1', 'day placed_at'],
  })
  for (const part of [
    'shuffle product_name any fuzzy 2 words',
    'equal customer_id 2 values',
    'not(equal status 1 values)',
    'range amount gte lt',
    'prefix product_name 1 words',
  ])
    t.ok(shape.where.includes(part), `${part} in ${shape.where}`)
  t.notMatch(JSON.stringify(shape), /hunter2|471|cancelled/)
})

t.test('a slow search is logged by its shape, at most once a second; a quick one is not', async (t) => {
  const { env } = await corner(t, environment())
  const { POSTGRES_DSN: dsn } = readOptions(env, ['POSTGRES_DSN'])
  const database = createDatabase({ dsn, name: 'test', poolMax: 2, timeout_ms: 10_000, onLost: () => undefined })
  t.teardown(() => database.stop())
  const lines: string[] = []
  const stream = { write: (line: string) => void lines.push(line) }
  const lag = async () => ({ changes: 0, seconds: 0 })
  const searchOf = (slow_ms: number) =>
    createSearch({
      collection: orders,
      database,
      searcher: undefined,
      lags: { elasticsearch: lag, postgres: lag },
      lagMax_s: 60,
      timeout_ms: 10_000,
      slow_ms,
      breaker: createSearchBreaker(),
      metrics: apiMetrics(createRegistry('test'), []),
      log: createLogger({ service: 'api', level: 'warn', stream }),
    })
  const twice = async (slow_ms: number, asked: Query) => {
    const search = searchOf(slow_ms)
    await Promise.all([search(asked, 'c-1'), search(asked, 'c-1')])
  }
  await twice(60_000, query)
  await twice(0, query)
  t.same(lines, [])
  await twice(0.001, query)
  t.equal(lines.length, 1)
  t.match(JSON.parse(lines[0] ?? '{}'), {
    msg: 'slow search',
    engine: 'postgres',
    outcome: 'ok',
    shape: shapeOf(query),
    total: { value: 0 },
    correlation_id: 'c-1',
  })
  t.notMatch(lines[0], /hunter2|471/)
})
