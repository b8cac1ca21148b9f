import { environment } from '@ordermill/config'
import { corner, until } from '@ordermill/servers/testing'
import t from 'tap'
import { type Answer, get, post, startTestApi, startTestWorker } from '../testing.ts'
import { severable } from './testing.ts'

interface Hits {
  hits: { score: number | null; sort: unknown[]; order: Record<string, unknown> }[]
}
const hitsOf = ({ body }: Answer) => (body as unknown as Hits).hits
const query = {
  where: {
    text_matches: { must: [{ filter_key: 'product_name', text_value: 'hanging LANTÉRN', search_type: 'prefix' }] },
    range_query: { must: { amount: { gte: 2 } } },
  },
  order_by: [{ order_by: 'amount', order_direction: 'desc' }],
  select_columns: ['amount'],
  limit: 2,
}

t.test('searches go on while Elasticsearch is away, with the same answers, and say who gave them', async (t) => {
  const { env } = await corner(t, environment())
  const engine = new URL(env['ELASTICSEARCH_URL'] ?? '')
  const way = await severable(t, engine.hostname, Number(engine.port))
  const { url } = await startTestApi(t, { ...env, ELASTICSEARCH_URL: `http://127.0.0.1:${way.port}` })
  await startTestWorker(t, env)
  for (const amount of [1, 2, 3, 4])
    await post(`${url}/api/orders?wait=persisted&wait_ms=30000`, { product_name: `HANGING LANTERN ${amount}`, amount })
  const ask = (body: object = query) => post(`${url}/api/orders/query`, body)
  const from = (engine: string) =>
    until(`${engine} knows all of them`, async () => {
      const answer = await get(`${url}/api/search?q=lantern`)
      return answer.body['engine'] === engine && answer.body['total'] === 4
    })

  const healthOf = async () => {
    const { body } = await get(`${url}/health`)
    return (body['dependencies'] as Record<string, unknown>[]).find(({ name }) => name === 'elasticsearch')
  }
  const figures = async () => (await fetch(`${url}/metrics`)).text()

  await from('elasticsearch')
  t.match(await healthOf(), { status: 'ok', detail: /^(green|yellow|red)$/, breaker: 'closed' })
  await until('it lags behind nothing', async () =>
    /search_lag_seconds\{.*engine="elasticsearch".*\} 0$/m.test(await figures()),
  )
  const before = await ask()
  t.equal(before.headers.get('x-search-engine'), 'elasticsearch')
  t.ok(Number(before.headers.get('x-search-lag-seconds')) >= 0)
  t.match(before.body, { total: { value: 3, relation: 'eq' }, engine: 'elasticsearch' })
  t.same(
    hitsOf(before).map(({ order }) => order['amount']),
    [4, 3],
  )
  t.same(
    hitsOf(before).map(({ order }) => Object.keys(order)),
    [
      ['id', 'amount'],
      ['id', 'amount'],
    ],
  )

  way.cut()
  await from('postgres')
  const after = await ask()
  t.equal(after.headers.get('x-search-engine'), 'postgres')
  const own = { engine: '', lag: '', next_cursor: '' }
  t.same({ ...after.body, ...own }, { ...before.body, ...own }, 'the same answer')
  const next = await ask({ ...query, search_after: hitsOf(after).at(-1)?.sort })
  t.same(
    hitsOf(next).map(({ order }) => order['amount']),
    [2],
    'the page after it',
  )
  const all = await ask({})
  t.match(all.body, { total: { value: 4 }, lag: { changes: 0, seconds: 0 } })
  t.match(await healthOf(), { status: 'away', breaker: /open/ })
  t.equal((await get(`${url}/health/ready`)).status, 200, 'able to accept all the same')
  const then = await figures()
  for (const reason of ['failed', 'resting'])
    t.match(then, new RegExp(`search_fallbacks_total\\{.*reason="${reason}".*\\} [1-9]`))
  t.match(then, /search_breaker_state\{.*state="closed".*\} 0/)
  t.match(then, /search_duration_seconds_count\{.*engine="elasticsearch",outcome="failed"\} [1-9]/)

  way.mend()
  await from('elasticsearch')
})

t.test('without Elasticsearch search answers from Postgres', async (t) => {
  const { env } = await corner(t, environment())
  const alone = { ...env, ELASTICSEARCH_URL: '' }
  const { url } = await startTestApi(t, alone)
  await startTestWorker(t, alone)
  await post(`${url}/api/orders?wait=persisted&wait_ms=30000`, { product_name: 'JAM JAR', amount: 2, reference: 'R-1' })
  for (const q of ['jam', 'jarr', 'm ja', 'R-1'])
    await until(`'${q}' finds it`, async () => {
      const { status, body } = await get(`${url}/api/search?q=${encodeURIComponent(q)}`)
      return status === 200 && body['total'] === 1 && body['engine'] === 'postgres'
    })
  t.match((await get(`${url}/api/search?q=honey`)).body, { total: 0 })
})

t.test('a query with faults is answered with all of them, and asks no engine', async (t) => {
  const { env } = await corner(t, environment())
  const { url } = await startTestApi(t, { ...env, ELASTICSEARCH_URL: '' })
  const { status, body } = await post(`${url}/api/orders/query`, {
    where: { keyword_match: { must: { statu: 'placed' } }, query_string: { query: '*:*' } },
    limit: 0,
  })
  t.equal(status, 422)
  t.same((body['errors'] as { pointer: string }[]).map(({ pointer }) => pointer).toSorted(), [
    '/limit',
    '/where/keyword_match/must/statu',
    '/where/query_string',
  ])
})
