import { environment } from '@ordermill/config'
import { corner } from '@ordermill/servers/testing'
import t from 'tap'
import { post, startTestApi } from '../testing.ts'

// No engine is asked for any of these: what is wrong is told before.
const { env } = await corner(t, environment())
const { url } = await startTestApi(t, { ...env, ELASTICSEARCH_URL: 'http://127.0.0.1:1', POSTGRES_DSN: 'postgres://127.0.0.1:1/none' }) // biome-ignore format: one line

const times = (count: number, make: (at: number) => unknown) => Array.from({ length: count }, (_, at) => make(at))
const amounts = (...ranges: unknown[]) => [{ field: 'amount', ranges }]
const days = (...ranges: unknown[]) => [{ field: 'placed_at', ranges }]

const bad: [facets: unknown, pointer: string, code: string][] = [
  [null, '', 'type'],
  [{}, '', 'type'],
  ['status', '', 'type'],
  [[], '', 'length'],
  [times(11, () => 'status'), '', 'length'],
  [times(10_000, () => 'status'), '', 'length'],
  [[1], '/0', 'type'],
  [[null], '/0', 'type'],
  [[[]], '/0', 'type'],
  [[{}], '/0/field', 'unknown'],
  [[''], '/0', 'unknown'],
  [['a\u0000b'], '/0', 'unknown'],
  [['\ud800'], '/0', 'unknown'],
  [['x'.repeat(10_000)], '/0', 'unknown'],
  [['__proto__'], '/0', 'unknown'],
  [['status', 'statu'], '/1', 'unknown'],
  [[{ field: { $ne: 1 } }], '/0/field', 'unknown'],
  [['product_name'], '/0', 'facet'],
  [[{ field: 'product_name', size: 1 }], '/0/field', 'facet'],
  [['reference'], '/0', 'facet'],
  [['id'], '/0', 'facet'],
  [['amount'], '/0', 'facet'],
  [[{ field: 'amount' }], '/0/field', 'facet'],
  [[{ field: 'status', ranges: [{ gte: 1 }] }], '/0/ranges', 'facet'],
  [[{ field: 'amount', interval: 'day' }], '/0/interval', 'facet'],
  [[{ field: 'placed_at', step: 1 }], '/0/step', 'facet'],
  [[{ field: 'amount', step: 1, size: 1 }], '/0/size', 'facet'],
  [[{ field: 'amount', step: 1, ranges: [{ gte: 1 }] }], '/0/step', 'either'],
  [[{ field: 'status', sise: 1 }], '/0/sise', 'unknown'],
  ...[0, 101, 1.5, -1, '1', null, 1e308].map((size) => [[{ field: 'status', size }], '/0/size', 'range'] as [unknown, string, string]),
  ...[0, -1, 0.5, 1e13, 1e308, '10', null].map((step) => [[{ field: 'amount', step }], '/0/step', 'range'] as [unknown, string, string]),
  ...['hour', 'days', '', 1, null, '\u0000'].map((interval) => [[{ field: 'placed_at', interval }], '/0/interval', 'enum'] as [unknown, string, string]),
  [[{ field: 'amount', ranges: {} }], '/0/ranges', 'type'],
  [amounts(), '/0/ranges', 'length'],
  [amounts(...times(51, (at) => ({ gte: at, lt: at + 1 }))), '/0/ranges', 'length'],
  [amounts(...times(10_000, (at) => ({ gte: at, lt: at + 1 }))), '/0/ranges', 'length'],
  [amounts(1), '/0/ranges/0', 'type'],
  [amounts({}), '/0/ranges/0', 'required'],
  [amounts({ gte: 1, lte: 2 }), '/0/ranges/0/lte', 'unknown'],
  [amounts({ gte: 1, lt: 1 }), '/0/ranges/0', 'empty'],
  [amounts({ gte: 2, lt: 1 }), '/0/ranges/0', 'empty'],
  [amounts({ gte: 0, lt: 10 }, { gte: 9.99, lt: 20 }), '/0/ranges/1', 'overlap'],
  [amounts({ lt: 10 }, { gte: 20 }, { gte: 10, lt: 20.01 }), '/0/ranges/2', 'overlap'],
  [amounts({ gte: 0 }, { lt: 1 }), '/0/ranges/1', 'overlap'],
  [amounts({ gte: 1e16 }), '/0/ranges/0/gte', 'range'],
  [amounts({ gte: 1e308 }), '/0/ranges/0/gte', 'range'],
  [amounts({ lt: '10' }), '/0/ranges/0/lt', 'range'],
  [amounts({ lt: null }), '/0/ranges/0/lt', 'range'],
  [[{ field: 'quantity', ranges: [{ gte: 2 ** 31 }] }], '/0/ranges/0/gte', 'range'],
  [[{ field: 'quantity', ranges: [{ gte: 1.5 }] }], '/0/ranges/0/gte', 'range'],
  [days({ gte: '0000-01-01' }), '/0/ranges/0/gte', 'time'],
  [days({ gte: '20000-01-01' }), '/0/ranges/0/gte', 'time'],
  [days({ gte: '2011-02-30' }), '/0/ranges/0/gte', 'time'],
  [days({ gte: '2011-01-01\u0000' }), '/0/ranges/0/gte', 'time'],
  [days({ gte: 5 }), '/0/ranges/0/gte', 'time'],
  [days({ gte: '2011-01-01T00:00:00.0001Z', lt: '2011-01-01T00:00:00.0002Z' }), '/0/ranges/0', 'empty'],
  [days({ gte: '2011-01-01', lt: '2011-01-03' }, { gte: '2011-01-02' }), '/0/ranges/1', 'overlap'],
  [amounts({ name: '', lt: 1 }), '/0/ranges/0/name', 'length'],
  [amounts({ name: 'x'.repeat(101), lt: 1 }), '/0/ranges/0/name', 'length'],
  [amounts({ name: 'a\u0000', lt: 1 }), '/0/ranges/0/name', 'nul'],
  [amounts({ name: '\ud800', lt: 1 }), '/0/ranges/0/name', 'surrogate'],
  [amounts({ name: 'a', lt: 1 }, { name: 'a', gte: 1 }), '/0/ranges/1/name', 'twice'],
] // biome-ignore format: a table

t.test('each facet that breaks a rule is told by pointer and code', async (t) => {
  for (const [facets, pointer, code] of bad) {
    const { status, body } = await post(`${url}/api/orders/query`, { facets })
    const shown = JSON.stringify(facets).slice(0, 80)
    t.equal(status, 422, shown)
    t.match(body['errors'], [{ pointer: `/facets${pointer}`, code, detail: /^(must|is|does|goes|overlaps|holds|amount|placed_at|status) ?/ }], shown) // biome-ignore format: one line
    t.equal((body['errors'] as unknown[]).length, 1, shown)
  }
})

t.test('a count takes where and nothing else, and its faults are told like those of a query', async (t) => {
  const refused = async (sent: unknown, pointer: string, code: string) =>
    t.match((await post(`${url}/api/orders/count`, sent)).body, { status: 422, errors: [{ pointer, code }] }, pointer)
  await refused({ limit: 1 }, '/limit', 'unknown')
  await refused({ facets: ['status'] }, '/facets', 'unknown')
  await refused([], '', 'type')
  await refused({ where: [] }, '/where', 'type')
  await refused({ where: { keyword_match: { must: { statu: 'a' } } } }, '/where/keyword_match/must/statu', 'unknown')
  await refused({ where: { keyword_match: { must: { status: Array(10_000).fill('a') } } } }, '/where/keyword_match/must/status', 'length') // biome-ignore format: one line
  t.match((await post(`${url}/api/orders/count`, '{')).body, { status: 400, code: 'malformed' })
})

t.test('while no engine answers, facets, counts and values are 503, and nothing of the inside is told', async (t) => {
  for (const [path, body] of [['query', { facets: ['status'] }], ['count', {}]] as const) // biome-ignore format: one line
    t.match((await post(`${url}/api/orders/${path}`, body)).body, {
      status: 503,
      detail: 'The database does not answer.',
    })
})
