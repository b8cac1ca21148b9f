import { environment } from '@ordermill/config'
import { corner, until } from '@ordermill/servers/testing'
import t from 'tap'
import { type Answer, get, post, startTestApi, startTestWorker } from '../testing.ts'
import { severable } from './testing.ts'

const { env } = await corner(t, environment())
const engine = new URL(env['ELASTICSEARCH_URL'] ?? '')
const way = await severable(t, engine.hostname, Number(engine.port))
const { url } = await startTestApi(t, { ...env, ELASTICSEARCH_URL: `http://127.0.0.1:${way.port}` })
await startTestWorker(t, env)

const placed = [
  { amount: 1, currency: 'GBP', customer_id: 'Anna', placed_at: '2011-01-02T23:59:59Z' },
  { amount: 9.99, currency: 'GBP', customer_id: 'anna-2', placed_at: '2011-01-03T00:00:00Z' },
  { amount: 10, currency: 'EUR', customer_id: 'Bob (50% off)', placed_at: '2011-01-31T12:00:00Z' },
  { amount: 250, currency: 'GBP', customer_id: 'Éric', placed_at: '2012-02-29T12:00:00Z' },
  { amount: 11, currency: 'USD', placed_at: '2012-02-29T13:00:00Z' },
]
for (const order of placed)
  await post(`${url}/api/orders?wait=persisted&wait_ms=30000`, { product_name: 'LANTERN', ...order })
const count = (where?: object) => post(`${url}/api/orders/count`, where === undefined ? {} : { where })
const valuesOf = (field: string, query = '') => get(`${url}/api/orders/filters/${field}/values${query}`)
const lanterns = { text_matches: { must: [{ filter_key: 'product_name', text_value: 'lantern' }] } }

/** Waits until this engine answers, and knows all orders. */
const from = (engine: string) =>
  until(
    `${engine} knows all of them`,
    async () => {
      const { headers, body } = await count(lanterns)
      return headers.get('x-search-engine') === engine && body['count'] === placed.length
    },
    60_000,
  )

const facets = [
  'status',
  { field: 'customer_id', size: 1 },
  { field: 'amount', ranges: [{ name: 'small', lt: 10 }, { gte: 10, lt: 11 }, { gte: 100 }] },
  { field: 'placed_at', interval: 'week' },
  { field: 'placed_at', interval: 'year' },
  { field: 'amount', step: 10 },
  { field: 'placed_at', ranges: [{ gte: '2012-01-01', lt: '2013-01-01' }] },
] // biome-ignore format: a table
const day = (text: string) => `${text}T00:00:00.000Z`
const counted = [
  { field: 'status', buckets: [{ value: 'placed', count: 5 }], other: 0, absent: 0 },
  { field: 'customer_id', buckets: [{ value: 'Anna', count: 1 }], other: 3, absent: 1 },
  { field: 'amount', buckets: [{ name: 'small', lt: 10, count: 2 }, { gte: 10, lt: 11, count: 1 }, { gte: 100, count: 1 }], other: 1, absent: 0 },
  { field: 'placed_at', interval: 'week', buckets: [
    { gte: day('2010-12-27'), lt: day('2011-01-03'), count: 1 },
    { gte: day('2011-01-03'), lt: day('2011-01-10'), count: 1 },
    { gte: day('2011-01-31'), lt: day('2011-02-07'), count: 1 },
    { gte: day('2012-02-27'), lt: day('2012-03-05'), count: 2 },
  ] },
  { field: 'placed_at', interval: 'year', buckets: [{ gte: day('2011-01-01'), lt: day('2012-01-01'), count: 3 }, { gte: day('2012-01-01'), lt: day('2013-01-01'), count: 2 }] },
  { field: 'amount', step: 10, buckets: [{ gte: 0, lt: 10, count: 2 }, { gte: 10, lt: 20, count: 2 }, { gte: 250, lt: 260, count: 1 }] },
  { field: 'placed_at', buckets: [{ gte: day('2012-01-01'), lt: day('2013-01-01'), count: 2 }], other: 3 },
] // biome-ignore format: a table

/** What is asked, and what is answered, whoever answers. */
const asked: [what: string, ask: () => Promise<Answer>, answer: object][] = [
  ['all', () => count(), { count: 5 }],
  ['some', () => count({ range_query: { must: { amount: { gte: 10 } } } }), { count: 3 }],
  ['values', () => valuesOf('currency'), { field: 'currency', values: [{ value: 'GBP', count: 3 }, { value: 'EUR', count: 1 }, { value: 'USD', count: 1 }], other: 0 }],
  ['the first', () => valuesOf('currency', '?limit=1'), { values: [{ value: 'GBP', count: 3 }], other: 2 }],
  ['capitals and small letters', () => valuesOf('customer_id', '?q=ANN'), { values: [{ value: 'Anna', count: 1 }, { value: 'anna-2', count: 1 }], other: 0 }],
  ['letters with accents', () => valuesOf('customer_id', `?q=${encodeURIComponent('éR')}`), { values: [{ value: 'Éric', count: 1 }] }],
  ['signs', () => valuesOf('customer_id', `?q=${encodeURIComponent('(50%')}`), { values: [{ value: 'Bob (50% off)', count: 1 }] }],
  ['nothing by a pattern', () => valuesOf('customer_id', `?q=${encodeURIComponent('.*')}`), { values: [], other: 0 }],
  ['facets', () => post(`${url}/api/orders/query`, { where: lanterns, limit: 1, facets }), { total: { value: 5 }, hits: { length: 1 }, facets: counted }],
] // biome-ignore format: a table

t.test('facets, counts and values are the same while Elasticsearch is away, and say who gave them', async (t) => {
  for (const engine of ['elasticsearch', 'postgres']) {
    if (engine === 'postgres') way.cut()
    await from(engine)
    for (const [what, ask, answer] of asked) {
      const { status, headers, body } = await ask()
      t.equal(status, 200, what)
      t.match(body, { ...answer, engine }, `${engine}: ${what}`)
      t.equal(headers.get('x-search-engine'), engine, what)
      t.ok(Number(headers.get('x-search-lag-seconds')) >= 0, what)
    }
  }
})

t.test('filters name every field, what can be asked of it, and every limit', async (t) => {
  const { status, body } = await get(`${url}/api/orders/filters`)
  t.equal(status, 200)
  const fields = body['fields'] as { name: string }[]
  t.match(fields.find(({ name }) => name === 'product_name'), { type: 'text', operators: ['text_matches'], search_types: ['exact', 'shuffle', 'substring', 'prefix'], fuzzy: true, sortable: false, facets: [] }) // biome-ignore format: one line
  t.match(fields.find(({ name }) => name === 'status'), { type: 'keyword', operators: ['keyword_match'], sortable: true, facets: ['values'], values: ['placed'] }) // biome-ignore format: one line
  t.match(fields.find(({ name }) => name === 'amount'), { type: 'money', operators: ['range_query'], facets: ['ranges', 'step'] }) // biome-ignore format: one line
  t.match(
    fields.find(({ name }) => name === 'reference'),
    { optional: true, facets: [] },
  )
  t.match(body['limits'], { facets: 10, ranges: 50, facetValues: 100, found: 10_000 })
})

t.test(
  'values of a field that has none to list, or is none, are refused; the field that was meant is named',
  async (t) => {
    const refused = async (field: string, query: string, error: object) =>
      t.match((await valuesOf(field, query)).body, { status: 422, errors: [error] }, field + query)
    await refused('statu', '', {
      parameter: 'field',
      detail: /^must be one of status, currency, customer_id: status\?$/,
    })
    for (const field of ['product_name', 'amount', 'reference', 'id', '__proto__', '%00', 'x'.repeat(3_000)])
      await refused(field, '', { parameter: 'field', detail: /^must be one of/ })
    for (const q of ['', 'x'.repeat(101), 'a%00b'])
      await refused('status', `?q=${q}`, { parameter: 'q', detail: /^must/ })
    for (const limit of ['0', '101', 'x']) await refused('status', `?limit=${limit}`, { parameter: 'limit' })
  },
)
