import { createTable } from '@ordermill/database'
import { orders } from '@ordermill/model'
import { firstOrder } from '@ordermill/model/testing'
import { redisAt, until } from '@ordermill/servers/testing'
import t from 'tap'
import { get, post, startTestApi, startTestWorker } from '../testing.ts'
import { openEngines } from '../testing-engines.ts'

const { env, namespace, database } = await openEngines(t)
const redis = redisAt(t, env['REDIS_ADDR'])
const alone = { ...env, ELASTICSEARCH_URL: '' }
const { url } = await startTestApi(t, alone)
await startTestWorker(t, alone)
const place = (count: number, customer_id: string) =>
  createTable(database, orders).apply(
    Array.from({ length: count }, () => [firstOrder({ customer_id })] as const),
    new AbortController().signal,
  )
/** The ids of an answer. */
const found = async (customer_id: string, limit: number): Promise<string[]> => {
  const { body } = await post(`${url}/api/orders/query`, { where: { keyword_match: { must: { customer_id } } }, limit })
  return (body['hits'] as { order: { id: string } }[]).map(({ order }) => order.id)
}
const cached = async () => {
  const keys = await redis.keys(`*${namespace}orders:*`)
  return keys.flatMap((key) => /:([0-9a-f]{8}-[0-9a-f-]{27})$/.exec(key)?.slice(1) ?? []).sort()
}

t.test('the hits of a page are cached like what is read by itself, but not those of a page for programs', async (t) => {
  const { body } = await post(`${url}/api/orders?wait=persisted&wait_ms=10000`, { product_name: 'FIRST', amount: 1 })
  const first = String(body['order_id'])
  await redis.unlink(...(await redis.keys(`*${namespace}orders:${first}`)))
  await until('the cache keeps what Postgres has', async () => {
    return (await get(`${url}/api/orders/${first}`)).headers.get('x-cache') === 'HIT'
  })
  await place(101, 'program')
  await place(3, 'people')
  await until('programs find theirs', async () => (await found('program', 101)).length === 101)
  const ids = await until('people find theirs', async () => {
    const some = await found('people', 25)
    return some.length === 3 && some
  })
  await until('they are cached', async () => (await cached()).length >= 4)
  t.same(await cached(), [first, ...ids].sort())
  for (const id of ids) {
    const { headers } = await get(`${url}/api/orders/${id}`)
    t.equal(headers.get('x-cache'), 'HIT')
  }
  t.same((await found('people', 25)).sort(), ids.sort(), 'and found again, by way of the cache')
})
